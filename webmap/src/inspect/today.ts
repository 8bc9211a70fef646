/** Today: what is next in walking order, the state of the outbox, one large way to report. */
import { html, nothing } from 'lit';
import { pick, t } from '../i18n';
import { clock, distance, remaining } from '../time';
import { Element } from '../ui/element';
import { problemNote } from '../ui/problem';
import { sentence } from '../ui/status';
import { draft, dropDraft } from './keep';
import { type NearTask, phone, Watch } from './phone';
import { firstPlace, PhoneMap } from './phone-map';
import type { ReportDraft } from './report';

export class Today extends Element {
  private small: PhoneMap | null = null;
  private unfinished = false;

  constructor() {
    super();
    new Watch(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void draft<ReportDraft>('report').then((found) => {
      this.unfinished = found !== null && (found.klass !== null || found.photos.length > 0);
      this.requestUpdate();
    });
  }

  override disconnectedCallback(): void {
    this.small?.remove();
    this.small = null;
    super.disconnectedCallback();
  }

  protected override updated(): void {
    const place = this.querySelector<HTMLElement>('.small-map');
    const centre = firstPlace();
    if (place && !this.small && centre) {
      this.small = new PhoneMap(place, centre, 16, true);
      this.small.follow();
    } else {
      this.small?.drawMe();
      this.small?.drawTasks();
    }
  }

  private card(task: NearTask) {
    const name = sentence(pick(task.class_name_zh, task.class_name_en));
    const verb = t(task.kind === 'verify' ? 'today.verify' : 'today.check');
    const facts = [task.away_m !== null ? distance(task.away_m) : '', remaining(task.due_at, phone.now)]
      .filter(Boolean)
      .join(' · ');
    return html`<li><a class="card" href="#/task/${task.id}">
      <span class="glyph ${task.shownLight}" aria-hidden="true">${t(task.kind === 'verify' ? 'today.verify_mark' : 'today.check_mark')}</span>
      <span class="grow"><b class="cut">${verb} · ${name}</b><small><span class="due ${task.shownLight}">${facts}</span></small>
      <small class="cut">${task.address || task.description || ''}</small></span></a></li>`;
  }

  protected override render() {
    const todo = phone.todo.filter((task) => !task.colleagues);
    const others = phone.todo.filter((task) => task.colleagues);
    const user = phone.kept!.user;
    return html`<main class="screen today">
      <header class="bar"><div class="grow"><h1>${t('today.title')}</h1><small class="cut">${user.name} · ${t('today.tasks', { n: todo.length })}</small></div>${netChip()}</header>
      ${firstPlace() ? html`<div class="small-map" role="application" aria-label=${t('tab.map')}></div>` : nothing}
      <div class="stack">
        ${
          this.unfinished
            ? html`<div class="note warn"><b>${t('report.draft')}</b><span class="row-buttons"><a class="btn main" href="#/report/1">${t('report.resume')}</a>
              <button type="button" class="btn" @click=${() => {
                void dropDraft('report');
                this.unfinished = false;
                this.requestUpdate();
              }}>${t('report.discard')}</button></span></div>`
            : nothing
        }
        ${phone.tasksProblem ? problemNote(phone.tasksProblem, () => void phone.loadTasks()) : nothing}
        ${phone.tasksStale ? html`<small role="status">${t('live.lost')} · ${clock(new Date(phone.tasksStale).toISOString(), phone.now)}</small>` : nothing}
        ${!phone.position.fix && todo.length > 1 ? html`<small>${t('today.no_position')}</small>` : nothing}
        ${
          phone.tasksState === 'loading'
            ? html`<div class="card skeleton" aria-busy="true"><span class="sr">${t('loading')}</span></div>`
            : todo.length
              ? html`<ul class="stack-list">${todo.map((task) => this.card(task))}</ul>`
              : phone.tasksState === 'ready'
                ? html`<div class="empty"><b>${t('today.none')}</b><small>${t('today.none_next')}</small></div>`
                : nothing
        }
        ${others.length ? html`<h2>${t('today.colleagues', { n: others.length })}</h2><ul class="stack-list">${others.map((task) => this.card(task))}</ul>` : nothing}
      </div>
      <a class="fab" href="#/report/1">${t('report.go')}</a>
    </main>`;
  }
}

/** The outbox in one chip, on every tab. */
export function netChip() {
  const n = phone.outbox.waiting.length;
  const text = !phone.online
    ? n
      ? t('net.offline', { n })
      : t('net.offline_none')
    : n
      ? t('net.waiting', { n })
      : t('net.sent');
  return html`<a class="chip ${!phone.online || n ? 'soon' : 'ok'} net" href="#/outbox"><span role="status">${text}</span></a>`;
}
customElements.define('co-today', Today);
