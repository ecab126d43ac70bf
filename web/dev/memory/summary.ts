import type { ChatDetails, ChatSummary, Message } from '../../src/core/api';
import { previewOf } from '../../src/state/preview';
import { device, type Room, type World } from './world';

/** A chat of two has the picture of the other one. */
function shown(world: World, { details }: Room): ChatDetails {
  const picture = details.peer === undefined ? undefined : world.people.get(details.peer)?.picture;
  return picture === undefined ? { ...details } : { ...details, picture };
}

/** A chat as it stands in the list, with what was said last in it. */
export function summaryOf(world: World, room: Room): ChatSummary {
  const item =
    room.items.findLast((item): item is Message => item.type === 'message') ??
    (room.made ? room.make?.(room.made) : undefined);
  const details = shown(world, room);
  if (item?.type !== 'message') return details;
  const { place, sender, time, status } = item;
  return structuredClone({
    ...details,
    last: { place, sender: sender ?? device(''), time, preview: previewOf(item), ...(status ? { status } : {}) },
  });
}
