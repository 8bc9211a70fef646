/** The list: what the map shows, sorted by remaining time, with filters that say what they hide. */
import { html, nothing } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Problem } from '../api/problem';
import type { CaseItem } from '../api/types';
import { locale, pick, t, tt } from '../i18n';
import { Element } from '../ui/element';
import { icon } from '../ui/icon';
import { problemNote, type Way } from '../ui/problem';
import { className, closed, due, glyph, stateName } from '../ui/status';
import { NO_FILTERS, withoutFilter } from '../url';
import { emptiness } from './empty-list';
import './filter-chips';
import { store, Watch } from './store';

export class ListPane extends Element {
  private hovered = false;

  constructor() {
    super();
    new Watch(this);
    store.addEventListener('selection', () => this.reveal());
    store.addEventListener('filters', () => this.querySelector('.rows')?.scrollTo({ top: 0 }));
  }

  /** j/k and the arrows: select the neighbour of the selected row. */
  step(by: number): void {
    const { list } = store;
    if (list.items.length === 0) return;
    const at = store.url.selection?.kind === 'case' ? list.index(store.url.selection.id) : -1;
    const next =
      list.items[Math.min(list.items.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : list.items.length - 1) : at + by))];
    if (!next) return;
    store.select({ kind: 'case', id: next.number });
    void this.updateComplete.then(() => {
      const row = this.querySelector<HTMLElement>(`[data-number="${next.number}"]`);
      row?.focus({ preventScroll: true });
      row?.scrollIntoView({ block: 'nearest' });
    });
  }

  private reveal(): void {
    void this.updateComplete.then(() => {
      if (this.hovered) return;
      this.querySelector('.row.sel')?.scrollIntoView({ block: 'nearest' });
    });
  }

  private hold(): void {
    const rows = this.querySelector('.rows');
    const held = this.hovered || (rows?.scrollTop ?? 0) > 4 || !!rows?.contains(document.activeElement);
    if (store.list.held && !held && store.list.waiting > 0) {
      store.list.held = held;
      store.list.showWaiting();
    }
    store.list.held = held;
  }

  private scrolled(event: Event): void {
    this.hold();
    const rows = event.target as HTMLElement;
    if (rows.scrollTop + rows.clientHeight > rows.scrollHeight - 400) void store.list.loadMore();
  }

  private rowKeys(event: KeyboardEvent): void {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      this.step(event.key === 'ArrowDown' ? 1 : -1);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      const number = (event.target as HTMLElement).dataset.number;
      if (number) store.select({ kind: 'case', id: number });
      document.querySelector<HTMLElement>('#detail-title')?.focus();
    }
  }

  private row(item: CaseItem) {
    const selected = store.url.selection?.kind === 'case' && store.url.selection.id === item.number;
    const where = [pick(item.street_name_zh, item.street_name_en), item.cell_code].filter(Boolean).join(' · ');
    const department = pick(item.department_name_zh, item.department_name_en);
    const name = className(item);
    return html`<li>
      <button type="button" class=${classMap({ row: true, sel: selected, gone: closed(item.state) })} data-number=${item.number}
        aria-current=${selected ? 'true' : nothing} tabindex=${selected || (!store.url.selection && store.list.items[0] === item) ? '0' : '-1'}
        @click=${() => store.select({ kind: 'case', id: item.number })}
        @mouseenter=${() => store.dispatchEvent(new CustomEvent('hint', { detail: item.number }))}
        @mouseleave=${() => store.dispatchEvent(new CustomEvent('hint', { detail: null }))}
        @focus=${() => store.dispatchEvent(new CustomEvent('hint', { detail: item.number }))}
        @blur=${() => store.dispatchEvent(new CustomEvent('hint', { detail: null }))}>
        ${glyph(item)}
        <span class="lines">
          <span class="line"><b class="cut" title=${item.description ?? ''}>${name}${item.description ? html` · ${item.description}` : nothing}</b>${due(item, store.now)}</span>
          <span class="line"><small class="where">${where}</small><small class="cut">${stateName(item.state)}${department ? html` · ${department}` : nothing}</small></span>
        </span>
      </button>
    </li>`;
  }

  private counts() {
    const { list } = store;
    const hidden = list.everything === null ? 0 : Math.max(0, list.everything - list.total);
    return html`<p class="counts" role="status">
      ${t('list.counts', { view: many(list.inView, list.capped && list.inView >= CAP), total: many(list.total, list.capped && list.total >= CAP) })}${
        list.withoutPlace > 0 ? html` · ${t('list.without_place', { n: list.withoutPlace })}` : nothing
      } ·
      <co-menu class="sort" .label=${store.url.filters.sort === 'due' ? t('list.by_due') : t('list.by_reported')} .value=${store.url.filters.sort}
        .choices=${[
          { value: 'due', label: t('list.by_due') },
          { value: '-reported', label: t('list.by_reported') },
        ]} @choose=${(event: CustomEvent<string>) => store.setFilters({ sort: event.detail })}></co-menu>
      ${
        hidden > 0
          ? html`<br />${list.everythingCapped ? t('list.hidden_many') : t('list.hidden', { n: hidden })} <button type="button" class="link" @click=${() => store.clearFilters()}>${t('list.show_all')}</button>`
          : nothing
      }
    </p>`;
  }

  private body() {
    const { list } = store;
    if (list.state === 'error' && list.problem)
      return html`<div class="pad">${problemNote(list.problem, () => list.reload(), badFilter(list.problem))}</div>`;
    if (list.state === 'loading' && list.items.length === 0)
      return html`<div aria-busy="true"><span class="sr">${t('loading')}</span>${Array.from(
        { length: 8 },
        () =>
          html`<div class="row ghost"><span class="glyph skeleton"></span><span class="lines"><span class="skeleton bar"></span><span class="skeleton bar short"></span></span></div>`,
      )}</div>`;
    if (list.items.length === 0) return this.empty();
    return html`<ul aria-labelledby="list-title">
        ${repeat(
          list.items,
          (item) => item.number,
          (item) => this.row(item),
        )}
      </ul>
      ${list.more ? html`<p class="pad" role="status"><small>${t('loading')}</small></p>` : nothing}
      ${list.problem ? html`<div class="pad">${problemNote(list.problem, () => list.reload())}</div>` : nothing}`;
  }

  private empty() {
    const { list } = store;
    const { sort, ...filters } = store.url.filters;
    const filtered = JSON.stringify({ ...filters, sort }) !== JSON.stringify({ ...NO_FILTERS, state: 'all', sort });
    const why = emptiness(list.total, list.everything, filtered);
    if (why === 'elsewhere')
      return html`<div class="empty"><b>${t('list.empty_here', { n: list.total })}</b><small>${t('list.empty_here_next')}</small>
        <span><button type="button" class="btn" @click=${() => store.dispatchEvent(new Event('fit'))}>${t('list.zoom_to_them')}</button></span></div>`;
    if (why === 'filtered')
      return html`<div class="empty"><b>${t('list.empty')}</b><small>${t('list.empty_next')}</small>
        <span><button type="button" class="btn" @click=${() => store.clearFilters()}>${t('list.clear')}</button></span></div>`;
    return html`<div class="empty"><b>${t('list.none')}</b><small>${t('list.none_next')}</small>
      <span><button type="button" class="btn" @click=${() => store.select({ kind: 'new', id: 'case' })}>${t('rail.report')}</button></span></div>`;
  }

  protected override render() {
    const post = store.session?.user.posts[0] ?? '';
    const { waiting } = store.list;
    return html`<section class="list" aria-labelledby="list-title"
        @mouseenter=${() => {
          this.hovered = true;
          this.hold();
        }}
        @mouseleave=${() => {
          this.hovered = false;
          this.hold();
        }}>
      <div class="top">
        <div class="head"><h1 id="list-title" tabindex="-1">${store.url.filters.mine ? t('list.desk', { post: tt(`post.${post}`, '') }) : t('list.title')}</h1>
          <button type="button" class="btn" @click=${() => store.list.reload()} aria-label=${t('list.reload')} title=${t('list.reload')}>${icon('refresh')}</button></div>
        <co-filter-chips></co-filter-chips>
        ${this.counts()}
      </div>
      ${
        waiting > 0
          ? html`<button type="button" class="fresh" @click=${() => {
              this.querySelector('.rows')?.scrollTo({ top: 0 });
              store.list.showWaiting();
            }}>${t('list.fresh', { n: waiting })}</button>`
          : nothing
      }
      <div class="rows" @scroll=${this.scrolled} @keydown=${this.rowKeys}
        @focusin=${() => this.hold()} @focusout=${() => window.setTimeout(() => this.hold())}>${this.body()}</div>
    </section>`;
  }
}

/** The way out of an address with a filter that the server does not understand: that filter goes, or all of them. */
function badFilter(problem: Problem): Way | null {
  if (problem.status !== 422 && problem.status !== 400) return null;
  const off = withoutFilter(problem.field);
  return {
    label: off ? t('problem.clear_filter') : t('list.clear'),
    go: () => (off ? store.setFilters(off) : store.clearFilters()),
  };
}

/** Where the server stops counting. */
const CAP = 10_000;

function many(n: number, more: boolean): string {
  return `${n.toLocaleString(locale())}${more ? '+' : ''}`;
}
customElements.define('co-list-pane', ListPane);
