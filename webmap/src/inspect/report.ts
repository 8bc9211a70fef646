/** A report in three screens: what, photo, where. Every answer is kept at once; leaving and coming back loses nothing. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { type Component, searchComponents } from '../api/city';
import { line } from '../api/line';
import type { CityClass } from '../api/types';
import { uuid } from '../api/uuid';
import { pick, t } from '../i18n';
import { distance } from '../time';
import { Element } from '../ui/element';
import { icon } from '../ui/icon';
import { shrink } from '../ui/photo';
import { mark, sentence } from '../ui/status';
import { toast } from '../ui/toast';
import { draft, dropDraft, type KeptPhoto, keepDraft } from './keep';
import { phone, Watch } from './phone';
import { firstPlace, PhoneMap } from './phone-map';

export interface ReportDraft {
  /** The id its action will have; made with the screen, so that one screen makes one report. */
  action: string;
  klass: { kind: 'component' | 'event'; code: string; zh: string; en: string } | null;
  photos: KeptPhoto[];
  words: string;
  /** Where the cross was left; null = follow the phone's position. */
  place: { lon: number; lat: number } | null;
  component: string | null;
}

const EMPTY: ReportDraft = { action: '', klass: null, photos: [], words: '', place: null, component: null };
const RECENT = 'cityops.recent-classes';
/** How far around the cross components are offered, in metres. */
const REACH_M = 60;
/** What the phone's receiver speaks. */
const PHONE_CRS = 'EPSG:4326';

export class Report extends Element {
  static override properties = { screen: { type: Number } };
  declare screen: number;
  private data: ReportDraft = EMPTY;
  private loaded = false;
  private typed = '';
  private kind: 'component' | 'event' = 'component';
  private wrong = '';
  /** Set before anything is waited for: a second press in the same moment finds it. */
  private sending = false;
  private city: PhoneMap | null = null;
  private near: Component[] = [];
  private nearTimer = 0;
  private urls = new Map<string, string>();

  constructor() {
    super();
    this.screen = 1;
    new Watch(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void draft<ReportDraft>('report').then((found) => {
      this.data = { ...EMPTY, ...found };
      this.data.action ||= uuid();
      this.loaded = true;
      if (this.screen > 1 && !this.data.klass) phone.go('/report/1');
      this.requestUpdate();
    });
  }

  override disconnectedCallback(): void {
    this.city?.remove();
    this.city = null;
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
    super.disconnectedCallback();
  }

  private set(patch: Partial<ReportDraft>): void {
    this.data = { ...this.data, ...patch };
    void keepDraft('report', this.data);
    this.requestUpdate();
  }

  // ---- 1 what

  private choose(item: CityClass): void {
    const same = this.data.klass?.kind === item.kind && this.data.klass.code === item.code;
    this.set({
      klass: { kind: item.kind, code: item.code, zh: item.name_zh, en: item.name_en ?? '' },
      component: same ? this.data.component : null,
    });
    const recent = [
      `${item.kind}:${item.code}`,
      ...recentClasses().filter((key) => key !== `${item.kind}:${item.code}`),
    ].slice(0, 6);
    localStorage.setItem(RECENT, JSON.stringify(recent));
    phone.go('/report/2');
  }

  private what(): TemplateResult {
    const words = this.typed.trim().toLowerCase();
    const recent = recentClasses();
    const all = phone.klasses;
    const shown = words
      ? all.filter((item) =>
          `${item.name_zh} ${item.name_en ?? ''} ${item.code} ${item.mark ?? ''}`.toLowerCase().includes(words),
        )
      : all.filter((item) => item.kind === this.kind);
    const favourites = words
      ? []
      : recent
          .map((key) => all.find((item) => `${item.kind}:${item.code}` === key))
          .filter((item) => item !== undefined);
    const tile = (
      item: CityClass,
    ) => html`<li><button type="button" class="tile" aria-pressed=${this.data.klass?.code === item.code && this.data.klass.kind === item.kind ? 'true' : 'false'} @click=${() => this.choose(item)}>
      <span class="tilemark ${item.kind}" aria-hidden="true">${mark({ mark: item.mark, icon: item.icon, class_name_zh: item.name_zh })}</span><span>${sentence(pick(item.name_zh, item.name_en))}</span></button></li>`;
    return html`<div class="stack">
      <label class="searchfield">${icon('search')}<span class="sr">${t('report.search_class')}</span>
        <input class="input" type="search" autocomplete="off" placeholder=${t('report.search_class')} .value=${this.typed} @input=${(
          event: InputEvent,
        ) => {
          this.typed = (event.target as HTMLInputElement).value;
          this.requestUpdate();
        }} /></label>
      ${favourites.length ? html`<h2>${t('report.recent')}</h2><ul class="tiles">${favourites.map(tile)}</ul>` : nothing}
      ${
        words
          ? nothing
          : html`<div class="switch" role="group" aria-label=${t('report.what')}>${(
              ['component', 'event'] as const
            ).map(
              (kind) =>
                html`<button type="button" aria-pressed=${this.kind === kind ? 'true' : 'false'} @click=${() => {
                  this.kind = kind;
                  this.requestUpdate();
                }}>${t(kind === 'component' ? 'report.components' : 'report.events')}</button>`,
            )}</div>`
      }
      ${shown.length ? html`<ul class="tiles">${shown.map(tile)}</ul>` : html`<p class="empty"><small>${all.length ? t('report.none_found') : t('loading')}</small></p>`}
    </div>`;
  }

  // ---- 2 photo

  private async take(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const { fix } = phone.position;
    for (const file of input.files ?? []) {
      try {
        const blob = await shrink(file);
        const photo: KeptPhoto = {
          id: uuid(),
          blob,
          phase: 'before',
          taken_at: new Date().toISOString(),
          lon: fix?.lon,
          lat: fix?.lat,
          media_id: null,
        };
        this.set({ photos: [...this.data.photos, photo] });
        this.wrong = '';
      } catch {
        this.wrong = t('photo.unreadable', { name: file.name });
      }
    }
    input.value = '';
    this.requestUpdate();
  }

  private url(photo: KeptPhoto): string {
    let url = this.urls.get(photo.id);
    if (!url && photo.blob) {
      url = URL.createObjectURL(photo.blob);
      this.urls.set(photo.id, url);
    }
    return url ?? '';
  }

  private photo(): TemplateResult {
    const { photos } = this.data;
    return html`<div class="stack">
      <label class="camera ${photos.length ? 'small' : ''}">${icon('camera')}<b>${photos.length ? t('report.take_more') : t('report.take')}</b>
        <input class="sr" type="file" name="photo" accept="image/*" capture="environment" @change=${this.take} /></label>
      ${
        photos.length
          ? html`<div class="shots">${photos.map(
              (photo) =>
                html`<figure><img src=${this.url(photo)} alt=${t('report.photo')} /><button type="button" aria-label=${t('photo.remove')} @click=${() =>
                  this.set({
                    photos: photos.filter((other) => other.id !== photo.id),
                  })}>${icon('trash')}</button></figure>`,
            )}</div><small>${t('report.photo_kept')}</small>`
          : nothing
      }
      ${this.wrong ? html`<p class="wrong" role="alert">${this.wrong}</p>` : nothing}
      <label class="field"><span>${t('report.words')}</span><textarea class="input" name="words" maxlength="500" .value=${this.data.words} @input=${(
        event: InputEvent,
      ) => this.set({ words: (event.target as HTMLTextAreaElement).value })}></textarea></label>
      <button type="button" class="btn main big" ?disabled=${photos.length === 0} @click=${() => phone.go('/report/3')}>${t('report.next')}</button>
    </div>`;
  }

  // ---- 3 where

  private target(): { lon: number; lat: number } | null {
    if (this.data.place) return this.data.place;
    const { fix } = phone.position;
    return fix ? { lon: fix.lon, lat: fix.lat } : null;
  }

  private openMap(): void {
    const holder = this.querySelector<HTMLElement>('.aim-map');
    const first = this.data.place ? ([this.data.place.lon, this.data.place.lat] as [number, number]) : firstPlace();
    if (!holder || this.city || !first) return;
    const city = new PhoneMap(holder, first, 18, false);
    this.city = city;
    if (!this.data.place) city.follow();
    city.map.on('moveend', () => {
      const centre = city.map.getCenter();
      if (city.touched || !phone.position.fix)
        this.set({ place: { lon: centre.lng, lat: centre.lat }, component: null });
      this.planNear();
    });
    this.planNear();
  }

  private planNear(): void {
    window.clearTimeout(this.nearTimer);
    this.nearTimer = window.setTimeout(() => void this.lookNear(), 300);
  }

  private async lookNear(): Promise<void> {
    const target = this.target();
    const { klass } = this.data;
    if (!target || klass?.kind !== 'component' || line.quiet) return;
    try {
      this.near = await searchComponents({
        class: klass.code,
        near: `${target.lon.toFixed(7)},${target.lat.toFixed(7)}`,
        crs: PHONE_CRS,
        within_m: REACH_M,
        limit: 4,
      });
    } catch {
      // Without the network there is nothing to offer; the place alone is a good report.
      this.near = [];
    }
    this.requestUpdate();
  }

  private where(): TemplateResult {
    const { fix, problem } = phone.position;
    const target = this.target();
    const honest = this.data.place
      ? t('report.moved')
      : fix
        ? t('report.accuracy', { m: distance(fix.accuracy_m) })
        : problem
          ? t('report.no_position', { reason: t(`position.${problem}`) })
          : t('report.locating');
    return html`<div class="aim"><div class="aim-map" role="application" aria-label=${t('report.where')}></div><span class="cross" aria-hidden="true"></span>
        ${
          fix && this.data.place
            ? html`<button type="button" class="round" aria-label=${t('report.my_position')} @click=${() => {
                this.set({ place: null, component: null });
                this.city?.follow();
              }}>${icon('crosshair')}</button>`
            : nothing
        }</div>
      <div class="stack">
        <small role="status">${t('report.drag')} ${honest}</small>
        ${
          this.data.klass?.kind === 'component' && this.near.length
            ? html`<fieldset class="nearest"><legend>${t('report.nearest')}</legend>${this.near.map((item) => this.nearRow(item))}
              <label class="radio-row"><input type="radio" name="component" .checked=${this.data.component === null} @change=${() => this.set({ component: null })} /><span class="grow">${t('report.free_place')}</span></label></fieldset>`
            : nothing
        }
        ${this.wrong ? html`<p class="wrong" role="alert">${this.wrong}</p>` : nothing}
        <button type="button" class="btn main big" ?disabled=${!target || this.sending} @click=${() => void this.submit()}>${t(this.sending ? 'act.sending' : 'report.submit')}</button>
      </div>`;
  }

  private nearRow(item: Component): TemplateResult {
    return html`<label class="radio-row"><input type="radio" name="component" .checked=${this.data.component === item.code} @change=${() => this.set({ component: item.code })} />
      <span class="grow cut">${item.name || pick(item.class_name_zh, item.class_name_en) || item.code}<small>${item.code}</small></span><b>${item.distance_m !== null && item.distance_m !== undefined ? distance(item.distance_m) : ''}</b></label>`;
  }

  async submit(): Promise<void> {
    const { action, klass, photos, words, component, place } = this.data;
    const target = this.target();
    if (this.sending || !klass || !target) return;
    this.sending = true;
    this.requestUpdate();
    const { fix } = phone.position;
    try {
      await phone.outbox.add({
        id: action,
        kind: 'report',
        case_number: null,
        task_id: null,
        title: pick(klass.zh, klass.en),
        body: {
          source: 'inspector',
          kind: klass.kind,
          class_code: klass.code,
          component_code: component ?? undefined,
          lon: target.lon,
          lat: target.lat,
          crs: PHONE_CRS,
          accuracy_m: !place && fix ? Math.round(fix.accuracy_m) : undefined,
          description: words || undefined,
        },
        photos,
      });
    } catch {
      // The phone could not keep it (no space): the answers stay on screen.
      this.wrong = t('report.not_kept');
      this.sending = false;
      this.requestUpdate();
      return;
    }
    await dropDraft('report');
    this.data = { ...EMPTY, action: uuid() };
    this.sending = false;
    toast(t('report.queued'));
    phone.go('/today');
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('screen')) {
      this.querySelector('.screen')?.scrollTo({ top: 0 });
      if (this.screen !== 3) {
        this.city?.remove();
        this.city = null;
      }
    }
    if (this.screen === 3 && this.loaded) {
      this.openMap();
      this.city?.drawMe();
    }
  }

  protected override render() {
    const titles = { 1: t('report.what'), 2: t('report.photo'), 3: t('report.where') } as Record<number, string>;
    const { klass } = this.data;
    return html`<main class="screen report">
      <header class="bar"><a class="round-small" aria-label=${t('report.back')} href=${this.screen > 1 ? `#/report/${this.screen - 1}` : '#/today'}>${icon('arrow-left')}</a>
        <div class="grow"><h1>${titles[this.screen]}</h1><small class="cut">${t('report.step', { n: this.screen })}${klass && this.screen > 1 ? html` · ${pick(klass.zh, klass.en)}` : nothing}</small></div></header>
      <div class="progress" aria-hidden="true">${[1, 2, 3].map((n) => html`<i class=${n <= this.screen ? 'done' : ''}></i>`)}</div>
      ${!this.loaded ? nothing : this.screen === 1 ? this.what() : this.screen === 2 ? this.photo() : this.where()}
    </main>`;
  }
}

function recentClasses(): string[] {
  try {
    return JSON.parse(localStorage.getItem(RECENT) ?? '[]') as string[];
  } catch {
    // Spoilt list: start a new one.
    return [];
  }
}
customElements.define('co-report', Report);
