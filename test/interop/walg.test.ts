import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { once } from '../../engine/src/bytes.ts';
import { encryptToKeys } from '../../engine/src/crypto/openpgpEncrypt.ts';
import { encryptSodium } from '../../engine/src/crypto/sodium.ts';
import type { KeyOffer } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { all } from '../engine/pieces.ts';
import { testRestore } from '../engine/walgBucket.ts';
import { type Bucket, missingWalg, WalgCluster } from './walgCluster.ts';

const hexKey = '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4';
const base64Key = Buffer.from(hexKey, 'hex').toString('base64');
const shortKey = 'only twenty-six bytes here';
const longKey = 'a key of far more than thirty-two bytes, of which the rest is ignored';

const sodium = (text: string, keyTransform?: KeyOffer['keyTransform']): KeyOffer => ({
  kind: 'sodium',
  source: 'the test',
  bytes: new TextEncoder().encode(text),
  ...(keyTransform && { keyTransform }),
});

interface Case {
  name: string;
  settings: Record<string, string>;
  keys: KeyOffer[];
  encryption: string;
  compression: string;
  /** Neither encrypted nor with a checksum. */
  isUnprovable?: boolean;
}

const cases: Case[] = [
  { name: 'lz4, not encrypted', settings: {}, keys: [], encryption: 'none', compression: 'lz4' },
  {
    name: 'lzma, libsodium with a key of 26 bytes',
    settings: { WALG_COMPRESSION_METHOD: 'lzma', WALG_LIBSODIUM_KEY: shortKey },
    keys: [sodium(shortKey, 'none')],
    encryption: 'sodium',
    compression: 'lzma',
  },
  {
    name: 'zstd, libsodium with a hexadecimal key, rating composer',
    settings: {
      WALG_COMPRESSION_METHOD: 'zstd',
      WALG_LIBSODIUM_KEY: hexKey,
      WALG_LIBSODIUM_KEY_TRANSFORM: 'hex',
      WALG_USE_RATING_COMPOSER: 'true',
      WALG_TAR_SIZE_THRESHOLD: '700000',
    },
    keys: [sodium(hexKey, 'hex')],
    encryption: 'sodium',
    compression: 'zst',
  },
  {
    name: 'brotli, libsodium with a base64 key, database composer',
    settings: {
      WALG_COMPRESSION_METHOD: 'brotli',
      WALG_LIBSODIUM_KEY: base64Key,
      WALG_LIBSODIUM_KEY_TRANSFORM: 'base64',
      WALG_USE_DATABASE_COMPOSER: 'true',
    },
    keys: [sodium(base64Key, 'base64')],
    encryption: 'sodium',
    compression: 'br',
  },
  {
    name: 'no compression, libsodium with a long key, many tars',
    settings: { WALG_COMPRESSION_METHOD: 'none', WALG_LIBSODIUM_KEY: longKey, WALG_TAR_SIZE_THRESHOLD: '300000' },
    keys: [sodium(longKey)],
    encryption: 'sodium',
    compression: 'none',
  },
  {
    name: 'brotli, not encrypted',
    settings: { WALG_COMPRESSION_METHOD: 'brotli', WALG_TAR_SIZE_THRESHOLD: '1000000' },
    keys: [],
    encryption: 'none',
    compression: 'br',
    isUnprovable: true,
  },
];

describe.skipIf(missingWalg)(`buckets of the real WAL-G${missingWalg ? ` (${missingWalg})` : ''}`, () => {
  let cluster: WalgCluster;
  beforeAll(() => {
    cluster = new WalgCluster();
    cluster.start();
  });
  afterAll(() => cluster?.remove());

  test.each(cases)('$name: a full backup and two deltas restore as backup-fetch restores them', async (it) => {
    const bucket = cluster.bucket(slug(it.name), it.settings);
    makeBackups(cluster, bucket);
    await compareAll(cluster, bucket, it);
  });

  test.each([
    ['without a passphrase', undefined],
    ['with a passphrase', 'correct horse battery'],
  ])('OpenPGP %s', async (name, passphrase) => {
    const armored = makeKey(cluster, passphrase);
    const settings = {
      WALG_PGP_KEY: armored,
      ...(passphrase && { WALG_PGP_KEY_PASSPHRASE: passphrase }),
      WALG_COMPRESSION_METHOD: 'zstd',
    };
    const bucket = cluster.bucket(slug(`pgp ${name}`), settings);
    makeBackups(cluster, bucket);
    const key: KeyOffer = {
      kind: 'openpgp',
      source: 'the test',
      bytes: new TextEncoder().encode(armored),
      ...(passphrase && { passphrase: new TextEncoder().encode(passphrase) }),
    };
    await compareAll(cluster, bucket, { keys: [key], encryption: 'openpgp', compression: 'zst' });
    if (passphrase === undefined) return;
    const { passphrase: _, ...locked } = key;
    const [report] = await testRestore(bucket.path, { keys: [locked] });
    expect(report?.verdict.restorable).toBe(false);
  });

  test('a backup made over the network restores as backup-fetch restores it', async () => {
    const bucket = cluster.bucket('remote', { WALG_COMPRESSION_METHOD: 'zstd' });
    bucket.walg(['backup-push']);
    bucket.flush();
    await compareAll(cluster, bucket, { keys: [], encryption: 'none', compression: 'zst' });
  });

  test('a backup of a standby is whole, though its WAL begins and ends in the middle of a segment', async () => {
    const { data, socket } = cluster.startStandby();
    const bucket = cluster.bucket('standby', { WALG_LIBSODIUM_KEY: longKey, PGHOST: socket });
    cluster.sql('shop', "update facts set v = 'before' where i % 3 = 0");
    cluster.sql('shop', 'checkpoint');
    bucket.walg(['backup-push', data, '-f']);
    bucket.flush();
    const [report] = await testRestore(bucket.path, { keys: [sodium(longKey)] });
    expect(report?.failure).toBeNull();
    expect(report?.verdict).toEqual({ decrypted: true, authentic: true, complete: true, restorable: true });
    cluster.stopServer(data);
  });

  test('PostgreSQL recovers from what it is given, to the newest change', async () => {
    const bucket = cluster.bucket('recovered', { WALG_LIBSODIUM_KEY: longKey });
    bucket.push('-f');
    cluster.sql('shop', 'create table the_last_change as select 1 i');
    bucket.flush();
    const [report] = await testRestore(bucket.path, { keys: [sodium(longKey)], wal: 'latest', start: {} });
    expect(report?.failure).toBeNull();
    expect(report?.started).toMatchObject({ databases: 1 });
  });

  test('what we encrypt, WAL-G fetches', async () => {
    const plain = readFileSync(path.join(cluster.data, 'pg_wal', walOf(cluster)));
    const armored = makeKey(cluster, undefined);
    const name = 'FFFFFFFF0000000000000001';
    let fetched = 0;
    for (const [settings, encrypt] of [
      [
        { WALG_LIBSODIUM_KEY: hexKey, WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' },
        (it: Uint8Array) => all(encryptSodium(once(it), Buffer.from(hexKey, 'hex'))),
      ],
      // WAL-G 3 reads AEAD as well; WAL-G up to 2.0.1, with a library of its time, an MDC only.
      ...([undefined, 'mdc', 'ocb', 'seipd2'] as const).map(
        (integrity) =>
          [
            { WALG_PGP_KEY: armored },
            (it: Uint8Array) => all(encryptToKeys(once(it), new TextEncoder().encode(armored), { integrity })),
          ] as const,
      ),
    ] as const) {
      const bucket = cluster.bucket(`fetched-${fetched++}`, settings);
      const folder = path.join(bucket.path, 'wal_005');
      cluster.run('mkdir', ['-p', folder]);
      writeFileSync(path.join(folder, `${name}.br`), await encrypt(brotliCompressSync(plain)));
      const target = path.join(cluster.folder, 'fetched');
      bucket.walg(['wal-fetch', name, target]);
      expect(readFileSync(target).equals(plain)).toBe(true);
      cluster.run('rm', [target]);
    }
  });

  test('is stricter than WAL-G: it restores these without a word', async () => {
    const bucket = cluster.bucket('careless', { WALG_TAR_SIZE_THRESHOLD: '700000', WALG_COMPRESSION_METHOD: 'brotli' });
    bucket.push('-f');
    bucket.flush();
    const [name = ''] = labelsOf(bucket);
    const tars = path.join(bucket.path, 'basebackups_005', name, 'tar_partitions');
    const part = path.join(tars, readdirSync(tars).find((it) => it.startsWith('part_')) ?? '');
    const kept = path.join(cluster.folder, 'kept');
    copyFileSync(part, kept);
    rmSync(part);
    bucket.fetch(name, path.join(cluster.folder, 'without-a-part'));
    const [missing] = await testRestore(bucket.path);
    expect(missing?.failure).toMatchObject({ code: 'incomplete', message: expect.stringContaining('is missing') });
    copyFileSync(kept, part);
    rmSync(path.join(tars, 'pg_control.tar.br'));
    bucket.fetch(name, path.join(cluster.folder, 'without-control'));
    const [uncontrolled] = await testRestore(bucket.path);
    expect(uncontrolled?.failure).toMatchObject({ code: 'incomplete', message: expect.stringContaining('pg_control') });
  });
});

function makeBackups(cluster: WalgCluster, bucket: Bucket): void {
  bucket.push('-f');
  for (const step of [1, 2]) {
    cluster.sql('shop', `update facts set v = 'step ${step}' where i % 50 = ${step}`);
    cluster.sql('shop', `insert into items select i, 'step' from generate_series(1, 400) i`);
    cluster.sql('shop', 'vacuum items');
    cluster.sql('shop', `create table if not exists made_${step} as select 1 i`);
    cluster.sql('shop', 'checkpoint');
    bucket.push();
  }
  bucket.flush();
}

async function compareAll(
  cluster: WalgCluster,
  bucket: Bucket,
  { keys, encryption, compression, isUnprovable }: Omit<Case, 'name' | 'settings'>,
): Promise<void> {
  const reports = await testRestore(bucket.path, { backup: 'all', keys });
  const restorable = isUnprovable ? null : true;
  for (const report of reports) {
    expect(report.failure).toBeNull();
    const authentic = encryption === 'none' ? null : true;
    expect(report.verdict).toEqual({ decrypted: true, authentic, complete: true, restorable });
  }
  for (const report of reports) if (report.backup) await compare(cluster, bucket, report, keys);
  expect(reports[0]?.backup).toMatchObject({ encryption: [encryption], compression: [compression] });
}

async function compare(cluster: WalgCluster, bucket: Bucket, { backup }: Report, keys: KeyOffer[]): Promise<void> {
  const label = backup?.label ?? '';
  const [theirs, ours] = ['theirs', 'ours'].map((it) => path.join(cluster.folder, it)) as [string, string];
  // With its own tablespaces below the target, as we put them.
  const sentinel = JSON.parse(
    readFileSync(path.join(bucket.path, 'basebackups_005', `${label}_backup_stop_sentinel.json`), 'utf8'),
  );
  const [oid] = sentinel.Spec.tablespaces as string[];
  const spec = {
    base_prefix: theirs,
    tablespaces: [oid],
    [oid ?? '']: { loc: `${theirs}-space`, link: `pg_tblspc/${oid}` },
  };
  const specFile = path.join(cluster.folder, 'spec.json');
  writeFileSync(specFile, JSON.stringify(spec));
  cluster.run('mkdir', ['-p', theirs]);
  try {
    bucket.fetch(label, theirs, ['--restore-spec', specFile]);
    const [report] = await testRestore(bucket.path, { backup: label, keys, to: ours });
    expect(report?.restoredTo).toBe(ours);
    const found = filesOf(ours);
    const space = new Map([...filesOf(path.join(ours, 'tablespaces', oid ?? ''))].map(([name, it]) => [name, it]));
    for (const name of [...found.keys()])
      if (name.startsWith('tablespaces') || name.startsWith('pg_tblspc/')) found.delete(name);
    const expected = filesOf(theirs);
    for (const name of [...expected.keys()]) if (name.startsWith('pg_tblspc/')) expected.delete(name);
    // Our own note that a restore with a spec has no map: WAL-G leaves it out as well.
    expected.delete('tablespace_map');
    expect([...found].sort()).toEqual([...expected].sort());
    expect([...space].sort()).toEqual([...filesOf(`${theirs}-space`)].sort());
  } finally {
    for (const it of [theirs, ours, `${theirs}-space`]) rmSync(it, { recursive: true, force: true });
  }
}

/** Every file and folder: mode, and digest of the contents. */
function filesOf(root: string, folder = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(path.join(root, folder))) {
    const inside = path.join(folder, name);
    const stat = lstatSync(path.join(root, inside));
    const mode = (stat.mode & 0o777).toString(8);
    if (stat.isDirectory()) {
      found.set(inside, `folder ${mode}`);
      for (const [key, value] of filesOf(root, inside)) found.set(key, value);
    } else if (stat.isFile()) {
      const digest = createHash('sha256')
        .update(readFileSync(path.join(root, inside)))
        .digest('hex');
      found.set(inside, `${mode} ${digest}`);
    } else found.set(inside, 'link');
  }
  return found;
}

function labelsOf(bucket: Bucket): string[] {
  return readdirSync(path.join(bucket.path, 'basebackups_005')).filter((it) => /^base_[0-9A-F_D]+$/.test(it));
}

function walOf(cluster: WalgCluster): string {
  const names = readdirSync(path.join(cluster.data, 'pg_wal')).filter((it) => /^[0-9A-F]{24}$/.test(it));
  return names.sort()[0] ?? '';
}

/** RSA, without or with a passphrase, as people make it for WAL-G. */
function makeKey(cluster: WalgCluster, passphrase: string | undefined): string {
  const home = path.join(cluster.folder, `gnupg-${passphrase === undefined ? 'open' : 'locked'}`);
  const gpg = (options: string[]) =>
    execFileSync(
      'gpg',
      [
        '--homedir',
        home,
        '--batch',
        '--quiet',
        '--pinentry-mode',
        'loopback',
        '--passphrase',
        passphrase ?? '',
        ...options,
      ],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
  if (!existsSync(home)) {
    mkdirSync(home, { mode: 0o700 });
    gpg(['--quick-generate-key', 'test@example.invalid', 'default', 'default', 'never']);
  }
  return gpg(['--armor', '--export-secret-keys']);
}

function slug(name: string): string {
  return name.replace(/\W+/g, '-');
}
