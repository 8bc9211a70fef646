/** A case, read from top to bottom: what and how late, where it stands, what can be done, the facts, the reasons, the log. */
import { html, nothing, type TemplateResult } from 'lit';
import type { CaseDetail, Photo } from '../api/types';
import { pick, t, tt } from '../i18n';
import { clock, exact, remaining } from '../time';
import { className, closed, stateName } from '../ui/status';
import './act-form';
import { store } from './store';

const STEPS = ['collection', 'establishment', 'dispatch', 'handling', 'feedback', 'check', 'evaluation'] as const;

export function caseView(data: CaseDetail): TemplateResult {
  const name = className(data);
  return html`<header class="stack-s">
      <small class="cut">${data.number} · ${t(data.kind === 'component' ? 'kind.component_case' : 'kind.event_case')} · ${tt(`source.${data.source}`, data.source)}</small>
      <div class="titleline"><h1 id="detail-title" tabindex="-1">${name}</h1>${clockChip(data)}</div>
      ${data.description ? html`<p class="description">${data.description}</p>` : nothing}
      ${marks(data)}
    </header>
    ${steps(data)} ${supervision(data)}
    ${
      store.detail.stale
        ? html`<div class="note warn" role="status"><b>${t('detail.stale')}</b><span><button type="button" class="btn" @click=${() => void store.detail.load()}>${t('detail.reload')}</button></span></div>`
        : nothing
    }
    <co-act-form></co-act-form>
    ${facts(data)} ${routing(data)} ${photos(data)} ${log(data)}`;
}

function clockChip(data: CaseDetail): TemplateResult {
  if (closed(data.state))
    return html`<span class="chip ${data.state === 'closed' ? 'ok' : 'paused'}">${stateName(data.state)}</span>`;
  if (data.state === 'suspended')
    return html`<span class="chip paused" title=${exact(data.suspended_until)}>${stateName(data.state)}</span>`;
  if (data.light === 'paused') return html`<span class="chip paused">${t('light.paused')}</span>`;
  const due = data.state_due_at ?? data.due_at;
  return html`<span class="chip ${data.light}" title=${exact(due)}>${remaining(due, store.now) || stateName(data.state)}</span>`;
}

/** What is special about the case, and what waits for a decision. */
function marks(data: CaseDetail): TemplateResult | typeof nothing {
  const shown: [boolean, string, string][] = [
    [!!data.urgent, 'late', t('chip.urgent')],
    [data.supervision === 'open', 'late', t('chip.supervised')],
    [data.supervision === 'answered', 'ok', t('chip.answered')],
    [data.pending === 'delay', 'soon', t('chip.delay')],
    [data.pending === 'suspension', 'soon', t('chip.suspension')],
    [data.appeal === 'asked' || data.appeal === 'passed', 'soon', t('chip.appeal')],
    [!!data.simplified, 'paused', t('chip.simplified')],
    [!!data.forced, 'paused', t('chip.forced')],
    [!!data.exempt, 'paused', t('chip.exempt')],
    [(data.reopen_count ?? 0) > 0, 'paused', t('chip.reopened', { n: data.reopen_count ?? 0 })],
  ];
  const real = shown.filter(([is]) => is);
  if (real.length === 0) return nothing;
  return html`<div class="marks" role="group" aria-label=${t('chip.title')}>${real.map(([, tone, words]) => html`<span class="chip ${tone}">${words}</span>`)}</div>`;
}

/** What the supervisor said, as long as he waits for the answer. */
function supervision(data: CaseDetail): TemplateResult | typeof nothing {
  if (data.supervision !== 'open') return nothing;
  const said = data.events.filter((event) => event.act === 'supervise').at(-1);
  return html`<div class="note warn" role="status"><b>${tt(`result.${data.supervision_kind}`, t('chip.supervised'))}</b><span>${said?.note ?? ''}</span></div>`;
}

/** Seven steps; the one under way takes the colour of its light and is named. */
function steps(data: CaseDetail): TemplateResult {
  const done = data.state === 'closed' ? 7 : data.stage - 1;
  const stopped = data.state === 'voided';
  const tone = data.light === 'late' ? 'late' : data.light === 'soon' ? 'soon' : 'now';
  return html`<div>
    <ol class="steps">
      ${STEPS.map((step, at) => {
        const now = at === done && !stopped;
        return html`<li class=${at < done ? 'done' : now ? tone : 'todo'} aria-current=${now ? 'step' : nothing}><i></i><small>${t(`step.${step}`)}</small></li>`;
      })}
    </ol>
    <p class="where"><b>${stateName(data.state)}</b>${
      data.department_name_zh ? html` · ${pick(data.department_name_zh, data.department_name_en)}` : nothing
    }${data.handler_name ? html` · ${data.handler_name}` : nothing}</p>
  </div>`;
}

function fact(label: string, value: unknown): TemplateResult | typeof nothing {
  return value ? html`<dt>${label}</dt><dd>${value}</dd>` : nothing;
}

function facts(data: CaseDetail): TemplateResult {
  const condition = data.condition as Record<string, string | null> | null;
  const value = data.limit?.value ?? data.limit_value;
  const unit = data.limit?.unit ?? data.limit_unit;
  const limit =
    value !== null && value !== undefined
      ? html`${t('fact.limit_value', { n: Number(value), unit: tt(`unit.${unit}`, String(unit ?? ''), { n: Number(value) }) })}${
          data.area_grade ? html`${t('fact.grade', { grade: data.area_grade })}` : nothing
        }${data.due_at ? html`${t('list_sep')}<span title=${exact(data.due_at)}>${t('fact.until', { at: clock(data.due_at, store.now) })}</span>` : nothing}`
      : null;
  const component = data.component;
  return html`<dl class="facts">
    ${fact(
      t('fact.place'),
      html`${[data.address, pick(data.street_name_zh, data.street_name_en)].filter(Boolean).join(t('list_sep'))}${data.address || data.street_name_zh ? t('list_sep') : ''}<button type="button" class="link" @click=${() => store.select({ kind: 'cell', id: data.cell_code })}>${t('fact.cell', { code: data.cell_code })}</button>`,
    )}
    ${
      component
        ? fact(
            t('fact.component'),
            html`<button type="button" class="link" @click=${() => store.select({ kind: 'component', id: component.code })}>${component.code}</button> ${component.name ?? ''}`,
          )
        : nothing
    }
    ${fact(t('fact.class'), `${data.class_code} ${className(data)}`)}
    ${fact(t('fact.condition'), condition ? pick(condition.filing_zh, condition.filing_en) : null)}
    ${fact(t('fact.closing'), condition ? pick(condition.closing_zh, condition.closing_en) : null)}
    ${fact(t('fact.limit'), limit)}
    ${fact(t('fact.reported'), html`<span title=${exact(data.reported_at)}>${clock(data.reported_at, store.now)}</span>`)}
    ${fact(t('fact.verified'), data.verified ? tt(`result.${data.verified}`, data.verified) : null)}
    ${fact(t('fact.delays'), data.delay_count ? t('fact.delays_value', { n: data.delay_count }) : null)}
    ${fact(t('fact.suspended'), data.suspended_until ? html`<span title=${exact(data.suspended_until)}>${clock(data.suspended_until, store.now)}</span>` : null)}
    ${fact(t('fact.asked_until'), data.asked_until ? html`<span title=${exact(data.asked_until)}>${clock(data.asked_until, store.now)}</span>` : null)}
    ${fact(t('fact.redispatched'), data.redispatch_count ? t('fact.redispatched_value', { n: data.redispatch_count }) : null)}
    ${fact(t('fact.again'), (data.rework_count ?? 0) + (data.return_count ?? 0) > 0 ? t('fact.again_value', { rework: data.rework_count ?? 0, returned: data.return_count ?? 0 }) : null)}
  </dl>`;
}

function routing(data: CaseDetail): TemplateResult | typeof nothing {
  const why = data.routing && pick(data.routing.why_zh, data.routing.why_en);
  if (!why) return nothing;
  const losers = (data.routing?.losers ?? []).map((loser) => pick(loser.why_zh, loser.why_en)).filter(Boolean);
  return html`<section class="note" aria-label=${t('routing.title')}>
    <b>${t(data.department_id === null ? 'routing.would' : 'routing.why', { name: routedTo(data) || t('routing.nobody') })}</b>
    <small>${why}</small>${losers.length ? html`<small>${t('routing.not_chosen')}${losers.join(t('list_semicolon'))}</small>` : nothing}
  </section>`;
}

function routedTo(data: CaseDetail): string {
  const id = data.routing?.department_id ?? data.department_id;
  const found = store.city.departments.find((item) => item.id === id);
  return found ? pick(found.name_zh, found.name_en) : pick(data.department_name_zh, data.department_name_en);
}

function photos(data: CaseDetail): TemplateResult | typeof nothing {
  if (data.photos.length === 0) return nothing;
  const figure = (photo: Photo) => {
    const label = `${tt(`phase.${photo.phase}`, photo.phase)} ${photo.taken_at ? clock(photo.taken_at, store.now) : ''}`;
    return html`<figure><a href=${photo.full} target="_blank" rel="noopener"><img src=${photo.thumb} alt=${label} loading="lazy" /></a><figcaption>${label}</figcaption></figure>`;
  };
  return html`<section class="photos" aria-label=${t('photos.title')}>${data.photos.map(figure)}</section>`;
}

function log(data: CaseDetail): TemplateResult {
  return html`<section aria-label=${t('log.title')}>
    <ol class="log">
      ${data.events.map(
        (event) => html`<li>
          <time datetime=${event.at} title=${exact(event.at)}>${clock(event.at, store.now)}</time>
          <span><b>${tt(`act.${event.act}`, event.act)}</b>${
            event.actor_name
              ? html` · ${event.actor_name}${event.actor_post ? t('log.post', { post: tt(`post.${event.actor_post}`, event.actor_post) }) : nothing}`
              : nothing
          }${event.result ? html`${t('log.colon')}${tt(`result.${event.result}`, event.result)}` : nothing}${event.note ? html`<small>${event.note}</small>` : nothing}</span>
          <code title=${t('log.digest', { digest: event.digest })}>${event.digest?.slice(0, 6)}</code>
        </li>`,
      )}
    </ol>
  </section>`;
}
