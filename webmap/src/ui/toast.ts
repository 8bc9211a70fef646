/** Short messages at the foot of the screen, read out by screen readers; an optional button does one thing about them. */
import { html, nothing } from 'lit';
import { Element } from './element';

export interface Toast {
  text: string;
  label?: string;
  act?: () => void;
  /** Seconds; errors stay longer. */
  seconds?: number;
}

export class Toasts extends Element {
  private shown: (Toast & { id: number })[] = [];
  private next = 1;

  show(toast: Toast): void {
    const id = this.next++;
    this.shown = [...this.shown.slice(-2), { ...toast, id }];
    this.requestUpdate();
    window.setTimeout(() => this.drop(id), (toast.seconds ?? 6) * 1000);
  }

  private drop(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
    this.requestUpdate();
  }

  protected override render() {
    return html`<div class="toasts" role="status" aria-live="polite">
      ${this.shown.map(
        (toast) => html`<div class="toast">
          <span>${toast.text}</span>
          ${
            toast.label
              ? html`<button
                type="button"
                @click=${() => {
                  this.drop(toast.id);
                  toast.act?.();
                }}
              >
                ${toast.label}
              </button>`
              : nothing
          }
        </div>`,
      )}
    </div>`;
  }
}
customElements.define('co-toasts', Toasts);

/** Shows a toast in the page's one toast element. */
export function toast(message: Toast | string): void {
  const place = document.querySelector<Toasts>('co-toasts');
  place?.show(typeof message === 'string' ? { text: message } : message);
}
