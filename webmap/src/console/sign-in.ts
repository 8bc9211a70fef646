/** The way in: login and password; the cookie does the rest. */
import { html, nothing } from 'lit';
import { asProblem, type Problem } from '../api/problem';
import { signIn } from '../api/session';
import { lang, setLanguage, t } from '../i18n';
import { Element } from '../ui/element';

export class SignIn extends Element {
  private problem: Problem | null = null;
  private busy = false;

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    this.busy = true;
    this.problem = null;
    this.requestUpdate();
    try {
      const session = await signIn(String(form.get('login')).trim(), String(form.get('password')));
      this.dispatchEvent(new CustomEvent('signed-in', { detail: session, bubbles: true }));
    } catch (error) {
      this.problem = asProblem(error);
      void this.updateComplete.then(() => this.querySelector<HTMLElement>('[name=password]')?.focus());
    }
    this.busy = false;
    this.requestUpdate();
  }

  protected override render() {
    return html`<main class="signin">
      <form @submit=${this.submit} aria-labelledby="signin-title">
        <img src="/icon.svg" width="44" height="44" alt="" />
        <h1 id="signin-title">${t('signin.title')}</h1>
        <p>${t('signin.lead')}</p>
        <label class="field"><span>${t('signin.login')}</span>
          <input class="input" name="login" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus /></label>
        <label class="field"><span>${t('signin.password')}</span>
          <input class="input" name="password" type="password" autocomplete="current-password" required /></label>
        ${this.problem ? html`<p class="wrong" role="alert">${this.problem.status === 401 ? t('signin.wrong') : this.problem.readable}</p>` : nothing}
        <button class="btn main" ?disabled=${this.busy}>${this.busy ? t('signin.busy') : t('signin.go')}</button>
        <span class="foot">
          <button type="button" class="btn ghost" @click=${() => setLanguage(lang() === 'zh' ? 'en' : 'zh')}>${lang() === 'zh' ? 'English' : '中文'}</button>
          <a class="btn ghost" href="/inspect">${t('signin.phone')}</a>
        </span>
      </form>
    </main>`;
  }
}
customElements.define('co-sign-in', SignIn);
