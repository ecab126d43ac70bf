import type { ChatId, Core, UserId } from '../core/api';
import { shownFace } from '../media/face';

/** Pictures that are held while nobody shows them, so that they are there at once when a list is scrolled back. */
const UNUSED_MAX = 200;

interface Face {
  /** Undefined while it is asked for, and when it is none to show. */
  url: string | undefined;
  asked: Promise<void>;
  users: number;
}

type Asked = Pick<Core, 'chatPicture' | 'personPicture'>;

/** Pictures of people and groups, each with one address in this page however often it is shown. */
export class Faces {
  readonly #core: Asked;
  readonly #faces = new Map<string, Face>();

  constructor(core: Asked) {
    this.#core = core;
  }

  /** Shows in an image the picture that a chat has now, which is called `picture`. Without one the image stays empty. */
  ofChat(chat: ChatId, picture: string) {
    return this.#show(`${chat} ${picture}`, () => this.#core.chatPicture(chat));
  }

  /** The same of somebody. */
  ofPerson(user: UserId, picture: string) {
    return this.#show(`${user} ${picture}`, () => this.#core.personPicture(user));
  }

  /** Lets go of all of them. */
  end(): void {
    for (const { url } of this.#faces.values()) if (url) URL.revokeObjectURL(url);
    this.#faces.clear();
  }

  #show(key: string, ask: () => Promise<Uint8Array | undefined>) {
    return (image: HTMLImageElement) => {
      const face = this.#face(key, ask);
      let isShown = true;
      const put = () => {
        if (!isShown) return;
        // Setting the same again would load it again.
        if (!face.url) image.removeAttribute('src');
        else if (image.src !== face.url) image.src = face.url;
      };
      image.onerror = () => image.removeAttribute('src');
      face.users += 1;
      if (face.url) put();
      // Until it is there, what was shown before stays.
      else void face.asked.then(put);
      return () => {
        isShown = false;
        face.users -= 1;
        this.#trim();
      };
    };
  }

  #face(key: string, ask: () => Promise<Uint8Array | undefined>): Face {
    const known = this.#faces.get(key);
    if (known) {
      // Used last, so it goes last.
      this.#faces.delete(key);
      this.#faces.set(key, known);
      return known;
    }
    const face: Face = { url: undefined, users: 0, asked: Promise.resolve() };
    const forget = () => {
      if (this.#faces.get(key) === face) this.#faces.delete(key);
    };
    face.asked = ask().then((bytes) => {
      const blob = bytes && shownFace(bytes);
      // One that nobody waits for any more was let go of meanwhile.
      if (blob && this.#faces.get(key) === face) face.url = URL.createObjectURL(blob);
    }, forget);
    this.#faces.set(key, face);
    return face;
  }

  #trim(): void {
    let unused = [...this.#faces.values()].filter(({ users }) => users === 0).length;
    for (const [key, face] of this.#faces) {
      if (unused <= UNUSED_MAX) return;
      if (face.users > 0) continue;
      this.#faces.delete(key);
      if (face.url) URL.revokeObjectURL(face.url);
      unused -= 1;
    }
  }
}
