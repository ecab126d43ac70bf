/** Files for tests, made in the page: it can draw, and these folders hold no binaries. */

/** A JPEG as a camera held upright writes it: lying, with a note to turn it, and with the place. */
export async function photo(page, { width = 1200, height = 800 } = {}) {
  const bytes = await page.evaluate(
    async ([width, height]) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d');
      context.fillStyle = '#ff0000';
      context.fillRect(0, 0, width, height);
      context.fillStyle = '#0000ff';
      context.fillRect(0, 0, width / 2, height);
      const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
      return [...new Uint8Array(await blob.arrayBuffer())];
    },
    [width, height],
  );
  // Exif: one entry, Orientation (0x0112) = 6, and a text that must not get out.
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
  const exif = [...Buffer.from('Exif\0\0'), ...tiff, ...Buffer.from('GPS 54.1 8.9 SECRET')];
  const segment = [0xff, 0xe1, (exif.length + 2) >> 8, (exif.length + 2) & 0xff, ...exif];
  return Buffer.from([...bytes.slice(0, 2), ...segment, ...bytes.slice(2)]);
}

export async function drawing(page, colour, type = 'image/png', { width = 300, height = 200 } = {}) {
  const bytes = await page.evaluate(
    async ([colour, type, width, height]) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d');
      context.fillStyle = colour;
      context.fillRect(0, 0, width, height);
      return [...new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer())];
    },
    [colour, type, width, height],
  );
  return Buffer.from(bytes);
}

/** The page takes part as if somebody had dragged files over it, dropped them, or pasted them. */
export function hand(page, kind, files) {
  return page.evaluate(
    ([kind, files]) => {
      const data = new DataTransfer();
      for (const { name, type, bytes } of files) data.items.add(new File([new Uint8Array(bytes)], name, { type }));
      const target = document.querySelector('.scroller') ?? document.body;
      const event =
        kind === 'paste'
          ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
          : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
      target.dispatchEvent(event);
      return event.defaultPrevented;
    },
    [kind, files.map(({ name, type, bytes }) => ({ name, type, bytes: [...bytes] }))],
  );
}
