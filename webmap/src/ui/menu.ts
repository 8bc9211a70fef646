/** A button that opens a short list of choices; with many choices, a box to narrow them. Arrow keys, Enter, Esc. */
import { html, nothing, type TemplateResult } from 'lit';
import { t } from '../i18n';
import { Element } from './element';

export interface Choice {
  value: string;
  label: string;
  hint?: string;
}

export class Menu extends Element {
  static override properties = {
    label: { type: String },
    choices: { attribute: false },
    value: { type: String },
    opened: { state: true },
    typed: { state: true },
  };
  declare label: string;
  declare choices: Choice[];
  declare value: string;
  declare opened: boolean;
  declare typed: string;
  private readonly outside = (event: Event) => {
    if (!this.contains(event.target as Node)) this.close(false);
  };

  constructor() {
    super();
    this.label = '';
    this.choices = [];
    this.value = '';
    this.opened = false;
    this.typed = '';
  }

  private open(): void {
    this.opened = true;
    this.typed = '';
    document.addEventListener('pointerdown', this.outside);
    void this.updateComplete.then(() => {
      const panel = this.querySelector<HTMLElement>('.menu');
      // Turn around where the panel would leave the window.
      if (panel && panel.getBoundingClientRect().right > window.innerWidth - 8) panel.classList.add('right');
      const target =
        this.querySelector<HTMLElement>('input') ??
        this.querySelector<HTMLElement>('[aria-checked="true"], [role=menuitemradio]');
      target?.focus();
    });
  }

  private close(refocus: boolean): void {
    this.opened = false;
    document.removeEventListener('pointerdown', this.outside);
    if (refocus) this.querySelector<HTMLElement>('button')?.focus();
  }

  override disconnectedCallback(): void {
    document.removeEventListener('pointerdown', this.outside);
    super.disconnectedCallback();
  }

  private choose(value: string): void {
    this.close(true);
    this.dispatchEvent(new CustomEvent('choose', { detail: value }));
  }

  private keys(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === 'Escape') this.close(true);
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    const stops = [...this.querySelectorAll<HTMLElement>('input, [role=menuitemradio]')];
    const at = stops.indexOf(document.activeElement as HTMLElement);
    stops[(at + (event.key === 'ArrowDown' ? 1 : stops.length - 1)) % stops.length]?.focus();
  }

  protected override render(): TemplateResult {
    const words = this.typed.trim().toLowerCase();
    const shown = words
      ? this.choices.filter((choice) =>
          `${choice.label} ${choice.hint ?? ''} ${choice.value}`.toLowerCase().includes(words),
        )
      : this.choices;
    return html`<button type="button" class="chip" aria-haspopup="menu" aria-expanded=${this.opened ? 'true' : 'false'} @click=${() => (this.opened ? this.close(false) : this.open())}>
        ${this.label}
      </button>
      ${
        this.opened
          ? html`<div class="menu" @keydown=${this.keys}>
            ${
              this.choices.length > 10
                ? html`<input
                  class="input"
                  type="text"
                  autocomplete="off"
                  aria-label=${t('menu.narrow')}
                  placeholder=${t('menu.narrow')}
                  .value=${this.typed}
                  @input=${(event: InputEvent) => {
                    this.typed = (event.target as HTMLInputElement).value;
                  }}
                />`
                : nothing
            }
            <div class="choices" role="menu" aria-label=${this.label}>
              ${shown.slice(0, 200).map(
                (choice) => html`<button
                  type="button"
                  role="menuitemradio"
                  aria-checked=${choice.value === this.value ? 'true' : 'false'}
                  @click=${() => this.choose(choice.value)}
                >
                  <span class="cut">${choice.label}</span>${choice.hint ? html`<small>${choice.hint}</small>` : nothing}
                </button>`,
              )}
            </div>
            ${shown.length === 0 ? html`<small class="none">${t('menu.none')}</small>` : nothing}
          </div>`
          : nothing
      }`;
  }
}
customElements.define('co-menu', Menu);
