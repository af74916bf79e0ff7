import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readBlockMap } from '../../engine/src/archives/pgbackrest/blockMap.ts';
import { testRestoreRepository } from '../../engine/src/archives/pgbackrest/repository.ts';
import { type Failure, RestoreError } from '../../engine/src/failure.ts';
import type { TestRestoreJob } from '../../engine/src/job.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import {
  buildRepository,
  full,
  objectsOf,
  passOffer,
  type Sections,
  sha1,
  temporaryFolder,
  testOne,
} from './pgbackrestRepository.ts';

const large = 'pg_data/base/1/large';
const largeBytes = 6 * 1024 * 1024;

/** With a file that is read in many pieces, so that something can happen in the middle. */
function withLargeFile(more: (sections: Sections, root: string) => void = () => undefined): Promise<string> {
  return buildRepository({
    isEncrypted: false,
    compression: 'none',
    manifest: (sections, label, root) => {
      const contents = Buffer.alloc(largeBytes, 'large ');
      writeFileSync(path.join(root, 'backup/demo', label, large), contents);
      Object.assign(sections['target:file'] ?? {}, {
        [large]: { checksum: sha1(contents), size: largeBytes, timestamp: 1 },
      });
      more(sections, root);
    },
  });
}

/** Runs a job, and `meanwhile` once some of the large file was read; the failure, thrown or reported. */
async function during(root: string, job: Partial<TestRestoreJob>, meanwhile: () => void): Promise<Failure | null> {
  let isDone = false;
  let bytes = 0;
  const progress = (step: string, more: number) => {
    if (!step.endsWith('large')) return;
    bytes += more;
    if (isDone || bytes < 1_000_000) return;
    isDone = true;
    meanwhile();
  };
  try {
    const [report] = await testRestoreRepository(
      { kind: 'test-restore', archive: root, keys: [], ...job },
      { ...quietContext(), progress },
    );
    expect(isDone).toBe(true);
    if (job.to !== undefined) expect(report?.restoredTo === null).toBe(report?.failure !== null);
    return report?.failure ?? null;
  } catch (error) {
    if (error instanceof RestoreError) return error.failure;
    throw error;
  }
}

describe('a file of the repository that, while it is read,', () => {
  const object = (root: string) => path.join(root, 'backup/demo', full, large);

  test('is cut off, is truncated', async () => {
    const root = await withLargeFile();
    const folder = temporaryFolder();
    const job = { to: path.join(folder, 'pg') };
    const failure = await during(root, job, () => truncateSync(object(root), 2_000_000));
    expect(failure).toMatchObject({ code: 'truncated', path: `backup/demo/${full}/${large}` });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is written over, is damaged', async () => {
    const root = await withLargeFile();
    const folder = temporaryFolder();
    const job = { to: path.join(folder, 'pg') };
    const failure = await during(root, job, () => writeFileSync(object(root), Buffer.alloc(largeBytes, 'other ')));
    expect(failure).toMatchObject({ code: 'damaged', path: `backup/demo/${full}/${large}` });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is removed, is read to its end: what was opened is what was asked for', async () => {
    const root = await withLargeFile();
    expect(await during(root, {}, () => unlinkSync(object(root)))).toBeNull();
  });

  test('grows, is what it was when it was recorded', async () => {
    const root = await withLargeFile();
    expect(await during(root, {}, () => appendFileSync(object(root), 'more'))).toBeNull();
    expect((await testOne(root, { keys: [] })).failure).toMatchObject({ code: 'damaged' });
  });

  test('loses the files that come after it, is restored, and they are incomplete', async () => {
    const root = await withLargeFile();
    const failure = await during(root, {}, () => rmSync(path.join(root, 'archive'), { recursive: true }));
    expect(failure).toMatchObject({ code: 'incomplete', stage: 'wal' });
  });
});

describe('a target that, while files are written,', () => {
  test('is made a link, is not followed; what it leads to stays untouched', async () => {
    const root = await withLargeFile();
    const folder = temporaryFolder();
    const elsewhere = temporaryFolder();
    const failure = await during(root, { to: path.join(folder, 'pg') }, () =>
      symlinkSync(elsewhere, path.join(folder, 'pg')),
    );
    expect(failure).toMatchObject({ code: 'usage', message: expect.stringContaining('symbolic link') });
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readdirSync(folder)).toEqual(['pg']);
  });

  test('gets contents of its own, keeps them', async () => {
    const root = await withLargeFile();
    const folder = temporaryFolder();
    const failure = await during(root, { to: path.join(folder, 'pg') }, () => {
      mkdirSync(path.join(folder, 'pg'));
      writeFileSync(path.join(folder, 'pg/precious'), 'x');
    });
    expect(failure).toMatchObject({ code: 'usage', stage: 'write' });
    expect(objectsOf(folder)).toEqual(['pg/precious']);
    expect(readdirSync(folder)).toEqual(['pg']);
  });

  test('is swapped for a link before it has its name, is not published', async () => {
    const root = await withLargeFile();
    const folder = temporaryFolder();
    const failure = await during(root, { to: path.join(folder, 'pg') }, () => {
      const [staged = ''] = readdirSync(folder);
      renameSync(path.join(folder, staged), path.join(folder, 'stolen'));
      symlinkSync(path.join(folder, 'stolen'), path.join(folder, staged));
    });
    expect(failure).toMatchObject({ code: 'hostile', stage: 'write' });
    expect(readdirSync(folder)).toEqual(['stolen']);
  });
});

const isRoot = process.getuid?.() === 0;

describe('a disk that is full', () => {
  test.skipIf(!isRoot || process.platform !== 'linux')('is said so, and nothing is left on it', async () => {
    const root = await withLargeFile();
    const disk = temporaryFolder();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', disk]).status !== 0) return;
    try {
      for (const job of [
        { to: path.join(disk, 'pg') },
        { to: path.join(temporaryFolder(), 'pg'), places: { links: { base: path.join(disk, 'base') } } },
      ]) {
        const failure = await during(root, job, () => undefined);
        expect(failure).toMatchObject({ code: 'io', stage: 'write', message: expect.stringContaining('disk is full') });
        expect(failure?.hint).toContain('Make room');
        expect(readdirSync(disk)).toEqual([]);
      }
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});

describe('without permission', () => {
  /** Root may do everything: the test becomes nobody for a while. */
  function becomeNobody(): void {
    if (!isRoot) return;
    process.seteuid?.(65534);
    onTestFinished(() => process.seteuid?.(0));
  }

  test.skipIf(process.platform === 'win32')(
    'to read an object, the object is named and nothing is disproved',
    async () => {
      const root = await buildRepository({ isEncrypted: false });
      chmodSync(root, 0o755);
      chmodSync(path.join(root, 'backup/demo', full, 'pg_data/base/1/1255.gz'), 0);
      becomeNobody();
      const report = await testOne(root, { keys: [] });
      expect(report.failure).toMatchObject({
        code: 'io',
        path: expect.stringContaining('1255.gz'),
        message: expect.stringContaining('permission denied'),
      });
      expect(report.verdict).toMatchObject({ decrypted: null, restorable: null });
    },
  );

  test.skipIf(process.platform === 'win32')('to write the target, nothing is read for nothing', async () => {
    const root = await buildRepository({ isEncrypted: false });
    chmodSync(root, 0o755);
    const folder = temporaryFolder();
    chmodSync(folder, 0o555);
    becomeNobody();
    const failure = await testOne(root, { keys: [], to: path.join(folder, 'pg') }).catch((error) => error.failure);
    expect(failure).toMatchObject({
      code: 'io',
      stage: 'write',
      message: expect.stringContaining('permission denied'),
    });
    if (isRoot) process.seteuid?.(0);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('names', () => {
  const entry = { checksum: sha1('x'), size: 1, timestamp: 1 };

  test('that are no UTF-8 are restored as they are', async () => {
    // Info files are written by the helper as text; these bytes are put in afterwards.
    const root = await buildRepository({
      isEncrypted: false,
      compression: 'none',
      manifest: (sections, label, at) => {
        Object.assign(sections['target:file'] ?? {}, { 'pg_data/odd-é': entry });
        writeFileSync(path.join(at, 'backup/demo', label, 'pg_data/odd-é'), 'x');
      },
    });
    const to = path.join(temporaryFolder(), 'pg');
    const report = await testOne(root, { keys: [], to });
    expect(report.failure).toBeNull();
    expect(readFileSync(path.join(to, 'odd-é'), 'utf8')).toBe('x');
  });

  test('that stand twice in the list of files are hostile, one after the other or apart', async () => {
    const root = await buildRepository({ isEncrypted: false, compression: 'none' });
    for (const twice of ['next', 'apart']) {
      const name = path.join(root, 'backup/demo', full, 'backup.manifest');
      const lines = readFileSync(name, 'utf8').split('\n');
      const at = lines.findIndex((it) => it.startsWith('pg_data/base/1/1255='));
      lines.splice(twice === 'next' ? at : at - 2, 0, lines[at] ?? '');
      const copy = await rewritten(root, lines);
      expect((await testOne(copy, { keys: [] })).failure, twice).toMatchObject({ code: 'hostile' });
    }
  });

  test('that stand twice in another section are hostile', async () => {
    const root = await buildRepository({ isEncrypted: false, compression: 'none' });
    const lines = readFileSync(path.join(root, 'backup/demo', full, 'backup.manifest'), 'utf8').split('\n');
    const at = lines.indexOf('pg_data/global={}');
    lines.splice(at, 0, lines[at] ?? '');
    const report = await testOne(await rewritten(root, lines), { keys: [] });
    expect(report.failure).toMatchObject({ code: 'hostile', message: expect.stringContaining('twice') });
  });

  test.each([
    ['pg_data/x', '/etc', 'an absolute link'],
    ['pg_data/x', '../../../../etc', 'a link out of the target'],
    ['pg_data/base', '/tmp', 'a link in the place of a folder'],
  ])('%s -> %s, %s: nothing is written where it leads', async (name, destination) => {
    const root = await buildRepository({
      isEncrypted: false,
      compression: 'none',
      manifest: (sections) => {
        Object.assign(sections['backup:target'] ?? {}, { [name]: { path: destination, type: 'link' } });
        sections['target:link'] = { [name]: { destination } };
      },
    });
    for (const keepLinks of [false, true]) {
      const folder = temporaryFolder();
      const report = await testOne(root, { keys: [], to: path.join(folder, 'pg'), places: { keepLinks } });
      expect(report.failure).toBeNull();
      expect(readdirSync(folder)).toEqual(['pg']);
      expect(objectsOf(folder).every((it) => it.startsWith('pg/'))).toBe(true);
      expect(objectsOf(folder)).toContain('pg/base/1/1255');
    }
  });

  /** The manifest with other lines and the checksum that fits to them, as an evil writer would make it. */
  async function rewritten(root: string, lines: string[]): Promise<string> {
    const sections: [string, string[]][] = [];
    for (const line of lines) {
      if (/^\[.*\]$/.test(line)) sections.push([line.slice(1, -1), []]);
      else if (line !== '' && !line.startsWith('backrest-checksum')) sections.at(-1)?.[1].push(line);
    }
    const kept = sections.filter(([, inside]) => inside.length > 0);
    const hashed = kept.map(([name, inside]) => {
      const entries = inside.map((it) => {
        const at = it.search(/=(?=[{"\dtf])/);
        return `${JSON.stringify(it.slice(0, at))}:${it.slice(at + 1)}`;
      });
      return `${JSON.stringify(name)}:{${entries.join(',')}}`;
    });
    const text = kept.map(([name, inside]) => `[${name}]\n${inside.join('\n')}\n`).join('\n');
    const checksum = sha1(`{${hashed.join(',')}}`);
    for (const name of ['backup.manifest', 'backup.manifest.copy']) {
      writeFileSync(
        path.join(root, 'backup/demo', full, name),
        `${text}\n[backrest]\nbackrest-checksum="${checksum}"\n`,
      );
    }
    return root;
  }
});

describe('a block map', () => {
  const form = { blockSize: 8192, checksumSize: 6, references: 2, fileSize: 3 * 8192 };
  const sum = Buffer.alloc(6, 1);
  const varint = (value: bigint): number[] => {
    const bytes: number[] = [];
    let rest = value;
    do {
      bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
      rest >>= 7n;
    } while (rest > 0n);
    return bytes;
  };
  /** Numbers as varints, and checksums as they are. */
  const map = (...parts: (number | bigint | Buffer)[]) =>
    Buffer.concat(parts.map((it) => (Buffer.isBuffer(it) ? it : Buffer.from(varint(BigInt(it))))));
  // Version; group: reference 0, last; super block: 100 bytes stored, last, its size changed; 3 blocks, none short.
  const honest = map(0, 1, (100 << 3) | 3, 3 << 1, sum, sum, sum);

  test('that is honest is read', () => {
    expect(readBlockMap(honest, form)).toMatchObject([
      {
        reference: 0,
        bundle: 0,
        firstBlock: 0,
        count: 3,
        superBlock: { offset: 0, storedSize: 100, plainSize: 24576 },
      },
    ]);
  });

  test.each<[string, Buffer, string]>([
    ['is empty', Buffer.alloc(0), 'damaged'],
    ['is of another version', map(1, 1, (100 << 3) | 3, 3 << 1, sum, sum, sum), 'unsupported'],
    ['refers to a backup that is not listed', map(0, (2 << 3) | 1, 803, 6, sum, sum, sum), 'damaged'],
    ['has more blocks than the file', map(0, 1, 803, 4 << 1, sum, sum, sum, sum), 'damaged'],
    ['has fewer blocks than the file', map(0, 1, 803, 2 << 1, sum, sum), 'damaged'],
    ['takes more blocks than a super block has', map(0, 1, 807, 3 << 1, 3 << 1, sum, sum, sum, sum), 'damaged'],
    ['starts behind the blocks of a super block', map(0, 1, 807, 3 << 1, (2 << 1) | 1, 2, sum, sum, sum), 'damaged'],
    ['has a number beyond 2^63', map(0, 1, 1n << 64n, 6, sum, sum, sum), 'hostile'],
    ['has an offset beyond 2^53', map(0, 5, 1n << 60n, 803, 6, sum, sum, sum), 'hostile'],
    ['has a super block of nothing', map(0, 1, 3, 6, sum, sum, sum), 'hostile'],
    ['has a super block of terabytes', map(0, 1, 803, 1n << 40n, sum, sum, sum), 'hostile'],
    ['never ends a number', Buffer.alloc(1000, 0xff), 'hostile'],
    ['ends in a checksum', honest.subarray(0, -1), 'damaged'],
    ['goes on behind its end', Buffer.concat([honest, sum]), 'damaged'],
    ['names no last group', Buffer.concat([map(0, 0, 803, 2, sum), map(0, 803, 2, sum)]), 'damaged'],
  ])('that %s is refused', (_, bytes, code) => {
    try {
      readBlockMap(bytes, form);
    } catch (error) {
      expect(error).toBeInstanceOf(RestoreError);
      expect((error as RestoreError).failure.code).toBe(code);
      return;
    }
    throw new Error('it was read');
  });

  test('of any bytes is read or refused, in no time and without another error', () => {
    let state = 7;
    const random = (below: number) => {
      state = (state * 48271) % 0x7fffffff;
      return state % below;
    };
    for (let round = 0; round < 20_000; round++) {
      const bytes = round % 2 === 0 ? Buffer.from(honest) : Buffer.alloc(random(64));
      for (let changes = 1 + random(4); changes > 0 && bytes.length > 0; changes--)
        bytes[random(bytes.length)] = random(256);
      try {
        const runs = readBlockMap(bytes, form);
        expect(runs.reduce((blocks, it) => blocks + it.count, 0)).toBe(3);
      } catch (error) {
        expect(error).toBeInstanceOf(RestoreError);
      }
    }
  });

  test('that leads out of its bundle is truncated, with its place', async () => {
    const contents = Buffer.alloc(3 * 8192, 'x');
    const lying = map(0, 5, 1_000_000, (100 << 3) | 3, 3 << 1, sum, sum, sum);
    const root = await buildRepository({
      isEncrypted: false,
      compression: 'none',
      version: '2.59.1',
      manifest: (sections, label, at) => {
        Object.assign(sections.backup ?? {}, { 'backup-block-incr': true, 'backup-bundle': true });
        Object.assign(sections['target:file'] ?? {}, {
          'pg_data/base/1/b': {
            bi: 1,
            bim: lying.length,
            checksum: sha1(contents),
            'repo-size': lying.length,
            size: contents.length,
            timestamp: 1,
          },
        });
        writeFileSync(path.join(at, 'backup/demo', label, 'pg_data/base/1/b.pgbi'), lying);
      },
    });
    const report = await testOne(root, { keys: [] });
    expect(report.failure).toMatchObject({
      code: 'truncated',
      path: `backup/demo/${full}/pg_data/base/1/b.pgbi`,
    });
  });
});

test('a repository whose folders are links in a circle is refused with its place', async () => {
  const root = await buildRepository({ isEncrypted: false });
  const object = path.join(root, 'backup/demo', full, 'pg_data/base/1/1255.gz');
  unlinkSync(object);
  symlinkSync('1255.gz', object);
  const report = await testOne(root, { keys: [] });
  expect(report.failure).toMatchObject({ code: 'io', path: expect.stringContaining('1255.gz') });
  renameSync(object, `${object}.x`);
  expect((await testOne(root, { keys: [passOffer('x')], expectEncrypted: false })).failure?.code).toBe('incomplete');
});
