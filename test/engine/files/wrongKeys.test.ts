/** A thousand wrong keys for each format of a single file, the same in every run: nothing is ever proven by one of them. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { once } from '../../../engine/src/bytes.ts';
import { encryptOpenssl, type OpensslScheme } from '../../../engine/src/crypto/openssl.ts';
import { encryptPgbackrest } from '../../../engine/src/crypto/pgbackrest.ts';
import { encryptSodium } from '../../../engine/src/crypto/sodium.ts';
import type { KeyOffer, OpensslParameters } from '../../../engine/src/job.ts';
import { runJob } from '../../../engine/src/run.ts';
import { quietContext } from '../../../engine/src/run-context.ts';
import { Secret } from '../../../engine/src/secret.ts';
import { all } from '../pieces.ts';

const dump = Buffer.from(
  "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\nCREATE TABLE t (a int);\n\n--\n-- PostgreSQL database dump complete\n--\n",
);
const vector = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../vectors/openpgp/${name}`, import.meta.url)));
const random = seeded(20_261_122);
const randomBytes = (length: number) => Uint8Array.from({ length }, () => random());
const cbc: OpensslScheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: 1 };
const ctr: OpensslScheme = { ...cbc, cipher: 'aes-256-ctr' };
const said = ({ cipher, digest }: OpensslScheme): OpensslParameters => ({
  cipher,
  digest,
  pbkdf2: true,
  iterations: 1,
});
const pass = () => Buffer.from('the right one');
const wrongPassword = (): KeyOffer => ({
  kind: 'password',
  source: 'p',
  bytes: new Uint8Array(Buffer.from(Buffer.from(randomBytes(9)).toString('base64'))),
});

interface Format {
  make: () => Promise<Uint8Array>;
  wrong: () => KeyOffer;
  openssl?: OpensslParameters;
  /** Fewer where a password is costly to try. */
  rounds?: number;
}

const FORMATS: [name: string, format: Format][] = [
  [
    'a libsodium stream of a dump',
    {
      make: () => all(encryptSodium(once(dump), new Uint8Array(32).fill(1))),
      wrong: () => ({ kind: 'sodium', source: 's', bytes: randomBytes(32), keyTransform: 'none' }),
    },
  ],
  ['an OpenPGP message for a password', { make: async () => vector('password-zlib.gpg'), wrong: wrongPassword }],
  [
    'an OpenPGP message without integrity',
    { make: async () => vector('no-integrity.gpg'), wrong: wrongPassword, rounds: 12 },
  ],
  [
    'openssl enc, CBC, text',
    { make: () => all(encryptOpenssl(once(dump), pass(), cbc)), wrong: wrongPassword, openssl: said(cbc) },
  ],
  [
    'openssl enc, CBC, gzip',
    { make: () => all(encryptOpenssl(once(gzipSync(dump)), pass(), cbc)), wrong: wrongPassword, openssl: said(cbc) },
  ],
  [
    'openssl enc, CBC, no more than one block',
    {
      make: () => all(encryptOpenssl(once(Buffer.from('short')), pass(), cbc)),
      wrong: wrongPassword,
      openssl: said(cbc),
    },
  ],
  [
    'openssl enc, CTR, text',
    { make: () => all(encryptOpenssl(once(dump), pass(), ctr)), wrong: wrongPassword, openssl: said(ctr) },
  ],
  [
    'openssl enc, CTR, gzip',
    { make: () => all(encryptOpenssl(once(gzipSync(dump)), pass(), ctr)), wrong: wrongPassword, openssl: said(ctr) },
  ],
  [
    'a file of pgBackRest',
    {
      make: () => all(encryptPgbackrest(once(gzipSync(dump)), Secret.fromText('the right one'))),
      wrong: () => ({ ...wrongPassword(), kind: 'pgbackrest-pass' }),
    },
  ],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'restorable-wrong-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(FORMATS)('%s', (_, { make, wrong, openssl, rounds = 1_000 }) => {
  test('is opened by none of them', async () => {
    const archive = path.join(folder, 'backup');
    writeFileSync(archive, await make());
    for (let round = 0; round < rounds; round++) {
      const outcome = await runJob(
        { kind: 'test-restore', archive, keys: [wrong()], allowUnauthenticated: true, ...(openssl && { openssl }) },
        quietContext(),
      );
      const verdict = outcome.ok ? outcome.value[0]?.verdict : undefined;
      expect([verdict?.authentic, verdict?.complete, verdict?.restorable], `round ${round}`).not.toContain(true);
      // What CBC leaves open is not called proven either.
      if (verdict?.decrypted === true) expect(verdict).toMatchObject({ authentic: null, restorable: null });
    }
  });
});

test('an OpenPGP session key that is changed in any way opens nothing', async () => {
  const whole = vector('hidden.gpg');
  const archive = path.join(folder, 'session.gpg');
  // The first packet: a new-format header of two bytes, or an old one of two or three.
  const start = whole[0] === 0x84 || ((whole[0] as number) & 0x40) !== 0 ? 2 : 3;
  const length = start === 2 ? (whole[1] as number) : (whole[1] as number) * 256 + (whole[2] as number);
  // Behind the version, the key's ID, the algorithm, and how many bits the point has: 257 to 264 are the same 33 bytes.
  const fixed = 1 + 8 + 1 + 2;
  for (let round = 0; round < 150; round++) {
    const changed = whole.slice();
    const place = start + fixed + ((random() * 256 + random()) % (length - fixed));
    changed[place] = (changed[place] as number) ^ (1 + (random() % 255));
    writeFileSync(archive, changed);
    const keys: KeyOffer[] = [{ kind: 'openpgp', source: 'o', bytes: vector('key.asc') }];
    const outcome = await runJob({ kind: 'test-restore', archive, keys }, quietContext());
    const verdict = outcome.ok ? outcome.value[0]?.verdict : undefined;
    expect([verdict?.authentic, verdict?.complete, verdict?.restorable], `byte ${place}`).not.toContain(true);
  }
});

/** Bytes that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  };
}
