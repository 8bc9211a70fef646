/** Registering a case at the desk: on a component, or at the place under the cross in the middle of the map. */
import { html, nothing, type TemplateResult } from 'lit';
import { readWorkflow, reportCase, type Source } from '../api/cases';
import type { Component } from '../api/city';
import { Intentions } from '../api/client';
import { asProblem, type Problem } from '../api/problem';
import type { CityClass } from '../api/types';
import { pick, t } from '../i18n';
import { Element } from '../ui/element';
import '../ui/menu';
import { type Taken, takenView, upload } from '../ui/taken';
import { toast } from '../ui/toast';
import { knownClasses } from './filter-chips';
import { store } from './store';

export class ReportForm extends Element {
  static override properties = { component: { attribute: false } };
  /** Null: a free place with a class of the user's choice. */
  declare component: Component | null;
  private opened = false;
  private busy = false;
  private problem: Problem | null = null;
  private wrong = '';
  private sources: Source[] | null = null;
  private classes: CityClass[] = [];
  private klass: CityClass | null = null;
  private taken: Taken[] = [];
  private readonly intentions = new Intentions();

  constructor() {
    super();
    this.component = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (!this.component) void this.open();
  }

  private async open(): Promise<void> {
    this.opened = true;
    this.requestUpdate();
    try {
      const mine = new Set(store.session?.user.posts);
      this.sources = (await readWorkflow()).sources.filter((source) => source.posts.some((post) => mine.has(post)));
      if (!this.component) this.classes = await knownClasses();
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector<HTMLElement>('select, textarea')?.focus();
  }

  private close(): void {
    this.opened = false;
    this.taken = [];
    this.problem = null;
    this.wrong = '';
    if (!this.component) store.select(null);
    this.requestUpdate();
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.busy) return;
    const form = new FormData(event.target as HTMLFormElement);
    const item = this.component;
    const place = item
      ? ([item.lon, item.lat] as [number, number])
      : store.url.view && ([store.url.view.lon, store.url.view.lat] as [number, number]);
    const source = String(form.get('source'));
    const words = String(form.get('description')).trim();
    this.wrong =
      !item && !this.klass
        ? t('report.pick_class')
        : this.sources?.find((one) => one.source === source)?.needs_photo && this.taken.length === 0
          ? t('act.photo_needed')
          : words.length < 2
            ? t('report.description_needed')
            : '';
    this.problem = null;
    this.requestUpdate();
    if (this.wrong || !place) return;
    this.busy = true;
    const intention = JSON.stringify([source, item?.code ?? this.klass?.code, place, words]);
    try {
      const photos = await upload(this.taken, 'before');
      const { number } = await reportCase(
        {
          source,
          kind: item ? 'component' : this.klass!.kind,
          class_code: item ? item.class_code : this.klass!.code,
          component_code: item?.code,
          lon: place[0],
          lat: place[1],
          description: words,
          photos,
        },
        this.intentions.key(intention),
      );
      this.intentions.settled(intention);
      this.opened = false;
      this.taken = [];
      toast(t('report.done', { number }));
      store.list.heard(number);
      store.select({ kind: 'case', id: number });
    } catch (error) {
      this.problem = asProblem(error);
      if (!this.problem.passing) this.intentions.settled(intention);
    }
    this.busy = false;
    this.requestUpdate();
  }

  private form(): TemplateResult {
    const { sources } = this;
    if (sources === null)
      return this.problem
        ? html`<p class="wrong" role="alert">${this.problem.readable}</p>`
        : html`<p aria-busy="true">${t('loading')}</p>`;
    if (sources.length === 0) return html`<p class="note warn">${t('report.not_yours')}</p>`;
    const { klass } = this;
    return html`<form class="actform" novalidate aria-label=${t('report.title')} @submit=${this.submit}>
      <label class="field"><span>${t('report.source')}</span><select class="input" name="source">${sources.map(
        (source) => html`<option value=${source.source}>${pick(source.title_zh, source.title_en)}</option>`,
      )}</select></label>
      ${
        this.component
          ? nothing
          : html`<div class="field"><span>${t('report.class')}</span><co-menu .label=${klass ? `${klass.code} ${pick(klass.name_zh, klass.name_en)}` : t('report.pick_class')}
            .choices=${this.classes.map((one) => ({ value: `${one.kind}:${one.code}`, label: pick(one.name_zh, one.name_en), hint: one.code }))}
            .value=${klass ? `${klass.kind}:${klass.code}` : ''} @choose=${(event: CustomEvent<string>) => {
              this.klass = this.classes.find((one) => `${one.kind}:${one.code}` === event.detail) ?? null;
              this.requestUpdate();
            }}></co-menu></div>`
      }
      <label class="field"><span>${t('report.description')}</span><textarea class="input" name="description" required maxlength="1000"></textarea></label>
      ${takenView(
        this.taken,
        (next) => {
          this.taken = next;
          this.requestUpdate();
        },
        (wrong) => {
          this.wrong = wrong;
        },
      )}
      ${this.wrong || this.problem ? html`<p class="wrong" role="alert">${this.wrong || this.problem?.readable}</p>` : nothing}
      <div class="row-buttons"><button class="btn main" ?disabled=${this.busy}>${this.busy ? t('act.sending') : t('report.send')}</button>
        <button type="button" class="btn" @click=${() => this.close()}>${t('cancel')}</button></div>
    </form>`;
  }

  protected override render() {
    if (this.opened) return this.form();
    return html`<div class="row-buttons"><button type="button" class="btn main" @click=${() => void this.open()}>${t('report.here')}</button></div>`;
  }
}

customElements.define('co-report-form', ReportForm);
