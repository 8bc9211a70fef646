/** Photos picked at the desk: made smaller, shown before they are sent, uploaded once each. */
import { html, type TemplateResult } from 'lit';
import { uploadPhoto } from '../api/city';
import { uuid } from '../api/uuid';
import { t } from '../i18n';
import { icon } from './icon';
import { shrink } from './photo';

export interface Taken {
  blob: Blob;
  url: string;
  /** The Idempotency-Key of the upload. */
  key: string;
  /** The server's id once uploaded. */
  id: number | null;
  at: string;
}

export function takenView(taken: Taken[], set: (next: Taken[]) => void, wrong: (text: string) => void): TemplateResult {
  const add = async (event: Event) => {
    const input = event.target as HTMLInputElement;
    let next = taken;
    for (const file of input.files ?? []) {
      try {
        const blob = await shrink(file);
        next = [
          ...next,
          {
            blob,
            url: URL.createObjectURL(blob),
            key: uuid(),
            id: null,
            at: new Date(file.lastModified).toISOString(),
          },
        ];
      } catch {
        wrong(t('photo.unreadable', { name: file.name }));
      }
    }
    input.value = '';
    set(next);
  };
  return html`<div class="field"><span>${t('act.photo')}</span><div class="taken">
    ${taken.map(
      (photo) =>
        html`<span><img src=${photo.url} alt=${t('act.photo')} /><button type="button" aria-label=${t('photo.remove')} @click=${() => {
          URL.revokeObjectURL(photo.url);
          set(taken.filter((other) => other !== photo));
        }}>${icon('x')}</button></span>`,
    )}
    <label class="btn">${icon('camera')}${t('photo.add')}<input class="sr" type="file" name="files" accept="image/*" multiple @change=${add} /></label>
  </div></div>`;
}

/** Uploads what has not been uploaded yet; the server's ids in order. A second try sends only the rest. */
export async function upload(taken: readonly Taken[], phase: string): Promise<number[]> {
  const ids: number[] = [];
  for (const photo of taken) {
    photo.id ??= (await uploadPhoto(photo.blob, { phase, taken_at: photo.at }, photo.key)).id;
    ids.push(photo.id);
  }
  return ids;
}
