import type { Attachment, ChatId, DeviceId, Item, Message, Place } from '../core/api';
import { shownAs } from '../media/kinds';

/** A picture or video in a message, as the viewer and the gallery need it. */
export interface MediaItem {
  /** Which file of which message: the same when the message is read again. */
  key: string;
  chat: ChatId;
  place: Place;
  sender: DeviceId;
  time: number;
  caption: string;
  file: Attachment;
}

/** Is it drawn in the page? Both must say so: what the core takes it for, and the list of what is shown. */
export function isMedia(file: Attachment): boolean {
  return (file.kind === 'image' || file.kind === 'video') && shownAs(file.mediaType) === file.kind;
}

/** Is it played in the page? */
export function isSound(file: Attachment): boolean {
  return shownAs(file.mediaType) === 'audio';
}

/** All files in messages, in the order of the messages. */
export function filesIn(chat: ChatId, items: readonly Item[]): MediaItem[] {
  return items.flatMap((item) => (item.type === 'message' ? filesOf(chat, item) : []));
}

/** The files of one message. */
export function filesOf(chat: ChatId, { place, sender, time, body }: Message): MediaItem[] {
  if (body.kind !== 'files') return [];
  const { caption } = body;
  return body.files.map((file, index) => {
    // Ids come from others: two of a message may be the same.
    const key = `${fileKey(chat, place, file)} ${index}`;
    return { key, chat, place, sender, time, caption, file };
  });
}

/** A file of a message: objects are made anew whenever it is read, this stays. */
export function fileKey(chat: ChatId, place: Place, file: Attachment): string {
  return `${chat} ${'at' in place ? place.at : `waiting ${place.waiting}`} ${file.id}`;
}
