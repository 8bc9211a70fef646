/** How a failure looks wherever it happens: what went wrong, what to do, a retry, and a number to quote. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Problem } from '../api/problem';
import { t } from '../i18n';
import { icon } from './icon';

export interface Way {
  label: string;
  go: () => void;
}

/** `way`: a way out that fits this failure better than trying again. */
export function problemNote(problem: Problem, retry?: () => void, way?: Way | null): TemplateResult {
  // The number of a failure is for quoting; a code says nothing to a user and goes below.
  const quoted = problem.status >= 500;
  return html`<div class="note bad" role="alert">
    <b>${problem.readable}</b>
    ${quoted ? html`<small>${t('problem.id', { id: problem.number })}</small>` : nothing}
    ${
      retry || way
        ? html`<span>${way ? html`<button type="button" class="btn main" @click=${way.go}>${icon('x')}${way.label}</button>` : nothing}
          ${retry ? html`<button type="button" class="btn" @click=${retry}>${icon('refresh')}${t('retry')}</button>` : nothing}</span>`
        : nothing
    }
    ${quoted || problem.status === 0 ? nothing : technicalNote(problem.technical)}
  </div>`;
}

/** Words that are not the user's language, folded away. */
export function technicalNote(text: string): TemplateResult {
  return html`<details class="technical"><summary>${t('problem.details')}</summary><small lang="en">${text}</small></details>`;
}
