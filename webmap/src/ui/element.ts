/** The base of our elements: drawn into the page itself, so that labels, focus order and one stylesheet work across them. */
import { LitElement } from 'lit';
import { language } from '../i18n';

export class Element extends LitElement {
  private readonly redraw = () => this.requestUpdate();

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    language.addEventListener('change', this.redraw);
  }

  override disconnectedCallback(): void {
    language.removeEventListener('change', this.redraw);
    super.disconnectedCallback();
  }
}
