import { spawn } from 'node:child_process';
import { once as happens } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { once } from '../../engine/src/bytes.ts';
import { encryptWithPassword } from '../../engine/src/crypto/openpgpEncrypt.ts';
import { all } from '../engine/pieces.ts';
import { folderWith, program, type RunOptions, restorable, temporaryFolder } from './program.ts';

const archives = resolve('examples/archives');
const keys = join(archives, 'keys');
const sodium = join(archives, 'wal-g-sodium/part_001.tar.lz4');
const dump = join(archives, 'shop.dump.gpg');
const repository = join(archives, 'pgbackrest/repo');
const repositoryConf = join(archives, 'pgbackrest/pgbackrest.conf');
const dumpPass = join(keys, 'gpg-passphrase.txt');
const sodiumKey = readFileSync(join(keys, 'wal-g-sodium.hex'), 'utf8').trim();

interface Report {
  version: number;
  archive: string;
  format: string;
  backup: { label: string; type: string } | null;
  keys: { source: string; fingerprint: string | null }[];
  verdict: Record<string, boolean | null>;
  files: { total: number; verified: number; failed: { path: string; code: string; offset: number | null }[] };
  bytes: { read: number; restored: number };
  seconds: number;
  failure: { code: string; stage: string; path: string | null; offset: number | null; hint: string | null } | null;
  restoredTo: string | null;
  backups?: Report[];
}

async function reportOf(args: string[], options: RunOptions = {}): Promise<{ code: number | null; report: Report }> {
  const { code, stdout, stderr } = await restorable(['test-restore', ...args, '--json'], options);
  if (stdout === '') throw new Error(stderr);
  return { code, report: JSON.parse(stdout) as Report };
}

function changed(path: string, change: (bytes: Buffer) => Buffer): string {
  const copy = join(temporaryFolder(), 'copy');
  writeFileSync(copy, change(readFileSync(path)));
  return copy;
}

const flipMiddle = (bytes: Buffer) => {
  bytes[bytes.length >> 1]! ^= 1;
  return bytes;
};

describe('every archive of the examples restores, with its key from', () => {
  test.each([
    ['a pgbackrest.conf', [repository, '--config', repositoryConf], 'pgbackrest', null],
    ['Secrets', [sodium, '--config', 'examples/stackgres'], 'sodium > lz4 > tar', true],
    [
      'a hex file',
      [sodium, '--key-file', join(keys, 'wal-g-sodium.hex'), '--key-transform', 'hex'],
      'sodium > lz4 > tar',
      true,
    ],
    ['a hex file, unsaid', [sodium, '--key-file', join(keys, 'wal-g-sodium.hex')], 'sodium > lz4 > tar', true],
    [
      'a Secret with an OpenPGP key',
      [join(archives, 'wal-g-openpgp/part_001.tar.lz4'), '--config', 'examples/stackgres'],
      'openpgp > lz4 > tar',
      true,
    ],
    ['a passphrase file', [dump, '--passphrase-file', dumpPass], 'openpgp > pg_dump custom', true],
    [
      'a private key',
      [join(archives, 'shop.sql.gz.gpg'), '--key-file', join(keys, 'backup-team.private.asc')],
      'openpgp > gzip > pg_dump plain',
      true,
    ],
    [
      'a passphrase, openssl',
      [join(archives, 'shop.sql.gz.enc'), '--passphrase-file', join(keys, 'openssl-passphrase.txt')],
      'openssl > gzip > pg_dump plain',
      null,
    ],
  ] as [string, string[], string, boolean | null][])('%s', async (_, args, format, authentic) => {
    const { code, report } = await reportOf(args);
    expect(report).toMatchObject({
      version: 1,
      archive: args[0],
      format,
      // One part of a WAL-G backup is whole, and still no backup.
      verdict: { decrypted: true, authentic, complete: true, restorable: format.endsWith('tar') ? null : true },
      files: { failed: [] },
      failure: null,
      restoredTo: null,
    });
    expect(report.files.verified).toBe(report.files.total);
    expect(report.keys.length).toBeGreaterThan(0);
    expect(report.bytes.read).toBeGreaterThan(10_000);
    expect(code).toBe(0);
  });
});

describe('a key comes from', () => {
  test('stdin', async () => {
    const { code } = await reportOf([sodium, '--key-file', '-'], { stdin: `${sodiumKey}\n` });
    expect(code).toBe(0);
  });

  test('an environment variable, by its name', async () => {
    const { code, report } = await reportOf([sodium, '--key-env', 'BACKUP_KEY'], { env: { BACKUP_KEY: sodiumKey } });
    expect(report.keys[0]!.source).toContain('BACKUP_KEY');
    expect(code).toBe(0);
  });

  test('several configurations, named in one breath', async () => {
    const { code } = await reportOf([repository, '--config', 'examples/crunchy', repositoryConf]);
    expect(code).toBe(0);
    const last = await reportOf(['--config', 'examples/stackgres', repositoryConf, repository]);
    expect(last.code).toBe(0);
  });
});

describe('a failure has its code, its word and its place', () => {
  test('12 wrong-key', async () => {
    const wrong = join(folderWith({ key: 'ab'.repeat(32) }), 'key');
    const { code, report } = await reportOf([sodium, '--key-file', wrong]);
    expect(report.failure).toMatchObject({ code: 'wrong-key' });
    expect(report.failure!.hint).not.toBe('');
    expect(report.verdict.restorable).toBe(false);
    expect(code).toBe(12);
    const pass = join(folderWith({ pass: 'not this one' }), 'pass');
    expect((await reportOf([dump, '--passphrase-file', pass])).code).toBe(12);
    expect((await reportOf([repository, '--config', 'examples/crunchy'])).code).toBe(12);
  });

  test('13 damaged, with the byte', async () => {
    const { code, report } = await reportOf([changed(sodium, flipMiddle), '--config', 'examples/stackgres']);
    const size = readFileSync(sodium).length;
    expect(report.failure).toMatchObject({ code: 'damaged', stage: 'decrypt' });
    expect(report.failure!.offset).toBeGreaterThan(size / 2 - 8_300);
    expect(report.failure!.offset).toBeLessThan(size / 2 + 1);
    expect(report.verdict).toMatchObject({ authentic: false, restorable: false });
    expect(code).toBe(13);
  });

  test('14 truncated', async () => {
    const cut = changed(sodium, (it) => it.subarray(0, 24 + 20 * 8_209));
    const { code, report } = await reportOf([cut, '--config', 'examples/stackgres']);
    expect(report.failure).toMatchObject({ code: 'truncated' });
    expect(code).toBe(14);
  });

  test('15 not-encrypted, where the configuration says otherwise', async () => {
    const plain = join(
      folderWith({
        'dump.sql':
          '--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n\n--\n-- PostgreSQL database dump complete\n--\n\n',
      }),
      'dump.sql',
    );
    const storage = folderWith({
      'all.yaml': `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s}
spec:
  encryption: {method: sodium, sodium: {key: {name: k, key: key}, keyTransform: hex}}
---
apiVersion: v1
kind: Secret
metadata: {name: k}
stringData: {key: "${sodiumKey}"}
`,
    });
    const { code, report } = await reportOf([plain, '--config', storage]);
    expect(report.failure).toMatchObject({ code: 'not-encrypted' });
    expect(code).toBe(15);
  });

  test('16 unsupported, for what could be encrypted, and no key is offered', async () => {
    const { code, report } = await reportOf([sodium]);
    expect(report).toMatchObject({ failure: { code: 'unsupported' }, verdict: { decrypted: null, restorable: null } });
    expect(code).toBe(16);
  });

  test('18 io, for an archive that is not there', async () => {
    const { code, report } = await reportOf([join(temporaryFolder(), 'gone'), '--passphrase-file', dumpPass]);
    expect(report).toMatchObject({ failure: { code: 'io' }, verdict: { restorable: null } });
    expect(code).toBe(18);
  });

  test('18 io, for a key file that is not there', async () => {
    const { code, stderr } = await restorable(['test-restore', sodium, '--key-file', 'gone']);
    expect(stderr).toContain('gone: there is no such file');
    expect(code).toBe(18);
  });

  test.each([
    ['no archive', [], 'needs an ARCHIVE'],
    ['two archives', ['a', 'b'], 'takes one ARCHIVE; b is one too many'],
    ['an unknown transform', ['a', '--key-transform', 'hec'], 'did you mean hex'],
    ['a configuration that is not there', ['a', '--config', 'gone'], '--config: gone does not exist'],
    ['a configuration of something else', ['a', '--config', 'package.json'], 'configures a backup'],
    ['an unset variable', ['a', '--key-env', 'NOT_SET'], 'the environment variable NOT_SET is not set'],
    ['two keys at once', ['a', '--key-env', 'A', '--key-file', 'b'], 'both name a key'],
    ['a key in an argument', ['a', '--key', 'abc'], 'there is no option --key; did you mean'],
  ])('2 for %s', async (_, args, message) => {
    const { code, stderr } = await restorable(['test-restore', ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe('the report for people', () => {
  test('shows the four ticks with their reasons, and what to type next', async () => {
    const { code, stdout } = await restorable(['test-restore', dump, '--passphrase-file', dumpPass]);
    for (const it of ['decrypted', 'authentic', 'complete', 'restorable']) {
      expect(stdout).toMatch(new RegExp(`^  ✔ ${it} +\\S`, 'm'));
    }
    expect(stdout).toContain('--to NEW-FOLDER');
    expect(stdout.split('\n').filter((it) => it.length > 80 && !it.includes(dump))).toEqual([]);
    expect(code).toBe(0);
  });

  test('says a failure once, with what to do', async () => {
    const { stdout } = await restorable([
      'test-restore',
      changed(sodium, flipMiddle),
      '--config',
      'examples/stackgres',
    ]);
    expect(stdout).toMatch(/^✘ /);
    expect(stdout).toMatch(/^ {2}damaged while decrypting, at byte \d+$/m);
    expect(stdout).toMatch(/^ {2}→ /m);
    expect(stdout.match(/does not authenticate/g)).toHaveLength(1);
  });
});

describe('--to', () => {
  test('writes the files when the verdict is in, and only into a new or empty folder', async () => {
    const folder = temporaryFolder();
    const target = join(folder, 'restored');
    const { code, report } = await reportOf([repository, '--config', repositoryConf, '--to', target]);
    expect(code).toBe(0);
    expect(report.restoredTo).toBe(target);
    expect(readFileSync(join(target, 'PG_VERSION'), 'utf8')).toBe('15\n');
    const again = await restorable(['test-restore', repository, '--config', repositoryConf, '--to', target]);
    expect(again.code).toBe(2);
    expect(readdirSync(folder)).toEqual(['restored']);
  });

  test('leaves nothing when the archive fails', async () => {
    const folder = temporaryFolder();
    const args = [changed(sodium, flipMiddle), '--config', 'examples/stackgres', '--to', join(folder, 'restored')];
    expect((await reportOf(args)).code).toBe(13);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe.skipIf(process.platform === 'win32')('in the middle of a file that is proven at its end', () => {
  const marker = 'a row of a table that nobody but its owner may read\n';

  /** Gives all of it but the proof to a test-restore from a pipe, and the signal when some of it lies on the disk. */
  async function stopped(signal: NodeJS.Signals) {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'pass'), 'correct horse');
    const encrypted = await all(
      encryptWithPassword(once(Buffer.from(marker.repeat(60_000))), Buffer.from('correct horse')),
    );
    const args = ['test-restore', '-', '--passphrase-file', 'pass', '--to', 'restored'];
    const child = spawn(process.execPath, [await program(), ...args], {
      cwd: folder,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.on('error', () => undefined).write(encrypted.subarray(0, -100));
    const ended = happens(child, 'close');
    const unfinished = () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((it) => it.isFile() && it.parentPath.includes('.restored.restorable-'))
        .map((it) => join(it.parentPath, it.name));
    const isWriting = () => unfinished().some((it) => statSync(it).size > 1_000_000);
    while (!isWriting() && child.exitCode === null) await wait(20);
    child.kill(signal);
    child.stdin.end();
    const [code] = await ended;
    return { folder, code: code as number | null, left: unfinished() };
  }

  test('kill -9 leaves noise beside the target, and no target', async () => {
    const { folder, code, left } = await stopped('SIGKILL');
    expect(code).toBeNull();
    expect(left).toHaveLength(1);
    const bytes = readFileSync(left[0]!);
    expect(bytes.length).toBeGreaterThan(1_000_000);
    expect(bytes.includes(marker.slice(0, 12))).toBe(false);
    expect(statSync(left[0]!).mode & 0o777).toBe(0o600);
    expect(existsSync(join(folder, 'restored'))).toBe(false);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s leaves nothing', async (signal) => {
    const { folder, code, left } = await stopped(signal);
    expect({ code, left }).toEqual({ code: 130, left: [] });
    expect(readdirSync(folder)).toEqual(['pass']);
  });
});

test('without --to nothing is written anywhere', async () => {
  const cwd = temporaryFolder();
  await reportOf([sodium, '--config', resolve('examples/stackgres')], { cwd, env: { TMPDIR: cwd } });
  expect(readdirSync(cwd)).toEqual([]);
});

test('--backup all reports each backup, and all of them together', async () => {
  const { code, report } = await reportOf([repository, '--config', repositoryConf, '--backup', 'all']);
  expect(report.backups!.flatMap((it) => it.backup?.type ?? [])).toEqual(['full', 'incr']);
  expect(report.files.total).toBe(report.backups!.reduce((sum, it) => sum + it.files.total, 0));
  expect(report.verdict.restorable).toBe(true);
  expect(code).toBe(0);
});

describe('no key is ever printed', () => {
  const secrets = ['gpg-passphrase.txt', 'openssl-passphrase.txt', 'wal-g-sodium.hex'].map((it) =>
    readFileSync(join(keys, it), 'utf8').trim(),
  );
  secrets.push(/cipher-pass=(.*)/.exec(readFileSync(repositoryConf, 'utf8'))![1]!);

  test.each([
    [[repository, '--config', 'examples']],
    [[repository, '--config', 'examples', '--json', '--backup', 'all']],
    [[sodium, '--config', 'examples', '--json']],
    [[changed(sodium, flipMiddle), '--config', 'examples']],
    [[dump, '--passphrase-file', dumpPass]],
    [[dump, '--key-file', join(keys, 'wal-g-sodium.hex'), '--json']],
    [
      [
        dump,
        '--key-file',
        join(keys, 'backup-team.private.asc'),
        '--passphrase-file',
        join(keys, 'openssl-passphrase.txt'),
      ],
    ],
    [['no-such', '--passphrase-file', dumpPass]],
  ])('%j', async (args) => {
    const { stdout, stderr } = await restorable(['test-restore', ...args]);
    for (const it of secrets) {
      for (const output of [stdout, stderr]) {
        expect(output).not.toContain(it);
        expect(output).not.toContain(Buffer.from(it).toString('base64').slice(0, 24));
        expect(output).not.toContain(it.slice(0, 16));
      }
    }
    expect(stdout + stderr).not.toContain('PRIVATE KEY BLOCK');
  });
});

test('inspect says what an archive is, without a key', async () => {
  const { code, stdout } = await restorable(['inspect', dump, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    version: 1,
    format: expect.stringContaining('openpgp'),
    isEncrypted: true,
  });
  expect(code).toBe(0);
  expect((await restorable(['inspect', repository])).stdout).toMatch(/pgbackrest, encrypted/);
  expect((await restorable(['inspect', join(archives, 'gone')])).code).toBe(18);
  expect(existsSync('gone')).toBe(false);
});
