/** Photos made smaller on the device before they travel: long side at most 1600 px, JPEG, at most about 400 kB. */
const LONG_SIDE = 1600;
const MOST_BYTES = 400_000;

/** A JPEG of at most `LONG_SIDE` px; throws when the file is no picture the browser can read. Turned upright by its EXIF. */
export async function shrink(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' });
  try {
    const scale = Math.min(1, LONG_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const drawing = canvas.getContext('2d');
    if (!drawing) throw new Error('no canvas');
    drawing.drawImage(picture, 0, 0, canvas.width, canvas.height);
    let quality = 0.82;
    let made = await encode(canvas, quality);
    while (made.size > MOST_BYTES && quality > 0.4) {
      quality -= 0.12;
      made = await encode(canvas, quality);
    }
    return made;
  } finally {
    picture.close();
  }
}

function encode(canvas: HTMLCanvasElement, quality: number): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', quality);
  });
}
