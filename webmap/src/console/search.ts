/** One box for cases (number or words), addresses, components and cells (by code). ⌘K or / puts the cursor in it. */
import { html, nothing } from 'lit';
import { listCases } from '../api/cases';
import { type Cell, readCell, searchCells, searchComponents } from '../api/city';
import { searchPlaces } from '../api/places';
import { pick, t } from '../i18n';
import { Element } from '../ui/element';
import { icon } from '../ui/icon';
import { className, stateName } from '../ui/status';
import { NO_FILTERS, type Selection } from '../url';
import { placeRows } from './place-hits';
import { store } from './store';

interface Hit {
  selection: Selection | null;
  title: string;
  hint: string;
  /** Longitude and latitude of a place, which is flown to and not selected. */
  place?: [number, number];
}

interface Group {
  label: string;
  hits: Hit[];
}

export class Search extends Element {
  private typed = '';
  private groups: Group[] = [];
  private busy = false;
  private open = false;
  private at = -1;
  private timer = 0;
  private running: AbortController | null = null;

  private input(event: InputEvent): void {
    this.typed = (event.target as HTMLInputElement).value;
    this.open = true;
    this.at = -1;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), 200);
    this.requestUpdate();
  }

  private async look(): Promise<void> {
    const words = this.typed.trim();
    this.running?.abort();
    if (words.length < 2) {
      this.groups = [];
      this.busy = false;
      this.requestUpdate();
      return;
    }
    const running = new AbortController();
    this.running = running;
    this.busy = true;
    this.requestUpdate();
    const code = /^\d{6,16}$/.test(words);
    const [cases, components, cells, places] = await Promise.allSettled([
      listCases({ q: words, limit: 6 }, running.signal),
      code
        ? searchComponents({ code: words, limit: 4 }, running.signal)
        : searchComponents({ q: words, limit: 4 }, running.signal),
      cellsBy(words, running.signal),
      code ? [] : searchPlaces(words, 4, running.signal),
    ]);
    if (running.signal.aborted) return;
    const groups: Group[] = [];
    if (cases.status === 'fulfilled' && cases.value.items.length)
      groups.push({
        label: t('search.cases', { n: cases.value.total }),
        hits: cases.value.items.map((item) => ({
          selection: { kind: 'case', id: item.number },
          title: `${className(item)}${item.description ? ` · ${item.description}` : ''}`,
          hint: `${item.number} · ${stateName(item.state)}`,
        })),
      });
    if (places.status === 'fulfilled' && places.value.length)
      groups.push({
        label: t('search.places'),
        hits: placeRows(places.value).map((row) => ({ selection: null, ...row })),
      });
    if (components.status === 'fulfilled' && components.value.length)
      groups.push({
        label: t('search.components'),
        hits: components.value.map((found) => ({
          selection: { kind: 'component', id: found.code },
          title: found.name || pick(found.class_name_zh, found.class_name_en) || found.class_code,
          hint: found.code,
        })),
      });
    if (cells.status === 'fulfilled' && cells.value.length)
      groups.push({
        label: t('search.cells'),
        hits: cells.value.map((found) => ({
          selection: { kind: 'cell', id: found.code },
          title: found.code,
          hint: t('cell.grade', { grade: found.grade }),
        })),
      });
    if (cases.status === 'fulfilled' && cases.value.total > 0)
      groups.push({ label: '', hits: [{ selection: null, title: t('search.as_filter', { q: words }), hint: '' }] });
    this.groups = groups;
    this.busy = false;
    this.requestUpdate();
  }

  private choose(hit: Hit): void {
    this.open = false;
    const words = this.typed.trim();
    if (hit.place) store.dispatchEvent(new CustomEvent('fly', { detail: hit.place }));
    else if (hit.selection) {
      store.select(hit.selection);
      store.dispatchEvent(new Event('reveal'));
    } else store.setFilters({ ...NO_FILTERS, state: 'all', sort: store.url.filters.sort, q: words });
    this.typed = '';
    this.groups = [];
    this.querySelector('input')?.blur();
    this.requestUpdate();
  }

  private keys(event: KeyboardEvent): void {
    const hits = this.groups.flatMap((group) => group.hits);
    if (event.key === 'Escape') {
      event.stopPropagation();
      this.open = false;
      this.querySelector('input')?.blur();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (hits.length)
        this.at = (this.at + (event.key === 'ArrowDown' ? 1 : hits.length + (this.at < 0 ? 0 : -1))) % hits.length;
    } else if (event.key === 'Enter') {
      event.preventDefault();
      const hit = hits[Math.max(0, this.at)];
      if (hit) this.choose(hit);
    } else return;
    this.requestUpdate();
  }

  protected override render() {
    const words = this.typed.trim();
    const shown = this.open && words.length >= 2;
    let row = -1;
    return html`<label class="searchbox">
        ${icon('search')}
        <input type="search" role="combobox" aria-expanded=${shown ? 'true' : 'false'} aria-controls="search-hits" aria-autocomplete="list"
          aria-activedescendant=${this.at >= 0 ? `hit-${this.at}` : nothing}
          aria-label=${t('search.label')} placeholder=${t('search.label')} autocomplete="off" spellcheck="false" .value=${this.typed}
          @input=${this.input} @keydown=${this.keys} @focus=${() => {
            this.open = true;
            this.requestUpdate();
          }} @blur=${() =>
            window.setTimeout(() => {
              // A window that merely lost its focus keeps the answers open.
              if (this.contains(document.activeElement)) return;
              this.open = false;
              this.requestUpdate();
            }, 150)} />
        <kbd aria-hidden="true">⌘K</kbd>
      </label>
      <div id="search-hits" class="menu hits" role="listbox" aria-label=${t('search.label')} ?hidden=${!shown}>
        ${this.groups.map(
          (group) => html`<div role="group" aria-label=${group.label || t('search.label')}>
            ${group.label ? html`<small class="group" role="presentation">${group.label}</small>` : nothing}
            ${group.hits.map((hit) => {
              row += 1;
              return html`<div id="hit-${row}" class="hit" role="option" aria-selected=${row === this.at ? 'true' : 'false'} @pointerdown=${(
                event: Event,
              ) => {
                event.preventDefault();
                this.choose(hit);
              }}><span class="cut">${hit.title}</span><small class="cut">${hit.hint}</small></div>`;
            })}
          </div>`,
        )}
        ${shown && this.groups.length === 0 ? html`<div class="hit" role="option" aria-selected="false"><small>${this.busy ? t('loading') : t('search.nothing')}</small></div>` : nothing}
      </div>`;
  }
}
/** A whole cell code finds its cell; the code of a division its first cells. */
async function cellsBy(words: string, signal: AbortSignal): Promise<Cell[]> {
  if (/^\d{15}$/.test(words)) return [await readCell(words)];
  if (/^\d{6}(\d{3}){0,2}$/.test(words)) return searchCells({ division: words, limit: 4 }, signal);
  return [];
}
customElements.define('co-search', Search);
