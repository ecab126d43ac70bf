/** How much of what the browser grants files may take: messages need some of it, and stop without. */

/** Bytes that files leave free. */
const RESERVE_BYTES = 32 * 1024 * 1024;

/** Whether files of so many bytes have room, as far as the browser says: some name more than there is. */
export async function hasRoomFor(bytes: number): Promise<boolean> {
  const { quota, usage = 0 } = await navigator.storage.estimate();
  return quota === undefined || usage + bytes + RESERVE_BYTES <= quota;
}
