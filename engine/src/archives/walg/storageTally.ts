/** How the objects of a backup were stored, all taken together: what they prove is what the weakest of them proves. */

import type { Compression } from '../../compress/compression.ts';
import type { Report } from '../../report.ts';
import type { Storage } from './storedObject.ts';

export class StorageTally {
  readonly encryptions = new Set<Storage['encryption']>();
  readonly compressions = new Set<Compression>();
  readonly notes = new Set<string>();
  readonly #keys = new Map<string, Report['keys'][number]>();
  objects = 0;
  encrypted = 0;
  /** Objects in which a changed byte would not be noticed: neither encryption nor compression has a checksum. */
  unproven = 0;

  add({ encryption, key, compression, isChecksummed, notes }: Storage): void {
    this.objects++;
    if (encryption !== 'none') this.encrypted++;
    else if (!isChecksummed) this.unproven++;
    this.encryptions.add(encryption);
    this.compressions.add(compression);
    for (const it of notes) this.notes.add(it);
    if (key) this.#keys.set(`${key.source} ${key.fingerprint} ${key.opens}`, key);
  }

  get keys(): Report['keys'] {
    return [...this.#keys.values()];
  }
}
