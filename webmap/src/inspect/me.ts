/** Me: who is signed in, language, appearance, storage, the way out. */
import { html, nothing } from 'lit';
import { lang, pick, setLanguage, t, tt } from '../i18n';
import { Element } from '../ui/element';
import { currentTheme, setTheme } from '../ui/theme';
import { phone, Watch } from './phone';
import { netChip } from './today';

export class Me extends Element {
  private used = 0;

  constructor() {
    super();
    new Watch(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void navigator.storage?.estimate?.().then((found) => {
      this.used = found.usage ?? 0;
      this.requestUpdate();
    });
    // The browser then does not clear the outbox when space gets short; it may say no, and nothing depends on it.
    void navigator.storage?.persist?.();
  }

  protected override render() {
    const user = phone.kept!.user;
    const waiting = phone.outbox.waiting.length;
    const choice = (label: string, on: boolean, act: () => void) =>
      html`<button type="button" class="btn" aria-pressed=${on ? 'true' : 'false'} @click=${() => {
        act();
        this.requestUpdate();
      }}>${label}</button>`;
    return html`<main class="screen">
      <header class="bar"><h1 class="grow">${t('me.title')}</h1>${netChip()}</header>
      <div class="stack">
        <div class="card column"><b>${user.name}</b><small>${user.login} · ${user.posts.map((post) => tt(`post.${post}`, post)).join(t('list_comma'))}</small>
          ${user.department ? html`<small>${pick(user.department.name_zh, user.department.name_en)}</small>` : nothing}</div>
        <div class="card column"><small>${t('me.language')}</small><span class="row-buttons">${choice('中文', lang() === 'zh', () => setLanguage('zh'))}${choice('English', lang() === 'en', () => setLanguage('en'))}</span></div>
        <div class="card column"><small>${t('me.theme')}</small><span class="row-buttons">${choice(t('me.light'), currentTheme() === 'light', () => setTheme('light'))}${choice(t('me.dark'), currentTheme() === 'dark', () => setTheme('dark'))}</span></div>
        <div class="card column"><small>${t('me.storage')}</small><span>${t('me.storage_value', { used: (this.used / 1e6).toFixed(1) })}</span></div>
        ${waiting ? html`<p class="note warn">${t('me.signout_waiting', { n: waiting })}</p>` : nothing}
        <button type="button" class="btn big" @click=${() => phone.signOut()}>${t('me.signout')}</button>
      </div>
    </main>`;
  }
}
customElements.define('co-me', Me);
