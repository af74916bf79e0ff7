// An archive that is small to make and takes a while to restore: time enough to watch the progress, and to cancel.
import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';

const memberBytes = 64 << 20;
const members = 150;

/**
 * Gigabytes of zeros in a few megabytes, as `gzip | openssl enc -aes-256-cbc -pbkdf2` would write them.
 *
 * @returns {{ archive: Buffer, password: string }}
 */
export function makeSlowArchive() {
  const password = randomBytes(24).toString('base64');
  const salt = randomBytes(8);
  const derived = pbkdf2Sync(password, salt, 10_000, 48, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', derived.subarray(0, 32), derived.subarray(32));
  const member = gzipSync(Buffer.alloc(memberBytes));
  const encrypted = Array.from({ length: members }, () => cipher.update(member));
  return { archive: Buffer.concat([Buffer.from('Salted__'), salt, ...encrypted, cipher.final()]), password };
}
