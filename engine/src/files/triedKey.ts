import type { Inspection } from '../job.ts';

/** What is said of each key that was offered to an inspection; no key material. */
export type TriedKey = NonNullable<Inspection['keys']>[number];

export const uselessKey = 'a key of this kind opens nothing here';
export const nothingToOpen = 'there is nothing to open: it is not encrypted';
