/** What the act form says, without drawing it: why buttons are shut, and what is still missing before an act can go. Pure. */
import type { ActBody } from '../api/cases';
import type { Act } from '../api/types';
import { pick, t } from '../i18n';

/** One reason and the acts it shuts. */
export interface Refusal {
  /** The id of its line on the screen; the buttons point to it. */
  id: string;
  acts: string[];
  text: string;
}

/** One line for each distinct reason, in the order of the buttons. */
export function refusals(acts: readonly Act[]): Refusal[] {
  const byReason = new Map<string, Act[]>();
  for (const act of acts) {
    const reason = pick(act.reason_zh, act.reason_en);
    byReason.set(reason, [...(byReason.get(reason) ?? []), act]);
  }
  return [...byReason].map(([reason, group]) => ({
    id: `act-reason-${group[0]!.act}`,
    acts: group.map((act) => act.act),
    text: t('act.refused', {
      act: group.map((act) => pick(act.title_zh, act.title_en)).join(t('list_comma')),
      reason,
    }),
  }));
}

const SHORTEST_REASON = 2;

/** The first field that is still missing, and what to say about it; null when the act can go. */
export function missing(act: Act, body: ActBody, photos: number): { field: string; text: string } | null {
  if (act.results?.length && !body.result) return { field: 'result', text: t('act.result_needed') };
  if (act.requires.includes('department') && !body.department_id)
    return { field: 'department', text: t('act.department_needed') };
  if (act.requires.includes('photo') && photos === 0) return { field: 'files', text: t('act.photo_needed') };
  if (act.requires.includes('reason') && (body.reason ?? '').length < SHORTEST_REASON)
    return { field: 'reason', text: t('act.reason_needed', { act: pick(act.title_zh, act.title_en) }) };
  if (act.requires.includes('note') && (body.note ?? '').length < SHORTEST_REASON)
    return { field: 'note', text: t('act.words_needed', { act: pick(act.title_zh, act.title_en) }) };
  if (act.requires.includes('until') && !body.until_on) return { field: 'until', text: t('act.until_needed') };
  return null;
}
