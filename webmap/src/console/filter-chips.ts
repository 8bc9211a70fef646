/** The filters: what is on can be taken off by its ×, what is off opens its choices. */
import { html, nothing, type TemplateResult } from 'lit';
import { classes } from '../api/city';
import type { CityClass } from '../api/types';
import { pick, t } from '../i18n';
import { Element } from '../ui/element';
import { icon } from '../ui/icon';
import '../ui/menu';
import type { Choice } from '../ui/menu';
import { LIGHTS, OPEN_STATES, stateName } from '../ui/status';
import { type Filters, NO_FILTERS } from '../url';
import { store, Watch } from './store';

let known: CityClass[] = [];
let asked = false;

/** The class tables, read once per page. */
export async function knownClasses(): Promise<CityClass[]> {
  if (known.length === 0) known = await classes();
  return known;
}

export class FilterChips extends Element {
  constructor() {
    super();
    new Watch(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (asked) return;
    asked = true;
    knownClasses()
      .then(() => this.requestUpdate())
      .catch(() => {
        // The class filter stays empty until the next page load; everything else works.
        asked = false;
      });
  }

  private off(label: string, patch: Partial<Filters>): TemplateResult {
    return html`<button type="button" class="chip on" title=${t('filter.remove', { name: label })} @click=${() => store.setFilters(patch)}>
      <span class="cut">${label}</span><span class="x" aria-hidden="true">×</span><span class="sr">${t('filter.remove', { name: label })}</span></button>`;
  }

  private menu(label: string, choices: Choice[], value: string, choose: (value: string) => void): TemplateResult {
    return html`<co-menu .label=${label} .choices=${choices} .value=${value} @choose=${(event: CustomEvent<string>) => choose(event.detail)}></co-menu>`;
  }

  protected override render() {
    const { filters } = store.url;
    const { departments, divisions } = store.city;
    const division = divisions.find((item) => item.code === filters.division);
    const department = departments.find((item) => String(item.id) === filters.department);
    const klass = known.find((item) => item.code === filters.klass);
    return html`<div class="chips" role="group" aria-label=${t('filter.title')}>
      ${filters.q ? this.off(`“${filters.q}”`, { q: '' }) : nothing}
      ${filters.mine ? this.off(t('filter.mine'), { mine: false }) : nothing}
      ${
        filters.state !== 'all'
          ? this.off(filters.state === 'open' ? t('filter.open') : stateName(filters.state), { state: 'all' })
          : nothing
      }
      ${filters.light ? this.off(t(`light.${filters.light}` as 'light.late'), { light: '' }) : nothing}
      ${filters.division ? this.off(division ? pick(division.name_zh, division.name_en) : filters.division, { division: '' }) : nothing}
      ${filters.department ? this.off(department ? pick(department.name_zh, department.name_en) : filters.department, { department: '' }) : nothing}
      ${filters.klass ? this.off(klass ? pick(klass.name_zh, klass.name_en) : filters.klass, { klass: '' }) : nothing}
      ${filters.cell ? this.off(filters.cell, { cell: '' }) : nothing}
      ${
        filters.state === 'all' || filters.state === 'open'
          ? this.menu(
              t('filter.state'),
              [
                { value: 'open', label: t('filter.open') },
                ...OPEN_STATES.map((state) => ({ value: state, label: stateName(state) })),
                { value: 'closed', label: stateName('closed') },
                { value: 'voided', label: stateName('voided') },
              ],
              filters.state,
              (state) => store.setFilters({ state }),
            )
          : nothing
      }
      ${
        filters.light
          ? nothing
          : this.menu(
              t('filter.light'),
              LIGHTS.map((light) => ({ value: light, label: t(`light.${light}`) })),
              '',
              (light) => store.setFilters({ light, state: filters.state === 'all' ? 'open' : filters.state }),
            )
      }
      ${
        filters.klass || known.length === 0
          ? nothing
          : this.menu(
              t('filter.class'),
              known.map((item) => ({ value: item.code, label: pick(item.name_zh, item.name_en), hint: item.code })),
              '',
              (klassCode) => store.setFilters({ klass: klassCode }),
            )
      }
      ${
        filters.department || departments.length < 2
          ? nothing
          : this.menu(
              t('filter.department'),
              departments.map((item) => ({ value: String(item.id), label: pick(item.name_zh, item.name_en) })),
              '',
              (id) => store.setFilters({ department: id }),
            )
      }
      ${
        filters.division || divisions.length < 2
          ? nothing
          : this.menu(
              t('filter.division'),
              divisions
                .filter((item) => item.code.length <= 9)
                .map((item) => ({ value: item.code, label: pick(item.name_zh, item.name_en), hint: item.code })),
              '',
              (code) => store.setFilters({ division: code }),
            )
      }
      ${
        JSON.stringify({ ...filters, sort: '' }) !== JSON.stringify({ ...NO_FILTERS, sort: '' })
          ? html`<button type="button" class="chip clear" @click=${() => store.setFilters({ ...NO_FILTERS })}>${icon('x')}${t('filter.reset')}</button>`
          : nothing
      }
    </div>`;
  }
}
customElements.define('co-filter-chips', FilterChips);
