/** The pane on the right: one case, component or cell; and the form for a new report. */
import { html, nothing } from 'lit';
import { t } from '../i18n';
import { Element } from '../ui/element';
import { icon } from '../ui/icon';
import { problemNote } from '../ui/problem';
import { caseView } from './case-view';
import { store, Watch } from './store';
import { cellView, componentView } from './thing-view';
import './act-form';

export class DetailPane extends Element {
  constructor() {
    super();
    new Watch(this);
    store.addEventListener('selection', () => this.querySelector('.detail')?.scrollTo({ top: 0 }));
  }

  private body() {
    const { detail } = store;
    if (detail.state === 'error' && detail.problem)
      return html`<h1 id="detail-title" tabindex="-1" >${detail.selection?.id}</h1>${problemNote(detail.problem, () => void detail.load())}`;
    const ready = detail.state === 'ready';
    if (detail.selection?.kind === 'new')
      return html`<header class="stack-s"><h1 id="detail-title" tabindex="-1">${t('report.title')}</h1><p class="description">${t('report.lead')}</p></header>
        <co-report-form></co-report-form>`;
    if (ready && detail.selection?.kind === 'case' && detail.caseData) return caseView(detail.caseData);
    if (ready && detail.selection?.kind === 'component' && detail.component)
      return componentView(detail.component, detail.history);
    if (ready && detail.selection?.kind === 'cell' && detail.cell) return cellView(detail.cell, detail.beat);
    return html`<div aria-busy="true" class="stack"><h1 id="detail-title" class="sr">${t('loading')}</h1>
      <span class="skeleton bar short"></span><span class="skeleton bar big"></span><span class="skeleton bar"></span><span class="skeleton bar block"></span></div>`;
  }

  protected override render() {
    return html`<aside class="detail" aria-labelledby="detail-title">
      <button type="button" class="btn ghost close" aria-label=${t('detail.close')} title=${t('detail.close')} @click=${() => store.select(null)}>${icon('x')}</button>
      ${store.detail.selection ? this.body() : nothing}
    </aside>`;
  }
}
customElements.define('co-detail-pane', DetailPane);
