/** Registering a case at the desk: on a component, or at the place in the middle of the map. */
import { html, nothing } from 'lit';
import { reportCase } from '../api/cases';
import type { Component } from '../api/city';
import { Intentions } from '../api/client';
import { asProblem, type Problem } from '../api/problem';
import { t } from '../i18n';
import { Element } from '../ui/element';
import { toast } from '../ui/toast';
import { store } from './store';

const SOURCES = ['hotline', 'public', 'video', 'transfer', 'inspector'] as const;

export class ReportForm extends Element {
  static override properties = { component: { attribute: false } };
  declare component: Component | null;
  private opened = false;
  private busy = false;
  private problem: Problem | null = null;
  private readonly intentions = new Intentions();

  constructor() {
    super();
    this.component = null;
  }

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const item = this.component;
    const place = item && placeOf(item);
    if (!item || !place) return;
    const form = new FormData(event.target as HTMLFormElement);
    const body = {
      source: String(form.get('source')),
      kind: 'component' as const,
      class_code: item.class_code,
      component_code: item.code,
      lon: place[0],
      lat: place[1],
      description: String(form.get('description')).trim(),
      photos: [],
    };
    const intention = JSON.stringify(body);
    this.busy = true;
    this.problem = null;
    this.requestUpdate();
    try {
      const { number } = await reportCase(body, this.intentions.key(intention));
      this.intentions.settled(intention);
      this.opened = false;
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

  protected override render() {
    if (!this.opened)
      return html`<div class="row-buttons"><button type="button" class="btn main" @click=${() => {
        this.opened = true;
        this.requestUpdate();
        void this.updateComplete.then(() => this.querySelector<HTMLElement>('textarea')?.focus());
      }}>${t('report.here')}</button></div>`;
    return html`<form class="actform" aria-label=${t('report.here')} @submit=${this.submit}>
      <label class="field"><span>${t('report.source')}</span><select class="input" name="source">${SOURCES.map(
        (source) => html`<option value=${source}>${t(`source.${source}`)}</option>`,
      )}</select></label>
      <label class="field"><span>${t('report.description')}</span><textarea class="input" name="description" required minlength="2" maxlength="1000"></textarea></label>
      ${this.problem ? html`<p class="wrong" role="alert">${this.problem.readable}</p>` : nothing}
      <div class="row-buttons"><button class="btn main" ?disabled=${this.busy}>${this.busy ? t('act.sending') : t('report.send')}</button>
        <button type="button" class="btn" @click=${() => {
          this.opened = false;
          this.requestUpdate();
        }}>${t('cancel')}</button></div>
    </form>`;
  }
}

/** One point of a component: its own, or the middle of its vertices. */
export function placeOf(item: Component): [number, number] | null {
  if (item.lon !== undefined && item.lat !== undefined) return [item.lon, item.lat];
  const geometry = item.geometry ?? item.geom;
  if (!geometry || geometry.type === 'GeometryCollection') return null;
  let value: unknown = geometry.coordinates;
  while (Array.isArray(value) && Array.isArray(value[0])) value = value[Math.floor(value.length / 2)];
  return Array.isArray(value) ? (value as [number, number]) : null;
}
customElements.define('co-report-form', ReportForm);
