import type { Attachment } from '../../core/api';
import { thumbnailType } from '../../media/kinds';

/** Shows the preview of a file in an image, as long as the image is there. Bytes that are no picture are left out. */
export function preview(file: Attachment) {
  return (image: HTMLImageElement) => {
    const type = file.thumbnail && thumbnailType(file.thumbnail);
    if (!file.thumbnail || !type) return undefined;
    const url = URL.createObjectURL(new Blob([new Uint8Array(file.thumbnail)], { type }));
    image.src = url;
    return () => URL.revokeObjectURL(url);
  };
}

export function hasPreview(file: Attachment): boolean {
  return !!file.thumbnail && thumbnailType(file.thumbnail) !== undefined;
}

/** How wide for its height; undefined when it is not told, or cannot be. */
export function ratioOf({ width, height }: Attachment): number | undefined {
  const isSize = (side: number | undefined): side is number => side !== undefined && Number.isFinite(side) && side > 0;
  return isSize(width) && isSize(height) ? width / height : undefined;
}
