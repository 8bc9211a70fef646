/** The bar: search, five vital signs that open their cases, who is signed in. */
import { html, nothing } from 'lit';
import { signOut } from '../api/session';
import { lang, setLanguage, t, tt } from '../i18n';
import { Element } from '../ui/element';
import { currentTheme, setTheme, theme } from '../ui/theme';
import { toast } from '../ui/toast';
import { NO_FILTERS } from '../url';
import './search';
import { pick } from '../i18n';
import { store, Watch } from './store';

export class TopBar extends Element {
  private opened = false;
  private readonly outside = (event: Event) => {
    if (!this.querySelector('.account')?.contains(event.target as Node)) this.toggle(false);
  };

  constructor() {
    super();
    new Watch(this);
    theme.addEventListener('change', () => this.requestUpdate());
  }

  private toggle(open: boolean): void {
    this.opened = open;
    if (open) document.addEventListener('pointerdown', this.outside);
    else document.removeEventListener('pointerdown', this.outside);
    this.requestUpdate();
  }

  private async leave(): Promise<void> {
    try {
      await signOut();
    } catch {
      // Already gone on the server: leaving is what was wanted.
    }
    toast(t('signin.left'));
    this.dispatchEvent(new CustomEvent('signed-out', { bubbles: true }));
  }

  private vital(value: string, label: string, tone: string, light: string | null) {
    const inner = html`<b>${value}</b><small>${label}</small>`;
    if (light === null) return html`<span class="vital ${tone}">${inner}</span>`;
    const on = store.url.filters.light === light && store.url.filters.state === 'open';
    return html`<button type="button" class="vital ${tone}" aria-pressed=${on ? 'true' : 'false'} title=${t('vital.open')}
      @click=${() => store.setFilters({ ...NO_FILTERS, sort: store.url.filters.sort, light })}>${inner}</button>`;
  }

  protected override render() {
    const { summary, session } = store;
    const city = store.city.basemap?.city;
    const user = session?.user;
    const number = (value: number | null | undefined) =>
      value === null || value === undefined ? '—' : value.toLocaleString();
    const rate = summary?.on_time_rate;
    const post = user?.posts[0];
    return html`<header class="topbar">
      <a class="brand" href="/">cityops<span class="city">${city ? html` ${pick(city.name_zh, city.name_en)}` : nothing}</span></a>
      <co-search class="search"></co-search>
      <span class="grow"></span>
      <div class="vitals" role="group" aria-label=${t('vital.title')}>
        ${this.vital(number(summary?.open), t('vital.open_cases'), '', '')}
        ${this.vital(number(summary?.late), t('vital.late'), summary?.late ? 'late' : '', 'late')}
        ${this.vital(number(summary?.soon), t('vital.soon'), summary?.soon ? 'soon' : '', 'soon')}
        ${rate === null || rate === undefined ? nothing : this.vital(`${(rate <= 1 ? rate * 100 : rate).toFixed(1)}%`, t('vital.on_time'), '', null)}
        ${
          summary?.inspectors
            ? this.vital(
                `${number(summary.inspectors_on_duty)}/${number(summary.inspectors)}`,
                t('vital.on_duty'),
                '',
                null,
              )
            : nothing
        }
      </div>
      ${
        store.everLive && !store.live
          ? html`<span class="chip soon" role="status" title=${t('live.lost_more')}>${t('live.lost')}</span>`
          : nothing
      }
      <div class="account">
        <button type="button" class="chip" aria-haspopup="true" aria-expanded=${this.opened ? 'true' : 'false'} @click=${() => this.toggle(!this.opened)}>
          <span class="post">${post ? tt(`post.${post}`, post) : ''} · </span>${user?.name ?? ''}
        </button>
        ${this.opened ? this.menu() : nothing}
      </div>
    </header>`;
  }

  private menu() {
    const user = store.session?.user;
    if (!user) return nothing;
    const dark = currentTheme() === 'dark';
    return html`<div class="menu right account-menu" @keydown=${(event: KeyboardEvent) => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        this.toggle(false);
        this.querySelector<HTMLElement>('.account > button')?.focus();
      }
    }}>
      <div class="who"><b>${user.name}</b><small>${user.login} · ${user.posts.map((name) => tt(`post.${name}`, name)).join('、')}</small>
        <small>${user.department ? pick(user.department.name_zh, user.department.name_en) : t('whole_city')}</small></div>
      <div class="choices">
        <button type="button" @click=${() => setLanguage(lang() === 'zh' ? 'en' : 'zh')}>${lang() === 'zh' ? 'English' : '中文界面'}</button>
        <button type="button" @click=${() => setTheme(dark ? 'light' : 'dark')}>${dark ? t('theme.light') : t('theme.dark')}</button>
        <a href="/inspect" target="_blank" rel="noopener">${t('account.phone')}</a>
        <a href="/api/docs" target="_blank" rel="noopener">${t('account.api')}</a>
        <button type="button" @click=${() => void this.leave()}>${t('signin.leave')}</button>
      </div>
    </div>`;
  }
}
customElements.define('co-top-bar', TopBar);
