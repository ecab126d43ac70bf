/**
 * Much to look at: chats and messages for a person who is in front of a browser. They are made over REST, in chats that the
 * server can read, for those are there in minutes; the browser's core receives, seals, stores and reads them as any others.
 */
const AT_ONCE = 64;

/** Runs `act` for every number below `count`, several at a time. */
async function each(count, act) {
  let next = 0;
  const one = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, one));
}

export class Filler {
  clientSeq = 0;

  static async enter(machine) {
    const filler = new Filler();
    filler.url = `http://127.0.0.1:${machine.port}/api`;
    const [account] = await filler.ask('test/accounts', { count: 1, devices: 1 });
    filler.token = account.accessToken;
    return filler;
  }

  async ask(path, body) {
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(this.token ? { authorization: `Bearer ${this.token}` } : {}) },
      body: JSON.stringify(body),
    };
    // A connection that the server had just closed: asked again, with the same number, it is answered the same.
    const send = () => fetch(`${this.url}/${path}`, request);
    const answer = await send().catch(send);
    const said = await answer.json();
    if (answer.ok) return said;
    throw Object.assign(new Error(`${path}: ${said.error?.message ?? answer.status}`), { code: said.error?.code });
  }

  async person(address) {
    return (await this.ask('users/find', { address })).userId;
  }

  async group(name, members) {
    const body = { kind: 'CHAT_KIND_GROUP', encryption: 'ENCRYPTION_NONE', name, memberIds: members };
    return (await this.ask('chats', { clientSeq: (this.clientSeq += 1), ...body })).chatId;
  }

  async say(chat, text) {
    for (;;) {
      try {
        return await this.ask(`chats/${chat}/messages`, { clientSeq: (this.clientSeq += 1), text });
      } catch (error) {
        // Others overtook it by more numbers than the server remembers: it was not taken, and takes a new one.
        if (error.code !== 'tooOld') throw error;
      }
    }
  }

  /** So many groups, each with something said. */
  async chats(count, user) {
    await each(count, async (number) => {
      const chat = await this.group(`Group ${String(number + 1).padStart(5, '0')}`, [user]);
      await this.say(chat, `The first words of group ${number + 1}, about this and that`);
    });
  }

  /** A chat in which much was said. */
  async conversation(count, user) {
    const chat = await this.group('A long conversation', [user]);
    const words = 'the tide comes in and goes out again while we stand at the shore and talk about birds '.repeat(3);
    await each(count, (number) => this.say(chat, `${number + 1}: ${words.slice(0, 20 + ((number * 37) % 200))}`));
    return chat;
  }
}
