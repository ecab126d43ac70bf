import {
  THUMBNAIL_BYTES_MAX,
  type Attachment,
  type ChatDetails,
  type ChatId,
  type ChatSummary,
  type Core,
  type CoreEvent,
  type Found,
  type Item,
  type Mention,
  type Message,
  type NewFile,
  type Page,
  type Person,
  type Place,
  type Role,
  type Seq,
  type Transfer,
  type UserId,
} from '../../src/core/api';
import { previewOf } from '../../src/state/preview';
import { seqOf } from '../../src/text/rows';
import { Media, type Words } from './media';
import { room, said } from './sample';
import { summaryOf } from './summary';
import { device, fail, type Room, type World } from './world';

/** The interface of the core over a world in memory. It stands in for the real one on the bench, never in a release. */
export class MemoryCore implements Core {
  readonly world: World;
  readonly media: Media;
  readonly #listeners = new Set<(event: CoreEvent) => void>();
  readonly #pictures = new Map<string, Uint8Array>();
  #waiting = 100;

  constructor(world: World) {
    this.world = world;
    this.media = new Media(
      world,
      (event) => this.tell(event),
      (...sent) => void this.#say(...sent),
    );
  }

  subscribe(listener: (event: CoreEvent) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(event: CoreEvent): void {
    for (const listener of this.#listeners) listener(structuredClone(event));
  }

  // ---- for tests: what others do ----

  /** Somebody else says something. */
  say(chat: ChatId, user: UserId, text: string, more: Partial<Message> = {}): number {
    const room = this.#room(chat);
    const seq = this.#last(room) + 1;
    const message = said(seq, user, Date.now(), text, more);
    this.#append(room, message);
    if (user !== this.world.me) {
      room.details.unread += 1;
      this.tell({ type: 'notify', chat, message });
    }
    this.#changed(chat, [seq]);
    return seq;
  }

  setConnection(connection: World['connection']): void {
    this.world.connection = connection;
    this.tell({ type: 'connection', connection });
    this.media.connected(connection.state === 'online');
  }

  setSession(session: World['session']): void {
    this.world.session = session;
    this.tell({ type: 'session', session });
  }

  /** Changes an item where it stands. */
  change(chat: ChatId, seq: Seq, change: (message: Message) => Message): void {
    const room = this.#room(chat);
    room.items = room.items.map((item) =>
      item.type === 'message' && 'at' in item.place && item.place.at === seq ? change(item) : item,
    );
    this.#changed(chat, [seq]);
  }

  // ---- the interface ----

  async session() {
    return this.world.session;
  }
  async connection() {
    return this.world.connection;
  }
  async requestCode(address: string) {
    if (address === 'nobody') fail('invalidArgument');
  }
  async logIn(address: string, code: string, deviceName: string) {
    if (code !== '123456') fail('wrongCode');
    this.world.devices = this.world.devices.map((own) => (own.isThis ? { ...own, name: deviceName } : own));
    this.world.session = { state: 'ready', me: this.world.me, device: 1, name: this.world.profile.name, address };
    return this.world.session;
  }
  close() {
    this.#listeners.clear();
  }
  async confirmCode() {
    await this.newIdentity();
  }
  async restartLinking() {
    const { session } = this.world;
    if (session.state !== 'linking') return;
    const { text, otherDevices } = session;
    this.setSession({ state: 'linking', text, otherDevices });
  }
  async newIdentity() {
    this.setSession({ state: 'ready', me: this.world.me, device: 1, name: 'Robin', address: '+4912345678' });
  }
  async logOut() {
    this.setSession({ state: 'loggedOut', why: 'loggedOut' });
  }

  async chats(skip: number, limit: number) {
    const all = [...this.world.rooms.values()].sort((a, b) => b.details.active - a.details.active);
    return all.slice(skip, skip + limit).map((room) => summaryOf(this.world, room));
  }
  async summaries(chats: ChatId[]) {
    const rooms = chats.flatMap((chat) => this.world.rooms.get(chat) ?? []);
    return rooms.map((room) => summaryOf(this.world, room));
  }
  async chat(chat: ChatId): Promise<ChatDetails | undefined> {
    const room = this.world.rooms.get(chat);
    return room && structuredClone({ ...room.details, ...summaryOf(this.world, room) });
  }
  async lookAt() {}
  async chatPicture(chat: ChatId): Promise<Uint8Array | undefined> {
    const { picture } = this.#room(chat).details;
    return picture === undefined ? undefined : this.#pictures.get(picture);
  }
  async history(chat: ChatId, before: Seq | undefined, limit: number): Promise<Page> {
    const room = this.#room(chat);
    const items: Item[] = [];
    const below = (item: Item) => before === undefined || (seqOf(item) ?? Infinity) < before;
    for (const item of room.items.toReversed()) if (items.length < limit && below(item)) items.push(item);
    for (let seq = Math.min(room.made, (before ?? Infinity) - 1); seq > 0 && items.length < limit; seq -= 1) {
      const item = room.make?.(seq);
      if (item) items.push(item);
    }
    const oldest = items.map(seqOf).findLast((seq) => seq !== undefined);
    return structuredClone(
      items.length === limit && oldest !== undefined && oldest > 1 ? { items, nextBefore: oldest } : { items },
    );
  }
  async message(chat: ChatId, seq: Seq) {
    const room = this.#room(chat);
    return seq <= room.made ? room.make?.(seq) : structuredClone(room.items.find((item) => seqOf(item) === seq));
  }
  async messageInfo(chat: ChatId, seq: Seq) {
    const message = await this.message(chat, seq);
    if (message?.type !== 'message') return undefined;
    const others = this.#room(chat).details.roles.filter(({ user }) => user !== this.world.me);
    return {
      message,
      recipients: others.map(({ user }, index) => ({
        user,
        status: index % 2 ? ('delivered' as const) : ('seen' as const),
      })),
    };
  }
  async find(text: string, chat: ChatId | undefined, limit: number): Promise<Found[]> {
    const found: Found[] = [];
    for (const room of this.world.rooms.values()) {
      if (chat && room.details.chat !== chat) continue;
      for (const item of room.items.toReversed()) {
        if (
          item.type === 'message' &&
          item.body.kind === 'text' &&
          item.body.text.toLowerCase().includes(text.toLowerCase())
        )
          found.push({ chat: room.details.chat, message: item });
      }
    }
    return found.slice(0, limit);
  }

  async sendText(chat: ChatId, text: string, options: { mentions?: Mention[]; replyTo?: Seq } = {}) {
    const place = await this.#enter(chat, { kind: 'text', text, mentions: options.mentions ?? [] }, options.replyTo);
    await this.setDraft(chat, '');
    return { place };
  }
  async #say({ chat, caption, mentions, replyTo }: Transfer, files: Attachment[]) {
    await this.#enter(chat, { kind: 'files', caption, mentions, files }, replyTo);
  }
  async #enter(chat: ChatId, body: Message['body'], replyTo?: Seq): Promise<number> {
    const room = this.#room(chat);
    const place = (this.#waiting += 1);
    const replied = replyTo === undefined ? undefined : await this.message(chat, replyTo);
    const reply =
      replied?.type === 'message' && replyTo !== undefined
        ? { replyTo: { seq: replyTo, sender: replied.sender, preview: previewOf(replied) } }
        : {};
    room.items.push(
      said(0, this.world.me, Date.now(), '', { place: { waiting: place }, status: 'waiting', body, ...reply }),
    );
    room.details.active = Date.now();
    this.#changed(chat, []);
    if (this.world.connection.state === 'online') setTimeout(() => this.#sent(room, place), 80);
    return place;
  }
  #sent(room: Room, place: number) {
    const chat = room.details.chat;
    const item = room.items.find(
      (item) => item.type === 'message' && 'waiting' in item.place && item.place.waiting === place,
    );
    if (!item || item.type !== 'message') return;
    const seq = this.#last(room) + 1;
    room.items = [...room.items.filter((other) => other !== item), { ...item, place: { at: seq }, status: 'sent' }];
    this.#changed(chat, [seq]);
    if (!this.world.echo) return;
    setTimeout(() => this.change(chat, seq, (message) => ({ ...message, status: 'delivered' })), 300);
    setTimeout(() => this.change(chat, seq, (message) => ({ ...message, status: 'seen' })), 1200);
  }
  async edit(chat: ChatId, seq: Seq, text: string, mentions: Mention[] = []) {
    this.change(chat, seq, (message) => {
      const original = message.body.kind === 'text' ? message.body.text : '';
      return {
        ...message,
        body: { kind: 'text', text, mentions },
        edited: { time: Date.now(), original, isWaiting: false },
      };
    });
  }
  async react(chat: ChatId, seq: Seq, emoji: string | undefined) {
    const { me } = this.world;
    this.change(chat, seq, (message) => {
      const others = message.reactions.map((reaction) => ({
        ...reaction,
        users: reaction.users.filter((user) => user !== me),
        isOwn: false,
      }));
      const mine = others.find((reaction) => reaction.emoji === emoji);
      if (mine) Object.assign(mine, { users: [...mine.users, me], isOwn: true });
      else if (emoji) others.push({ emoji, users: [me], isOwn: true });
      return { ...message, reactions: others.filter((reaction) => reaction.users.length > 0) };
    });
  }
  async deleteForEveryone(chat: ChatId, seq: Seq) {
    this.change(chat, seq, (message) => ({ ...message, body: { kind: 'deleted' }, reactions: [] }));
  }
  async deleteForMe(chat: ChatId, seq: Seq) {
    const room = this.#room(chat);
    room.items = room.items.filter((item) => seqOf(item) !== seq);
    this.#changed(chat, [seq]);
  }
  async cancel(chat: ChatId, place: number) {
    const room = this.#room(chat);
    room.items = room.items.filter(
      (item) => !(item.type === 'message' && 'waiting' in item.place && item.place.waiting === place),
    );
    this.#changed(chat, []);
  }
  async markSeen(chat: ChatId, seq: Seq) {
    const { details } = this.#room(chat);
    if (seq <= details.seen) return;
    details.unread = Math.max(0, details.unread - (seq - details.seen));
    details.seen = seq;
    this.tell({ type: 'chat', chat });
  }
  async setTyping() {}
  async setDraft(chat: ChatId, text: string) {
    const { details } = this.#room(chat);
    if (details.draft === text) return;
    details.draft = text;
    this.tell({ type: 'chat', chat });
  }
  async setChatFlags(chat: ChatId, flags: Partial<Pick<ChatSummary, 'pinned' | 'muted' | 'archived'>>) {
    this.#update(chat, flags);
  }

  async startDirect(user: UserId) {
    for (const { details } of this.world.rooms.values()) if (details.peer === user) return details.chat;
    return this.#open(room(`direct${user}`, 'direct', this.world.people.get(user)?.name ?? '', [user], Date.now()));
  }
  async createGroup(title: string, members: UserId[]) {
    return this.#open(room(`group${Date.now()}`, 'group', title, members, Date.now()));
  }
  async setTitle(chat: ChatId, title: string) {
    this.#update(chat, { title });
  }
  async setDescription(chat: ChatId, description: string) {
    this.#update(chat, { description });
  }
  async personPicture(user: UserId): Promise<Uint8Array | undefined> {
    const picture = this.world.people.get(user)?.picture;
    return picture === undefined ? undefined : this.#pictures.get(picture);
  }
  async setOwnPicture(picture: Uint8Array | undefined) {
    if (picture && picture.length > THUMBNAIL_BYTES_MAX) fail('invalidArgument');
    this.show(this.world.me, picture);
  }
  /** Somebody has another picture, or none. */
  show(user: UserId, bytes: Uint8Array | undefined) {
    const person = this.world.people.get(user);
    if (!person) return;
    const now = { ...person };
    delete now.picture;
    if (bytes) {
      now.picture = `face ${this.#pictures.size}`;
      this.#pictures.set(now.picture, bytes);
    }
    this.world.people.set(user, now);
    this.tell({ type: 'people' });
    for (const { details } of this.world.rooms.values())
      if (details.peer === user) this.tell({ type: 'chat', chat: details.chat });
  }
  async setPicture(chat: ChatId, picture: Uint8Array | undefined) {
    const room = this.#room(chat);
    const [seq, sender] = [this.#last(room) + 1, device(this.world.me)];
    this.#append(room, { type: 'event', seq, time: Date.now(), sender, what: { kind: 'picture' } });
    if (picture && picture.length > THUMBNAIL_BYTES_MAX) fail('invalidArgument');
    delete room.details.picture;
    if (picture) {
      room.details.picture = `picture ${seq}`;
      this.#pictures.set(room.details.picture, picture);
    }
    this.#changed(chat, [seq]);
  }
  async setTimer(chat: ChatId, timerSeconds: number) {
    this.#update(chat, { timerSeconds });
  }
  async addMembers(chat: ChatId, users: UserId[]) {
    const { details } = this.#room(chat);
    this.#roles(chat, [...details.roles, ...users.map((user) => ({ user, role: 'member' as const }))]);
  }
  async removeMember(chat: ChatId, user: UserId) {
    this.#roles(
      chat,
      this.#room(chat).details.roles.filter((other) => other.user !== user),
    );
  }
  async banMember(chat: ChatId, user: UserId) {
    await this.removeMember(chat, user);
    this.#update(chat, { banned: [...this.#room(chat).details.banned, user] });
  }
  async unbanMember(chat: ChatId, user: UserId) {
    this.#update(chat, { banned: this.#room(chat).details.banned.filter((other) => other !== user) });
  }
  async setRole(chat: ChatId, user: UserId, role: Role) {
    this.#roles(
      chat,
      this.#room(chat).details.roles.map((other) => (other.user === user ? { user, role } : other)),
    );
  }
  async leave(chat: ChatId) {
    this.#update(chat, { isMember: false });
  }
  async deleteChat(chat: ChatId) {
    this.world.rooms.delete(chat);
    this.tell({ type: 'chat', chat });
  }
  async makeInvite(chat: ChatId) {
    this.#update(chat, { inviteCode: 'k3v9-sample' });
    return 'k3v9-sample';
  }
  async revokeInvite(chat: ChatId) {
    delete this.#room(chat).details.inviteCode;
    this.tell({ type: 'chat', chat });
  }
  async join(code: string) {
    if (code !== 'k3v9-sample') fail('invalidInvite');
    return this.#open(room('chatjoined', 'group', 'A group you were invited to', [], Date.now()));
  }

  async people(users: UserId[]) {
    return users.flatMap((user) => this.world.people.get(user) ?? []);
  }
  async contacts() {
    return [...this.world.people.values()].filter((person) => person.isContact && person.user !== this.world.me);
  }
  async blocked() {
    return [...this.world.people.values()].filter((person) => person.isBlocked);
  }
  async findPerson(address: string): Promise<Person | undefined> {
    return this.world.people.get(this.world.addresses.get(address) ?? '');
  }
  async setContact(user: UserId, isContact: boolean) {
    this.#person(user, { isContact });
  }
  async setBlocked(user: UserId, isBlocked: boolean) {
    this.#person(user, { isBlocked });
  }
  async watchPresence(users: UserId[]) {
    for (const user of users) {
      const presence = this.world.presence.get(user);
      if (presence) this.tell({ type: 'presence', presence });
    }
  }
  async safetyNumber(user: UserId) {
    const person = this.world.people.get(user);
    return (
      person && { digits: '379154209118650432775610948203361295874400126783519084621577', verified: person.verified }
    );
  }
  async setVerified(user: UserId, verified: boolean) {
    this.#person(user, { verified });
  }

  async profile() {
    return this.world.profile;
  }
  async setProfile(profile: Partial<World['profile']>) {
    this.world.profile = { ...this.world.profile, ...profile };
  }
  async devices() {
    return this.world.devices;
  }
  async revokeDevice(number: number) {
    this.world.devices = this.world.devices.filter((own) => own.number !== number);
  }
  async answerLink(number: number) {
    setTimeout(() => this.tell({ type: 'linkCode', device: number, code: '204 913' }), 200);
  }
  async scanLink(text: string) {
    if (!text.toLowerCase().startsWith('dunlin:link/')) fail('invalidArgument');
  }
  async confirmLink(number: number) {
    this.tell({ type: 'linkEnded', device: number });
  }
  async refuseLink(number: number) {
    this.tell({ type: 'linkEnded', device: number, failure: { code: 'refused', message: 'refused' } });
  }
  async storage() {
    return { usedBytes: 48_300_000, quotaBytes: 2_000_000_000, messages: 12_480, persisted: false };
  }

  sendFiles(chat: ChatId, files: NewFile[], caption: string, about: Words = {}): Promise<string> {
    return this.media.send(chat, files, { caption, mentions: [], ...about });
  }
  transfers(chat?: ChatId): Promise<Transfer[]> {
    return this.media.transfers(chat);
  }
  cancelTransfer(id: string): Promise<void> {
    return this.media.cancel(id);
  }
  retryTransfer(id: string): Promise<void> {
    return this.media.retry(id);
  }
  async openFile(chat: ChatId, place: Place, attachment: string): Promise<Blob> {
    const items = this.#room(chat).items.flatMap((item) =>
      item.type === 'message' && item.body.kind === 'files' ? item.body.files : [],
    );
    return this.media.open(chat, place, attachment, items.find((file) => file.id === attachment)?.bytes ?? 0);
  }

  // ---- inside ----

  #room(chat: ChatId): Room {
    return this.world.rooms.get(chat) ?? fail('notFound');
  }
  #last(room: Room): Seq {
    return Math.max(room.made, ...room.items.map((item) => seqOf(item) ?? 0));
  }
  #append(room: Room, item: Item) {
    room.items.push(item);
    room.details.active = item.time;
  }
  #changed(chat: ChatId, seqs: Seq[]) {
    this.tell({ type: 'messages', chat, seqs });
    this.tell({ type: 'chat', chat });
  }
  #update(chat: ChatId, change: Partial<ChatDetails>) {
    Object.assign(this.#room(chat).details, change);
    this.tell({ type: 'chat', chat });
  }
  #roles(chat: ChatId, roles: ChatDetails['roles']) {
    this.#update(chat, { roles, members: roles.length });
  }
  #person(user: UserId, change: Partial<Person>) {
    const person = this.world.people.get(user);
    if (person) this.world.people.set(user, { ...person, ...change });
    this.tell({ type: 'people' });
  }
  #open(room: Room): ChatId {
    this.world.rooms.set(room.details.chat, room);
    this.tell({ type: 'chats' });
    return room.details.chat;
  }
}
