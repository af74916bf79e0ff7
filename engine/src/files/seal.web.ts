import { fail } from '../failure.ts';
import type { SealedSpool } from './seal.ts';

export type { SealedSpool } from './seal.ts';

/** Only a pipe is held back before it is proven, and a browser has none. */
export async function openSpool(): Promise<SealedSpool> {
  fail('unsupported', 'open', 'there are no pipes in a browser');
}
