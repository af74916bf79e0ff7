import type { Inspection } from '../job.ts';

/** What is said of each key that was offered to an inspection; no key material. */
export type TriedKey = NonNullable<Inspection['keys']>[number];

export const uselessKey = 'a key of this kind opens nothing here';
export const nothingToOpen = 'there is nothing to open: it is not encrypted';

/** One file may be offered as several kinds of key: of each source, what came nearest counts. */
export function onePerSource(tried: readonly TriedKey[]): TriedKey[] {
  const best = new Map<string, TriedKey>();
  for (const it of tried) {
    const before = best.get(it.source);
    if (before === undefined || nearness(it) > nearness(before)) best.set(it.source, it);
  }
  return [...best.values()];
}

function nearness({ opens, detail }: TriedKey): number {
  if (opens !== false) return opens ? 3 : 2;
  return detail === uselessKey ? 0 : 1;
}
