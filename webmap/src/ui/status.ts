/** Words and marks of a case's state, the same in list, map, detail and phone. */

import pictograms from 'virtual:pictograms';
import { html, type TemplateResult } from 'lit';
import type { CaseItem, Light } from '../api/types';
import { lang, pick, t, tt } from '../i18n';
import { exact, remaining } from '../time';

export const OPEN_STATES = [
  'to_accept',
  'verifying',
  'to_file',
  'to_dispatch',
  'to_handle',
  'handling',
  'suspended',
  'handled',
  'to_check',
  'checking',
  'to_close',
] as const;

export const LIGHTS: readonly Light[] = ['late', 'soon', 'ok', 'paused'];

export function stateName(state: string): string {
  return tt(`state.${state}`, state);
}

export function closed(state: string): boolean {
  return state === 'closed' || state === 'voided';
}

export function className(item: Pick<CaseItem, 'class_name_zh' | 'class_name_en' | 'class_code'>): string {
  return sentence(pick(item.class_name_zh, item.class_name_en)) || item.class_code;
}

/** English class names come in small letters, as words of the class tables; alone they begin large. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

type Marked = { mark?: string | null; icon?: string | null; class_name_zh?: string | null };

/**
 * The mark of a class: one Chinese character for those who read it, a pictogram for the others. Without either, the first
 * character of the name.
 */
export function mark(item: Marked): TemplateResult {
  if (lang() === 'en' && item.icon)
    return html`<svg class="picto" aria-hidden="true"><use href="${pictograms}#${item.icon}"></use></svg>`;
  return html`${item.mark || item.class_name_zh?.slice(0, 1) || '·'}`;
}

export function glyph(item: Marked & { light?: Light }): TemplateResult {
  const light = item.light ?? 'ok';
  return html`<span class="glyph ${light}" role="img" aria-label=${t(`light.${light}`)}>${mark(item)}</span>`;
}

/** Remaining time of the step a case is at, which the light speaks of; closed cases say so instead. */
export function due(item: CaseItem, now: number): TemplateResult {
  if (closed(item.state)) return html`<span class="due paused">${stateName(item.state)}</span>`;
  const at = item.state_due_at ?? item.due_at;
  if (item.light === 'paused') return html`<span class="due paused">${t('light.paused')}</span>`;
  return html`<span class="due ${item.light}" title=${exact(at)}>${remaining(at, now) || t('no_due')}</span>`;
}
