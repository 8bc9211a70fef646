/** The rail on the left: which pane leads, and the way to a new report. */
import { html } from 'lit';
import { t } from '../i18n';
import { Element } from '../ui/element';
import { store, Watch } from './store';

export class Rail extends Element {
  static override properties = { pane: { type: String } };
  declare pane: string;

  constructor() {
    super();
    this.pane = 'list';
    new Watch(this);
  }

  private go(pane: string): void {
    this.dispatchEvent(new CustomEvent('pane', { detail: pane, bubbles: true }));
  }

  protected override render() {
    const mine = store.url.filters.mine;
    return html`<nav class="rail" aria-label=${t('rail.title')}>
      <button type="button" aria-pressed=${!mine && this.pane !== 'map' ? 'true' : 'false'} @click=${() => {
        if (mine) store.setFilters({ mine: false });
        this.go('list');
      }}>${t('rail.cases')}</button>
      <button type="button" aria-pressed=${mine && this.pane !== 'map' ? 'true' : 'false'} @click=${() => {
        store.setFilters({ mine: true, state: 'open' });
        this.go('list');
      }}>${t('rail.desk')}</button>
      <button type="button" aria-pressed=${this.pane === 'map' ? 'true' : 'false'} @click=${() => this.go(this.pane === 'map' ? 'list' : 'map')}>${t('rail.map')}</button>
      <button type="button" aria-pressed=${store.url.selection?.kind === 'new' ? 'true' : 'false'} @click=${() => store.select({ kind: 'new', id: 'case' })}>${t('rail.report')}</button>
      <a href="/inspect" target="_blank" rel="noopener">${t('rail.phone')}</a>
    </nav>`;
  }
}
customElements.define('co-rail', Rail);
