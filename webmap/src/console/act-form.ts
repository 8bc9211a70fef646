/** What can be done with the case now. A disabled act says why; an act that needs words or a photo asks for them here. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ActBody } from '../api/cases';
import { get } from '../api/client';
import { asProblem } from '../api/problem';
import type { Act, CaseDetail } from '../api/types';
import { pick, t } from '../i18n';
import { Element } from '../ui/element';
import { type Taken, takenView, upload } from '../ui/taken';
import { store, Watch } from './store';

interface Condition {
  id: number;
  number: number;
  filing_zh: string;
  filing_en: string | null;
  is_default: boolean;
}

export class ActForm extends Element {
  private told: string | null = null;
  private taken: Taken[] = [];
  private problem = '';
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
    if (!act.allowed) {
      this.told = act.act;
      this.requestUpdate();
      return;
    }
    this.told = null;
    this.problem = '';
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
    if (text('condition')) body.condition_id = Number(text('condition'));
    this.problem = '';
    if (act.requires.includes('photo') && this.taken.length === 0) {
      this.problem = t('act.photo_needed');
      this.requestUpdate();
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

  private button(act: Act, main: boolean): TemplateResult {
    const title = pick(act.title_zh, act.title_en);
    const reason = pick(act.reason_zh, act.reason_en);
    return html`<button type="button" class="btn ${main ? 'main' : ''}" data-act=${act.act} aria-disabled=${act.allowed ? 'false' : 'true'}
      aria-describedby=${act.allowed ? nothing : 'act-reason'} title=${act.allowed ? title : reason}
      aria-expanded=${store.detail.act?.act === act.act ? 'true' : nothing}
      @click=${() => this.open(act)} @mouseenter=${() => this.tell(act)} @focus=${() => this.tell(act)}>${title}</button>`;
  }

  private tell(act: Act): void {
    if (act.allowed || this.told === act.act) return;
    this.told = act.act;
    this.requestUpdate();
  }

  private field(data: CaseDetail, name: string): TemplateResult | typeof nothing {
    if (name === 'reason')
      return html`<label class="field"><span>${t('act.reason')}</span><textarea class="input" name="reason" required minlength="2" maxlength="1000"></textarea></label>`;
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
    return html`<form class="actform" aria-label=${title} @submit=${(event: SubmitEvent) => void this.submit(event, act)}>
      ${
        results.length
          ? html`<fieldset class="field"><legend>${t('act.result')}</legend><span class="choices-row">${results.map(
              (entry, at) =>
                html`<label class="radio"><input type="radio" name="result" value=${entry.result} required ?checked=${at === 0} />${pick(entry.title_zh, entry.title_en)}</label>`,
            )}</span></fieldset>`
          : nothing
      }
      ${['condition', 'department', 'photo', 'reason'].filter((name) => act.requires.includes(name)).map((name) => this.field(data, name))}
      ${
        act.requires.includes('reason')
          ? nothing
          : html`<label class="field"><span>${t('act.note')}</span><textarea class="input" name="note" maxlength="1000"></textarea></label>`
      }
      ${problem ? html`<p class="wrong" role="alert">${problem}</p>` : nothing}
      <div class="row-buttons"><button class="btn main" ?disabled=${sending}>${sending ? t('act.sending') : title}</button>
        <button type="button" class="btn" @click=${() => store.detail.openAct(null)}>${t('cancel')}</button></div>
    </form>`;
  }

  protected override render() {
    const data = store.detail.caseData;
    if (!data) return nothing;
    if (this.formOf !== data.number) {
      this.formOf = data.number;
      this.told = null;
      this.taken = [];
      this.problem = '';
    }
    const allowed = data.acts.filter((act) => act.allowed);
    const refused = data.acts.filter((act) => !act.allowed);
    const told = refused.find((act) => act.act === this.told) ?? refused[0];
    const open = store.detail.act;
    return html`<section class="acts" aria-label=${t('act.title')}>
      <div class="row-buttons">${allowed.map((act, at) => this.button(act, at === 0))}${refused.slice(0, 4).map((act) => this.button(act, false))}</div>
      ${
        told
          ? html`<small id="act-reason" class="reason">${t('act.refused', { act: pick(told.title_zh, told.title_en), reason: pick(told.reason_zh, told.reason_en) })}</small>`
          : nothing
      }
      ${open ? this.form(open, data) : store.detail.actProblem ? html`<p class="wrong" role="alert">${store.detail.actProblem.readable}</p>` : nothing}
    </section>`;
  }
}
customElements.define('co-act-form', ActForm);
