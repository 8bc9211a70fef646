/** What an empty list says: why it is empty, and the one step that helps. Pure. */
export type Emptiness = 'elsewhere' | 'filtered' | 'none';

/**
 * `total`: cases that fit the filters, anywhere; `everything`: cases without any filter, null while unknown. Only where filters
 * hide something are they to blame.
 */
export function emptiness(total: number, everything: number | null, filtered: boolean): Emptiness {
  if (total > 0) return 'elsewhere';
  return filtered && everything !== 0 ? 'filtered' : 'none';
}
