/** One verify or check task: where it is, what it looked like before, what the inspector finds, a photo, sent through the outbox. */
import { html, nothing, type TemplateResult } from 'lit';
import { readCase } from '../api/cases';
import { unasked } from '../api/client';
import { asProblem } from '../api/problem';
import type { CaseDetail, Task as CityTask } from '../api/types';
import { uuid } from '../api/uuid';
import { pick, t, tt } from '../i18n';
import { clock, distance, exact, remaining } from '../time';
import { Element } from '../ui/element';
import { icon } from '../ui/icon';
import { shrink } from '../ui/photo';
import { sentence } from '../ui/status';
import { toast } from '../ui/toast';
import { cached, draft, dropDraft, type KeptPhoto, keepDraft } from './keep';
import { phone, Watch } from './phone';
import { PhoneMap } from './phone-map';
import { privatePicture } from './picture';

interface TaskDraft {
  /** The id its action will have: one answer per task screen. */
  action: string;
  result: string | null;
  words: string;
  photos: KeptPhoto[];
}

const RESULTS = { verify: ['exists', 'absent', 'unverifiable'], check: ['pass', 'fail'] } as const;
const EMPTY: TaskDraft = { action: '', result: null, words: '', photos: [] };

export class TaskScreen extends Element {
  static override properties = { task: { type: Number } };
  declare task: number;
  private data: TaskDraft = EMPTY;
  private details: CaseDetail | null = null;
  private pictures: { src: string; label: string }[] = [];
  private wrong = '';
  /** Set before anything is waited for: a second press in the same moment finds it. */
  private sending = false;
  private city: PhoneMap | null = null;
  private loadedFor = 0;
  private urls = new Map<string, string>();

  constructor() {
    super();
    this.task = 0;
    new Watch(this);
  }

  override disconnectedCallback(): void {
    this.city?.remove();
    this.city = null;
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
    for (const picture of this.pictures) URL.revokeObjectURL(picture.src);
    super.disconnectedCallback();
  }

  private get item(): CityTask | undefined {
    return phone.tasks.find((task) => task.id === this.task);
  }

  private async load(item: CityTask): Promise<void> {
    this.loadedFor = item.id;
    this.data = { ...EMPTY, ...(await draft<TaskDraft>(`task:${item.id}`)) };
    this.data.action ||= uuid();
    this.requestUpdate();
    try {
      const { value } = await cached(
        `case:${item.case_number}`,
        async () => (await unasked(() => readCase(item.case_number))).data,
        (error) => asProblem(error).passing,
      );
      this.details = value;
      this.requestUpdate();
      for (const photo of value.photos.filter((one) => one.phase !== 'check').slice(0, 4)) {
        const src = await privatePicture(photo.thumb);
        if (src)
          this.pictures = [
            ...this.pictures,
            { src, label: `${tt(`phase.${photo.phase}`, photo.phase)} ${clock(photo.taken_at, phone.now)}` },
          ];
        this.requestUpdate();
      }
    } catch (error) {
      this.wrong = asProblem(error).readable;
      this.requestUpdate();
    }
  }

  private set(patch: Partial<TaskDraft>): void {
    this.data = { ...this.data, ...patch };
    void keepDraft(`task:${this.task}`, this.data);
    this.requestUpdate();
  }

  private async take(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const { fix } = phone.position;
    for (const file of input.files ?? []) {
      try {
        const blob = await shrink(file);
        const phase = this.item?.kind === 'check' ? 'check' : 'before';
        this.set({
          photos: [
            ...this.data.photos,
            {
              id: uuid(),
              blob,
              phase,
              taken_at: new Date().toISOString(),
              lon: fix?.lon,
              lat: fix?.lat,
              media_id: null,
            },
          ],
        });
        this.wrong = '';
      } catch {
        this.wrong = t('photo.unreadable', { name: file.name });
      }
    }
    input.value = '';
    this.requestUpdate();
  }

  async submit(item: CityTask): Promise<void> {
    if (this.sending) return;
    const { action, result, words, photos } = this.data;
    this.wrong = !result ? t('task.result_needed') : photos.length === 0 ? t('task.photo_needed') : '';
    this.sending = this.wrong === '';
    this.requestUpdate();
    if (this.wrong) return;
    try {
      await phone.outbox.add({
        id: action,
        kind: item.kind,
        case_number: item.case_number,
        task_id: item.id,
        title: sentence(pick(item.class_name_zh, item.class_name_en)) || item.case_number,
        body: { result, note: words || undefined },
        photos,
      });
    } catch {
      // The phone could not keep it (no space): the answers stay on screen.
      this.wrong = t('report.not_kept');
      this.sending = false;
      this.requestUpdate();
      return;
    }
    await dropDraft(`task:${item.id}`);
    this.data = { ...EMPTY, action: uuid() };
    this.sending = false;
    toast(t('report.queued'));
    phone.go('/today');
  }

  protected override updated(): void {
    const { item } = this;
    if (!item) return;
    if (this.loadedFor !== item.id) void this.load(item);
    const holder = this.querySelector<HTMLElement>('.task-map');
    if (holder && !this.city && item.lon !== null && item.lat !== null)
      this.city = new PhoneMap(holder, [item.lon, item.lat], 17, true);
    this.city?.drawMe();
  }

  private shot(photo: KeptPhoto): TemplateResult {
    let url = this.urls.get(photo.id);
    if (!url && photo.blob) {
      url = URL.createObjectURL(photo.blob);
      this.urls.set(photo.id, url);
    }
    return html`<figure><img src=${url ?? ''} alt=${t('task.photo')} /><button type="button" aria-label=${t('photo.remove')} @click=${() =>
      this.set({
        photos: this.data.photos.filter((other) => other.id !== photo.id),
      })}>${icon('trash')}</button></figure>`;
  }

  private body(item: CityTask): TemplateResult {
    const near = phone.todo.find((task) => task.id === item.id);
    const results = RESULTS[item.kind];
    return html`<div class="task-map" role="application" aria-label=${t('tab.map')}></div>
      <div class="stack">
        <p><b>${sentence(pick(item.class_name_zh, item.class_name_en))}</b>${item.description ? html` · ${item.description}` : nothing}<br />
          <small>${[item.address, near?.away_m !== null && near?.away_m !== undefined ? distance(near.away_m) : ''].filter(Boolean).join(' · ')}</small><br />
          <small><span class="due ${near?.shownLight ?? 'ok'}" title=${exact(item.due_at)}>${remaining(item.due_at, phone.now)}</span> · ${item.case_number}</small></p>
        ${item.lon !== null && item.lat !== null ? html`<a class="btn" href="geo:${item.lat},${item.lon}?q=${item.lat},${item.lon}">${t('task.navigate')}</a>` : nothing}
        <section aria-label=${t('task.before')}>${
          this.pictures.length
            ? html`<div class="shots">${this.pictures.map((picture) => html`<figure><img src=${picture.src} alt=${picture.label} /><figcaption>${picture.label}</figcaption></figure>`)}</div>`
            : this.details
              ? html`<small>${t('task.no_before')}</small>`
              : html`<div class="shots"><figure class="skeleton"></figure></div>`
        }</section>
        <fieldset class="answers"><legend>${t('task.result')}</legend>${results.map(
          (result) =>
            html`<button type="button" class="answer" aria-pressed=${this.data.result === result ? 'true' : 'false'} @click=${() => {
              this.wrong = '';
              this.set({ result });
            }}>${t(`result.${result}`)}</button>`,
        )}</fieldset>
        <label class="camera small">${icon('camera')}<b>${t('task.photo')}</b><input class="sr" type="file" name="photo" accept="image/*" capture="environment" @change=${this.take} /></label>
        ${this.data.photos.length ? html`<div class="shots">${this.data.photos.map((photo) => this.shot(photo))}</div>` : nothing}
        <label class="field"><span>${t('task.words')}</span><textarea class="input" name="words" maxlength="500" .value=${this.data.words} @input=${(
          event: InputEvent,
        ) => this.set({ words: (event.target as HTMLTextAreaElement).value })}></textarea></label>
        ${this.wrong ? html`<p class="wrong" role="alert">${this.wrong}</p>` : nothing}
        <button type="button" class="btn main big" ?disabled=${this.sending} @click=${() => void this.submit(item)}>${t(this.sending ? 'act.sending' : 'task.submit')}</button>
      </div>`;
  }

  protected override render() {
    const { item } = this;
    return html`<main class="screen report">
      <header class="bar"><a class="round-small" aria-label=${t('report.back')} href="#/today">${icon('arrow-left')}</a>
        <h1 class="grow">${item ? t(item.kind === 'verify' ? 'today.verify' : 'today.check') : t('task.open')}</h1></header>
      ${item ? this.body(item) : html`<div class="empty"><b>${phone.tasksState === 'loading' ? t('loading') : t('task.gone')}</b><a class="btn" href="#/today">${t('tab.today')}</a></div>`}
    </main>`;
  }
}
customElements.define('co-task', TaskScreen);
