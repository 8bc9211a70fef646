/** Sign-in on the phone: a bearer token of this phone, kept here. Waiting work survives an ended session. */
import { html, nothing } from 'lit';
import { asProblem, type Problem } from '../api/problem';
import { issueToken } from '../api/session';
import { lang, setLanguage, t } from '../i18n';
import { Element } from '../ui/element';
import { phone } from './phone';

export class PhoneSignIn extends Element {
  private busy = false;
  private problem: Problem | null = null;

  private async submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    this.busy = true;
    this.problem = null;
    this.requestUpdate();
    try {
      const { token } = await issueToken(
        String(form.get('login')).trim(),
        String(form.get('password')),
        navigator.userAgent.slice(0, 80),
      );
      await phone.signedIn(token);
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.busy = false;
    this.requestUpdate();
  }

  protected override render() {
    return html`<main class="phone-signin"><form @submit=${this.submit} aria-labelledby="signin-title">
      <img src="/icon.svg" width="56" height="56" alt="" />
      <h1 id="signin-title">${t('phone.title')}</h1>
      <p>${phone.expired ? t('me.signin_again') : t('phone.signin_lead')}</p>
      <label class="field"><span>${t('signin.login')}</span><input class="input" name="login" autocomplete="username" autocapitalize="none" spellcheck="false" required .value=${phone.kept?.user.login ?? ''} /></label>
      <label class="field"><span>${t('signin.password')}</span><input class="input" name="password" type="password" autocomplete="current-password" required /></label>
      ${this.problem ? html`<p class="wrong" role="alert">${this.problem.status === 401 ? t('signin.wrong') : this.problem.readable}</p>` : nothing}
      <button class="btn main big" ?disabled=${this.busy}>${this.busy ? t('signin.busy') : t('signin.go')}</button>
      <button type="button" class="btn ghost" @click=${() => setLanguage(lang() === 'zh' ? 'en' : 'zh')}>${lang() === 'zh' ? 'English' : '中文'}</button>
    </form></main>`;
  }
}
customElements.define('co-phone-sign-in', PhoneSignIn);
