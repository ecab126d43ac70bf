import type { Attachment, ChatId, DeviceId, Item, Place } from '../core/api';
import { shownAs } from '../media/kinds';

/** A picture or video in a message, as the viewer and the gallery need it. */
export interface MediaItem {
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
  return items.flatMap((item) =>
    item.type === 'message' && item.body.kind === 'files'
      ? item.body.files.map((file) => {
          const { place, sender, time } = item;
          return { chat, place, sender, time, caption: item.body.kind === 'files' ? item.body.caption : '', file };
        })
      : [],
  );
}
