/** What can be done with the case now. A disabled act says why; an act that needs words or a photo asks for them here. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ActBody } from '../api/cases';
import { get } from '../api/client';
import { asProblem } from '../api/problem';
import type { Act, CaseDetail } from '../api/types';
import { pick, t } from '../i18n';
import { Element } from '../ui/element';
import { type Taken, takenView, upload } from '../ui/taken';
import { missing, refusals } from './acts';
import { store, Watch } from './store';

/** More shut buttons than this would hide the open ones. */
const SHUT_SHOWN = 4;

interface Condition {
  id: number;
  number: number;
  filing_zh: string;
  filing_en: string | null;
  is_default: boolean;
}

/** The local day so many days ahead, as a date field wants it. */
function day(now: number, ahead: number): string {
  const at = new Date(now);
  at.setDate(at.getDate() + ahead);
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}

export class ActForm extends Element {
  private taken: Taken[] = [];
  private problem = '';
  /** The field the problem is about. */
  private wrongField = '';
  private conditions: Condition[] = [];
  private formOf = '';
  /** Photos or the act are on their way; set before anything is waited for. */
  private busy = false;

  constructor() {
    super();
    new Watch(this);
  }

  private open(act: Act): void {
    if (this.busy || store.detail.sending) return;
    if (!act.allowed) return;
    this.problem = '';
    this.wrongField = '';
    this.taken = [];
    if (act.requires.length === 0 && !act.results?.length) return void store.detail.send(act, {});
    store.detail.openAct(act);
    if (act.requires.includes('condition')) void this.loadConditions();
    void this.updateComplete.then(() =>
      this.querySelector<HTMLElement>('.actform textarea, .actform select, .actform input')?.focus(),
    );
  }

  private async loadConditions(): Promise<void> {
    const data = store.detail.caseData;
    if (!data) return;
    this.conditions = [];
    try {
      const body = await get<{ items: Condition[] } | Condition[]>('/conditions', {
        edition: data.edition,
        kind: data.kind,
        class_code: data.class_code,
        limit: 100,
      });
      this.conditions = Array.isArray(body) ? body : body.items;
    } catch (error) {
      this.problem = asProblem(error).readable;
    }
    this.requestUpdate();
  }

  private async submit(event: SubmitEvent, act: Act): Promise<void> {
    event.preventDefault();
    if (this.busy || store.detail.sending) return;
    const form = new FormData(event.target as HTMLFormElement);
    const body: ActBody = {};
    const text = (name: string) => String(form.get(name) ?? '').trim();
    if (act.requires.includes('reason')) body.reason = text('reason');
    else if (text('note')) body.note = text('note');
    if (form.has('result')) body.result = text('result');
    if (text('department')) body.department_id = Number(text('department'));
    if (text('until')) body.until_on = text('until');
    if (text('condition')) body.condition_id = Number(text('condition'));
    const lack = missing(act, body, this.taken.length);
    this.problem = lack?.text ?? '';
    this.wrongField = lack?.field ?? '';
    if (lack) {
      this.requestUpdate();
      this.querySelector<HTMLElement>(`.actform [name=${lack.field}]`)?.focus();
      return;
    }
    this.busy = true;
    this.requestUpdate();
    try {
      await this.deliver(act, body);
    } finally {
      this.busy = false;
      this.requestUpdate();
    }
  }

  /** Photos first, then the act that names them. */
  private async deliver(act: Act, body: ActBody): Promise<void> {
    try {
      const phase = act.act === 'handle' ? 'after' : act.act === 'check' ? 'check' : 'before';
      if (this.taken.length) body.photos = await upload(this.taken, phase);
    } catch (error) {
      this.problem = asProblem(error).readable;
      this.requestUpdate();
      return;
    }
    if (await store.detail.send(act, body)) {
      for (const photo of this.taken) URL.revokeObjectURL(photo.url);
      this.taken = [];
    }
  }

  private button(act: Act, main: boolean, why: string): TemplateResult {
    const shut = !act.allowed || this.busy || store.detail.sending;
    const title = pick(act.title_zh, act.title_en);
    const reason = pick(act.reason_zh, act.reason_en);
    return html`<button type="button" class="btn ${main ? 'main' : ''}" data-act=${act.act} aria-disabled=${shut ? 'true' : 'false'}
      aria-describedby=${why || nothing} title=${act.allowed ? title : reason}
      aria-expanded=${store.detail.act?.act === act.act ? 'true' : nothing}
      @click=${() => this.open(act)}>${title}</button>`;
  }

  private field(data: CaseDetail, name: string): TemplateResult | typeof nothing {
    if (name === 'reason')
      return html`<label class="field"><span>${t('act.reason')}</span><textarea class="input" name="reason" required maxlength="1000" aria-invalid=${this.wrongField === 'reason' ? 'true' : 'false'} aria-describedby=${this.wrongField === 'reason' ? 'act-wrong' : nothing}></textarea></label>`;
    if (name === 'note')
      return html`<label class="field"><span>${t('act.words')}</span><textarea class="input" name="note" required maxlength="2000" aria-invalid=${this.wrongField === 'note' ? 'true' : 'false'} aria-describedby=${this.wrongField === 'note' ? 'act-wrong' : nothing}></textarea></label>`;
    if (name === 'until')
      return html`<label class="field"><span>${t('act.until')}</span><input class="input" type="date" name="until" required min=${day(store.now, 1)} max=${day(store.now, 365)} aria-invalid=${this.wrongField === 'until' ? 'true' : 'false'} aria-describedby=${this.wrongField === 'until' ? 'act-wrong' : nothing} /></label>`;
    if (name === 'department') return this.departmentField(data);
    const chosen = (data.condition as { id?: number } | null)?.id;
    if (name === 'condition')
      return html`<label class="field"><span>${t('act.condition')}</span><select class="input" name="condition">
        ${this.conditions.map((item) => html`<option value=${item.id} ?selected=${chosen ? item.id === chosen : item.is_default}>${item.number}. ${pick(item.filing_zh, item.filing_en)}</option>`)}</select></label>`;
    if (name === 'photo')
      return takenView(
        this.taken,
        (next) => {
          this.taken = next;
          this.requestUpdate();
        },
        (wrong) => {
          this.problem = wrong;
        },
      );
    return nothing;
  }

  /** The routed department is offered first; another one is the dispatcher's own choice. */
  private departmentField(data: CaseDetail): TemplateResult {
    const routed = data.routing?.department_id ?? data.department_id;
    const sorted = [...store.city.departments].sort((a, b) => Number(b.id === routed) - Number(a.id === routed));
    return html`<label class="field"><span>${t('act.department')}</span><select class="input" name="department" required>
      ${routed ? nothing : html`<option value="">${t('act.choose')}</option>`}
      ${sorted.map(
        (item) =>
          html`<option value=${item.id} ?selected=${item.id === routed}>${pick(item.name_zh, item.name_en)}${item.id === routed ? t('act.routed') : ''}</option>`,
      )}</select></label>`;
  }

  private form(act: Act, data: CaseDetail): TemplateResult {
    const results = act.results ?? [];
    const problem = this.problem || store.detail.actProblem?.readable;
    const title = pick(act.title_zh, act.title_en);
    const sending = this.busy || store.detail.sending;
    return html`<form class="actform" novalidate aria-label=${title} @submit=${(event: SubmitEvent) => void this.submit(event, act)}>
      ${
        results.length
          ? html`<fieldset class="field"><legend>${t('act.result')}</legend><span class="choices-row">${results.map(
              (entry, at) =>
                html`<label class="radio"><input type="radio" name="result" value=${entry.result} required ?checked=${at === 0} />${pick(entry.title_zh, entry.title_en)}</label>`,
            )}</span></fieldset>`
          : nothing
      }
      ${['condition', 'department', 'until', 'photo', 'reason', 'note'].filter((name) => act.requires.includes(name)).map((name) => this.field(data, name))}
      ${
        act.requires.includes('reason') || act.requires.includes('note')
          ? nothing
          : html`<label class="field"><span>${t('act.note')}</span><textarea class="input" name="note" maxlength="1000"></textarea></label>`
      }
      ${problem ? html`<p id="act-wrong" class="wrong" role="alert">${problem}</p>` : nothing}
      <div class="row-buttons"><button class="btn main" ?disabled=${sending}>${sending ? t('act.sending') : title}</button>
        <button type="button" class="btn" @click=${() => store.detail.openAct(null)}>${t('cancel')}</button></div>
    </form>`;
  }

  protected override render() {
    const data = store.detail.caseData;
    if (!data) return nothing;
    if (this.formOf !== data.number) {
      this.formOf = data.number;
      this.taken = [];
      this.problem = '';
    }
    const allowed = data.acts.filter((act) => act.allowed);
    const refused = data.acts.filter((act) => !act.allowed);
    // What belongs to the usual path is shown although it is barred; the ways beside it can be looked up with their reasons.
    const barred = refused.filter((act) => !act.aside).slice(0, SHUT_SHOWN);
    const others = refused.filter((act) => act.aside);
    const lines = refusals(barred);
    const asideLines = refusals(others);
    const why = (act: Act) => [...lines, ...asideLines].find((line) => line.acts.includes(act.act))?.id ?? '';
    const open = store.detail.act;
    return html`<section class="acts" aria-label=${t('act.title')}>
      <div class="row-buttons">${allowed.map((act, at) => this.button(act, at === 0, ''))}${barred.map((act) => this.button(act, false, why(act)))}</div>
      ${lines.map((line) => html`<small id=${line.id} class="reason">${line.text}</small>`)}
      ${
        others.length
          ? html`<details class="more-acts"><summary>${t('act.more', { n: others.length })}</summary><div class="row-buttons">${others.map((act) => this.button(act, false, why(act)))}</div>${asideLines.map((line) => html`<small id=${line.id} class="reason">${line.text}</small>`)}</details>`
          : nothing
      }
      ${open ? this.form(open, data) : store.detail.actProblem ? html`<p class="wrong" role="alert">${store.detail.actProblem.readable}</p>` : nothing}
    </section>`;
  }
}
customElements.define('co-act-form', ActForm);
