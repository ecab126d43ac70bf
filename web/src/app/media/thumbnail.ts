import type { Attachment } from '../../core/api';
import { shownFace } from '../../media/face';

/** Shows the preview of a file in an image, as long as the image is there. Bytes that are no small picture are left out. */
export function preview(file: Attachment) {
  return (image: HTMLImageElement) => {
    const blob = file.thumbnail && shownFace(file.thumbnail);
    if (!blob) return undefined;
    const url = URL.createObjectURL(blob);
    image.src = url;
    return () => URL.revokeObjectURL(url);
  };
}

export function hasPreview(file: Attachment): boolean {
  return !!file.thumbnail && shownFace(file.thumbnail) !== undefined;
}

/** How wide for its height; undefined when it is not told, or cannot be. */
export function ratioOf({ width, height }: Attachment): number | undefined {
  const isSize = (side: number | undefined): side is number => side !== undefined && Number.isFinite(side) && side > 0;
  return isSize(width) && isSize(height) ? width / height : undefined;
}
