/** Pictures behind the bearer token: an <img> cannot send the header, so the bytes are fetched and shown from memory. */
import { authorization } from '../api/client';
import { line } from '../api/line';

/** An object URL the caller revokes, or null when the picture cannot be had now. */
export async function privatePicture(path: string): Promise<string | null> {
  if (line.quiet) return null;
  try {
    const response = await fetch(path, { headers: authorization(), credentials: 'omit' });
    return response.ok ? URL.createObjectURL(await response.blob()) : null;
  } catch {
    // No network: the task can be answered without the old photo.
    return null;
  }
}
