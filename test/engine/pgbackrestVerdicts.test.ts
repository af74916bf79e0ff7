import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Failure } from '../../engine/src/failure.ts';
import type { TestRestoreJob } from '../../engine/src/job.ts';
import {
  type BuildOptions,
  buildRepository,
  full,
  incr,
  passOffer,
  repositoryPass,
  type Sections,
  temporaryFolder,
  testOne,
} from './pgbackrestRepository.ts';

interface Case {
  title: string;
  build?: BuildOptions;
  /** What happens to the copy; may name another folder to test. */
  change?: (root: string) => string | undefined;
  job?: Partial<TestRestoreJob>;
  failure: Partial<Failure>;
}

const backup = (root: string, ...names: string[]) => path.join(root, 'backup/demo', ...names);

const cases: Case[] = [
  {
    title: 'no pass for an encrypted repository',
    job: { keys: [] },
    failure: { code: 'wrong-key', stage: 'key', reason: 'no-pass', path: 'archive/demo/archive.info' },
  },
  {
    title: 'a wrong pass',
    job: { keys: [passOffer('a pass that opens nothing')] },
    failure: { code: 'wrong-key', stage: 'key', reason: 'wrong-pass', path: 'archive/demo/archive.info' },
  },
  {
    title: 'the pass of another repository of the same configuration',
    job: { repo: 1, keys: [passOffer('the pass of repo1', { repo: 1 }), passOffer(repositoryPass, { repo: 2 })] },
    failure: {
      code: 'wrong-key',
      stage: 'key',
      reason: 'pass-of-another-repository',
      message: expect.stringContaining('repository 2') as unknown as string,
    },
  },
  ...[
    [`"${repositoryPass}"`, 'without the quotes'],
    [`'${repositoryPass}'`, 'without the quotes'],
    [`${repositoryPass}\n`, 'without the line end'],
    [` ${repositoryPass}`, 'without the blanks'],
  ].map(
    ([pass = '', variant]): Case => ({
      title: `the pass as ${JSON.stringify(pass)}`,
      job: { keys: [passOffer(pass)] },
      failure: {
        code: 'wrong-key',
        stage: 'key',
        reason: 'pass-variant',
        message: expect.stringContaining(variant ?? '') as unknown as string,
      },
    }),
  ),
  {
    title: 'a plain repository read as an encrypted one',
    build: { isEncrypted: false },
    failure: { code: 'not-encrypted', stage: 'open', reason: 'plain-repository', path: 'backup/demo/backup.info' },
  },
  {
    title: 'only archive/ was copied',
    change: (root) => void rmSync(path.join(root, 'backup'), { recursive: true }),
    failure: { code: 'incomplete', stage: 'open', reason: 'part-of-repository', path: 'backup/demo/backup.info' },
  },
  {
    title: 'only backup/ was copied',
    change: (root) => void rmSync(path.join(root, 'archive'), { recursive: true }),
    failure: { code: 'incomplete', stage: 'wal', reason: 'part-of-repository', path: 'archive/demo/archive.info' },
  },
  {
    title: 'only the folder of a stanza was copied',
    change: (root) => {
      const part = path.join(temporaryFolder(), 'part');
      cpSync(backup(root), part, { recursive: true });
      return part;
    },
    failure: { code: 'incomplete', stage: 'open', reason: 'part-of-repository' },
  },
  {
    title: 'backup.info was not copied',
    change: (root) => {
      for (const name of ['backup.info', 'backup.info.copy']) unlinkSync(backup(root, name));
      return undefined;
    },
    failure: { code: 'incomplete', stage: 'chain', reason: 'missing-info', path: 'backup/demo/backup.info' },
  },
  {
    title: 'the folder of the backup was not copied',
    change: (root) => void rmSync(backup(root, full), { recursive: true }),
    failure: { code: 'incomplete', stage: 'chain', reason: 'part-of-repository', path: `backup/demo/${full}` },
  },
  {
    title: 'a backup that it refers to was expired',
    build: { withIncremental: true, backupInfo: (sections) => delete sections['backup:current']?.[full] },
    failure: { code: 'incomplete', stage: 'chain', reason: 'expired-reference', path: `backup/demo/${full}` },
  },
  {
    title: 'a backup that it refers to was not copied',
    build: { withIncremental: true },
    change: (root) => void rmSync(backup(root, full), { recursive: true }),
    failure: { code: 'incomplete', stage: 'chain', reason: 'missing-reference', path: `backup/demo/${full}` },
  },
  {
    title: 'a backup that was not finished: a copy of the manifest, and no entry',
    build: { withIncremental: true, backupInfo: (sections) => delete sections['backup:current']?.[incr] },
    change: (root) => void unlinkSync(backup(root, incr, 'backup.manifest')),
    job: { backup: incr },
    failure: {
      code: 'incomplete',
      stage: 'chain',
      reason: 'unfinished-backup',
      path: `backup/demo/${incr}/backup.manifest`,
    },
  },
  {
    title: 'no backup came to its end',
    build: { backupInfo: (sections: Sections) => delete sections['backup:current']?.[full] },
    change: (root) => void unlinkSync(backup(root, full, 'backup.manifest')),
    failure: { code: 'incomplete', stage: 'chain', reason: 'unfinished-backup', path: 'backup/demo/backup.info' },
  },
  {
    title: 'a backup that backup.info does not list any more',
    build: { withIncremental: true, backupInfo: (sections) => delete sections['backup:current']?.[incr] },
    job: { backup: incr },
    failure: { code: 'incomplete', stage: 'chain', reason: 'expired-reference', path: 'backup/demo/backup.info' },
  },
  {
    title: 'a newer repository format, by its number',
    build: { format: 6 },
    failure: { code: 'unsupported', reason: 'newer-format', path: 'backup/demo/backup.info' },
  },
  {
    title: 'a newer repository format, by its header',
    change: (root) => {
      for (const name of ['backup.info', 'backup.info.copy']) writeFileSync(backup(root, name), 'PGBR\x06 and more');
      return undefined;
    },
    failure: { code: 'unsupported', stage: 'open', reason: 'newer-format', path: 'backup/demo/backup.info', offset: 0 },
  },
  {
    title: 'the beta of block incremental',
    build: {
      version: '2.45',
      manifest: (sections) => void Object.assign(sections.backup ?? {}, { 'backup-block-incr': true }),
    },
    failure: {
      code: 'unsupported',
      stage: 'contents',
      reason: 'beta-block-format',
      path: `backup/demo/${full}/backup.manifest`,
    },
  },
];

describe('each of the ways to fail has its code, its place and an advice', () => {
  test.each(cases)('$title', async ({ build, change, job, failure }) => {
    const root = await buildRepository(build);
    const archive = change?.(root) ?? root;
    const folder = temporaryFolder();
    const report = await testOne(archive, { ...job, to: path.join(folder, 'pg') });
    expect(report.failure).toMatchObject(failure);
    expect(report.failure?.hint?.length).toBeGreaterThan(10);
    expect(report.restoredTo).toBeNull();
    expect(readdirSync(folder)).toEqual([]);
    expect(report.verdict.restorable).not.toBe(true);
    // No pass in any word of it.
    const text = JSON.stringify(report);
    for (const { bytes } of job?.keys ?? []) expect(text).not.toContain(Buffer.from(bytes).toString().trim());
    expect(text).not.toContain(repositoryPass);
  });

  test('an encrypted repository whose info files were taken from a plain one is not called a success', async () => {
    const plain = await buildRepository({ isEncrypted: false });
    const encrypted = await buildRepository();
    for (const name of readdirSync(backup(plain)).filter((it) => it.startsWith('backup.info')))
      cpSync(backup(plain, name), backup(encrypted, name));
    const report = await testOne(encrypted, { keys: [] });
    expect(report.failure).not.toBeNull();
    expect(report.verdict.restorable).not.toBe(true);
  });

  test('the manifest of another backup of the same set in its place is damage', async () => {
    const root = await buildRepository({ withIncremental: true });
    for (const name of ['backup.manifest', 'backup.manifest.copy'])
      cpSync(backup(root, full, name), backup(root, incr, name));
    expect((await testOne(root)).failure).toMatchObject({ code: 'damaged', stage: 'contents' });
    mkdirSync(path.join(root, 'old'));
    renameSync(backup(root, full), path.join(root, 'old', full));
    expect((await testOne(root, { backup: incr })).failure).not.toBeNull();
  });
});

describe('the chain of keys', () => {
  test('says which pass opens what, with no pass in it', async () => {
    const root = await buildRepository({ withIncremental: true });
    const { keys } = await testOne(root);
    expect(keys.map(({ source, opens }) => [source, opens])).toEqual([
      ['repo1-cipher-pass in pgbackrest.conf', 'archive.info and backup.info'],
      ['archive.info, [cipher]', 'the WAL archive'],
      ['backup.info, [cipher]', 'the manifests'],
      [`${incr}/backup.manifest, [cipher]`, `the files of the set ${full}`],
    ]);
    expect(JSON.stringify(keys)).not.toContain(repositoryPass);
  });
});
