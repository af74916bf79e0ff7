import type { Job, KeyOffer } from './job.ts';

/** Overwrites every key byte that came with the job; the caller has its own copy. */
export function wipeKeys(job: Job): void {
  const offers: KeyOffer[] =
    job.kind === 'test-restore' || job.kind === 'archive-get' || job.kind === 'inspect'
      ? (job.keys ?? [])
      : 'key' in job && job.kind !== 'keygen'
        ? [job.key]
        : [];
  for (const it of offers) {
    it.bytes.fill(0);
    it.passphrase?.fill(0);
  }
  if (job.kind === 'keygen' && job.key.kind === 'openpgp') job.key.passphrase?.fill(0);
}
