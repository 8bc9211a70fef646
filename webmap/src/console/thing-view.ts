/** A component or a cell in the detail pane, with its history and the way to a report on it. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Beat, Cell, Component, HistoryEntry } from '../api/city';
import { pick, t, tt } from '../i18n';
import { clock, date, exact } from '../time';
import { className } from '../ui/status';
import { store } from './store';
import './report-form';

function fact(label: string, value: unknown): TemplateResult | typeof nothing {
  return value ? html`<dt>${label}</dt><dd>${value}</dd>` : nothing;
}

function casesHere(cell: string | null): TemplateResult | typeof nothing {
  if (!cell) return nothing;
  return html`<button type="button" class="btn" @click=${() => store.setFilters({ cell, state: 'all' })}>${t('thing.cases_here')}</button>`;
}

export function componentView(item: Component, history: HistoryEntry[]): TemplateResult {
  const name = className(item);
  return html`<header class="stack-s">
      <small class="cut">${t('layer.component')} · ${item.code}</small>
      <div class="titleline"><h1 id="detail-title" tabindex="-1">${name}</h1><span class="chip ${item.state === 'intact' ? 'ok' : 'soon'}">${tt(`thing.${item.state}`, item.state)}</span></div>
    </header>
    <co-report-form .component=${item}></co-report-form>
    <div class="row-buttons">${casesHere(item.cell_code)}</div>
    <dl class="facts">
      ${fact(t('fact.class'), `${item.class_code} ${className(item)}`)}
      ${fact(t('fact.place'), item.cell_code ? html`<button type="button" class="link" @click=${() => store.select({ kind: 'cell', id: item.cell_code! })}>${t('fact.cell', { code: item.cell_code })}</button>` : null)}
      ${fact(t('thing.managing'), pick(item.managing_name_zh, item.managing_name_en))}
      ${fact(t('thing.owner'), pick(item.owner_name_zh, item.owner_name_en))}
      ${fact(t('thing.maintainer'), pick(item.maintainer_name_zh, item.maintainer_name_en))}
      ${fact(t('thing.since'), item.started_on ? date(item.started_on) : null)}
      ${fact(t('thing.changed'), item.changed_on ? date(item.changed_on) : null)}
      ${fact(t('thing.source'), item.source)}
      ${fact(t('thing.note'), item.note)}
      ${Object.entries(item.attributes).map(([key, value]) => fact(key, String(value)))}
    </dl>
    <section aria-label=${t('thing.history')}><h2 class="h">${t('thing.history')}</h2>
      ${
        history.length
          ? html`<ol class="log">${history.map(
              (entry) => html`<li><time title=${exact(entry.valid_from)}>${clock(entry.valid_from, store.now)}</time>
              <span><b>${tt(`change.${entry.act}`, entry.act)}</b>${entry.actor_name ? html` · ${entry.actor_name}` : nothing}${
                entry.reason ? html`<small>${entry.reason}</small>` : nothing
              }</span></li>`,
            )}</ol>`
          : html`<small>${t('thing.no_history')}</small>`
      }</section>`;
}

export function cellView(cell: Cell, beat: Beat | null): TemplateResult {
  return html`<header class="stack-s">
      <small>${t('layer.cell')}</small>
      <div class="titleline"><h1 id="detail-title" tabindex="-1">${cell.code}</h1><span class="chip">${t('cell.grade', { grade: cell.grade })}</span></div>
    </header>
    <div class="row-buttons">${casesHere(cell.code)}</div>
    <dl class="facts">
      ${fact(t('cell.community'), divisionName(cell.community_code))}
      ${fact(t('cell.street'), divisionName(cell.community_code?.slice(0, 9)))}
      ${fact(t('cell.beat'), beat ? `${beat.code} ${pick(beat.name_zh, beat.name_en)}` : null)}
      ${fact(t('cell.area'), `${Math.round(cell.area_m2).toLocaleString()} m²`)}
      ${fact(t('thing.since'), cell.started_on ? date(cell.started_on) : null)}
      ${fact(t('cell.ended'), cell.ended_on ? date(cell.ended_on) : null)}
      ${fact(t('thing.note'), cell.note)}
    </dl>`;
}

function divisionName(code: string | undefined): string {
  if (!code) return '';
  const found = store.city.divisions.find((item) => item.code === code);
  return found ? `${pick(found.name_zh, found.name_en)} ${code}` : code;
}
