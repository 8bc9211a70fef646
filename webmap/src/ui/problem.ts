/** How a failure looks wherever it happens: what went wrong, what to do, a retry, and a number to quote. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Problem } from '../api/problem';
import { t } from '../i18n';
import { icon } from './icon';

export function problemNote(problem: Problem, retry?: () => void): TemplateResult {
  return html`<div class="note bad" role="alert">
    <b>${problem.readable}</b>
    <small>${t('problem.id', { id: problem.number })}</small>
    ${
      retry
        ? html`<span><button type="button" class="btn" @click=${retry}>${icon('refresh')}${t('retry')}</button></span>`
        : nothing
    }
  </div>`;
}
