/** The console: sign-in, or the three panes under the bar. Owns the live stream and the keyboard. */
import { html, nothing } from 'lit';
import { wire } from '../api/client';
import { type Change, Stream } from '../api/events';
import { asProblem, type Problem } from '../api/problem';
import { currentSession } from '../api/session';
import type { Session } from '../api/types';
import { t } from '../i18n';
import { Element } from '../ui/element';
import { problemNote } from '../ui/problem';
import '../ui/toast';
import './sign-in';
import './top-bar';
import './rail';
import './list-pane';
import './map-pane';
import './detail-pane';
import { store, Watch } from './store';

/** How long a hidden tab keeps listening. */
const REST_MS = 30_000;

export class Console extends Element {
  private readonly stream = new Stream();
  private phase: 'starting' | 'out' | 'in' | 'broken' = 'starting';
  private problem: Problem | null = null;
  /** Below this width one pane is shown at a time. */
  private pane: 'list' | 'map' | 'detail' = 'list';
  private summaryTimer = 0;
  private restTimer = 0;

  constructor() {
    super();
    new Watch(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.start();
    wire.addEventListener('unauthenticated', () => this.leave());
    this.addEventListener('signed-in', (event) => this.enter((event as CustomEvent<Session>).detail));
    this.addEventListener('signed-out', () => this.leave());
    this.addEventListener('pane', (event) => {
      this.pane = (event as CustomEvent<'list' | 'map' | 'detail'>).detail;
      this.requestUpdate();
    });
    store.addEventListener('selection', () => {
      this.pane = store.url.selection ? 'detail' : this.pane === 'detail' ? 'list' : this.pane;
      this.requestUpdate();
    });
    document.addEventListener('keydown', (event) => this.keys(event));
    document.addEventListener('visibilitychange', () => this.rest());
    this.stream.addEventListener('end', () => this.leave());
    this.stream.addEventListener('change', (event) => this.heard((event as CustomEvent<Change>).detail));
    this.stream.addEventListener('status', (event) => {
      const connected = (event as CustomEvent<boolean>).detail;
      // What happened while the line was down is not replayed beyond the server's memory: look once.
      if (connected && store.everLive) store.list.heard('');
      store.live = connected;
      store.everLive ||= connected;
      store.changed();
    });
  }

  private async start(): Promise<void> {
    this.problem = null;
    try {
      this.enter(await currentSession());
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 401) this.phase = 'out';
      else {
        this.phase = 'broken';
        this.problem = problem;
      }
      this.requestUpdate();
    }
  }

  private enter(session: Session): void {
    store.session = session;
    this.phase = 'in';
    this.requestUpdate();
    void store.loadCity();
    void store.loadSummary();
    store.list.reload(300);
    store.detail.show(store.url.selection);
    if (store.url.selection) this.pane = 'detail';
    this.stream.open();
  }

  private leave(): void {
    this.stream.close();
    store.session = null;
    store.list.items = [];
    this.phase = 'out';
    this.requestUpdate();
  }

  /** A tab nobody looks at gives its stream back after a while: browsers allow six connections to a server for all tabs. */
  private rest(): void {
    window.clearTimeout(this.restTimer);
    if (this.phase !== 'in') return;
    if (document.hidden) this.restTimer = window.setTimeout(() => this.stream.close(), REST_MS);
    else if (!this.stream.opened) {
      this.stream.open();
      store.list.heard('');
    }
  }

  private heard(change: Change): void {
    if (change.topic === 'reset') {
      for (const topic of ['component', 'grid'])
        store.dispatchEvent(new CustomEvent('layer-change', { detail: topic }));
      if (store.url.selection) store.detail.heard(store.url.selection.id);
    }
    if (change.topic === 'case' || change.topic === 'reset') {
      store.list.heard(change.subject);
      store.detail.heard(change.subject);
      window.clearTimeout(this.summaryTimer);
      this.summaryTimer = window.setTimeout(() => void store.loadSummary(), 1000);
    } else {
      const topic = change.topic.startsWith('component') ? 'component' : change.topic;
      store.dispatchEvent(new CustomEvent('layer-change', { detail: topic }));
    }
  }

  private keys(event: KeyboardEvent): void {
    if (this.phase !== 'in') return;
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      this.querySelector<HTMLElement>('.search input')?.focus();
      return;
    }
    const target = event.target as HTMLElement;
    if (target.closest('input, textarea, select, .menu, [contenteditable]')) return;
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === 'Escape') {
      if (store.detail.act) store.detail.openAct(null);
      else if (store.url.selection) store.select(null);
    } else if (event.key === '/') {
      event.preventDefault();
      this.querySelector<HTMLElement>('.search input')?.focus();
    } else if (event.key === 'j' || event.key === 'k') {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent('step', { detail: event.key === 'j' ? 1 : -1 }));
      this.querySelector<HTMLElement & { step(by: number): void }>('co-list-pane')?.step(event.key === 'j' ? 1 : -1);
    }
  }

  protected override render() {
    if (this.phase === 'out') return html`<co-sign-in></co-sign-in><co-toasts></co-toasts>`;
    if (this.phase === 'broken' && this.problem)
      return html`<main class="signin">${problemNote(this.problem, () => void this.start())}</main>`;
    if (this.phase === 'starting')
      return html`<main class="signin" aria-busy="true"><span class="sr">${t('loading')}</span></main>`;
    return html`<a class="skip" href="#list-title">${t('skip_map')}</a>
      <div class="console" data-pane=${this.pane} data-detail=${store.url.selection ? 'open' : 'none'}>
        <co-top-bar></co-top-bar>
        <co-rail .pane=${this.pane}></co-rail>
        <co-list-pane></co-list-pane>
        <co-map-pane></co-map-pane>
        ${store.url.selection ? html`<co-detail-pane></co-detail-pane>` : nothing}
      </div>
      <co-toasts></co-toasts>`;
  }
}
customElements.define('co-console', Console);
