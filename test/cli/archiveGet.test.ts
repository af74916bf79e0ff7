import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith, program, restorable, temporaryFolder } from './program.ts';

const archive = resolve('examples/archives/pgbackrest/repo');
const conf = resolve('examples/archives/pgbackrest/pgbackrest.conf');
const segments = readdirSync(join(archive, 'archive/demo'), { recursive: true, encoding: 'utf8' })
  .map((it) => /([0-9A-F]{24})-[0-9a-f]{40}/.exec(it)?.[1])
  .filter((it) => it !== undefined)
  .sort();
const [segment = ''] = segments;

const get = (options: string[], cwd = temporaryFolder()) => restorable(['archive-get', ...options], { cwd });
const given = ['--archive', archive, '--config', conf];

describe('as restore_command', () => {
  test('it writes the segment and says nothing', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'pg_wal'));
    const ended = await get([segment, 'pg_wal/RECOVERYXLOG', ...given], cwd);
    expect(ended).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    expect(readFileSync(join(cwd, 'pg_wal/RECOVERYXLOG'))).toHaveLength(2 ** 20);
    expect(readdirSync(join(cwd, 'pg_wal'))).toEqual(['RECOVERYXLOG']);
  });

  test('the options may stand before the names as well', async () => {
    const cwd = temporaryFolder();
    expect((await get([...given, segment, 'it'], cwd)).code).toBe(0);
    expect(existsSync(join(cwd, 'it'))).toBe(true);
  });

  test('1 is for what the archive does not have, and for nothing else', async () => {
    const ended = await get(['0000000100000000000000FF', 'it', ...given]);
    expect(ended).toEqual({ code: 1, signal: null, stdout: '', stderr: '' });
    expect((await get(['00000009.history', 'it', ...given])).code).toBe(1);
  });
});

describe('every error is a status that stops PostgreSQL', () => {
  const wrong = () => join(folderWith({ key: 'a pass that fits elsewhere' }), 'key');

  test.each([
    [202, 'no names', () => given],
    [202, 'no target', () => [segment, ...given]],
    [202, 'one name too many', () => [segment, 'it', 'and', ...given]],
    [202, 'no archive', () => [segment, 'it', '--config', conf]],
    [202, 'an unknown option', () => [segment, 'it', '--archve', archive]],
    [202, 'a name that is none', () => ['../../archive.info', 'it', ...given]],
    [202, 'a folder that is no archive', () => [segment, 'it', '--archive', temporaryFolder(), '--config', conf]],
    [202, 'a configuration that is not there', () => [segment, 'it', '--archive', archive, '--config', '/no/such']],
    [202, 'an unknown stanza', () => [segment, 'it', ...given, '--stanza', 'nobody']],
    [212, 'no key', () => [segment, 'it', '--archive', archive]],
    [212, 'a wrong key', () => [segment, 'it', '--archive', archive, '--key-file', wrong()]],
    [218, 'a key file that is not there', () => [segment, 'it', '--archive', archive, '--key-file', '/no/such']],
    [218, 'a target that cannot be written', () => [segment, 'no/such/folder/it', ...given]],
  ] as [number, string, () => string[]][])('%i: %s', async (code, _, options) => {
    const cwd = temporaryFolder();
    const ended = await get(options(), cwd);
    expect(ended.code).toBe(code);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).not.toBe('');
    expect(ended.stderr).not.toContain('a pass that fits elsewhere');
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('213: damaged', async () => {
    const copy = temporaryFolder();
    for (const name of readdirSync(archive, { recursive: true, encoding: 'utf8' })) {
      if (!name.startsWith('archive/')) continue;
      const from = join(archive, name);
      try {
        const bytes = readFileSync(from);
        if (name.includes(`${segment}-`)) bytes[bytes.length >> 1]! ^= 1;
        mkdirSync(join(copy, name, '..'), { recursive: true });
        writeFileSync(join(copy, name), bytes);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
      }
    }
    const cwd = temporaryFolder();
    const ended = await get([segment, 'it', '--archive', copy, '--config', conf], cwd);
    expect(ended.code).toBe(213);
    expect(readdirSync(cwd)).toEqual([]);
  });
});

describe('test-restore', () => {
  const run = async (...options: string[]) => {
    const ended = await restorable(['test-restore', archive, '--config', conf, '--json', ...options]);
    return { ...ended, report: ended.stdout === '' ? undefined : JSON.parse(ended.stdout) };
  };

  test('--wal latest follows the archive, and the report tells how far', async () => {
    const { code, report } = await run('--wal', 'latest');
    expect(code).toBe(0);
    expect(report.backup.wal).toMatchObject({ timeline: 1, switches: [], gaps: [] });
    expect(report.started).toBeNull();
    const stop = await run();
    expect(stop.report.backup.wal).not.toHaveProperty('newest');
  });

  test('--start without the right PostgreSQL is 16, and says which one is needed', async () => {
    const folder = folderWith({ postgres: '#!/bin/sh\necho "postgres (PostgreSQL) 99.1"\n' });
    chmodSync(join(folder, 'postgres'), 0o755);
    const { code, report } = await run('--start', '--pg-bin', folder);
    expect(report.failure).toMatchObject({ code: 'unsupported', stage: 'start' });
    expect(report.failure.message).toMatch(/^PostgreSQL \d+ is needed/);
    expect(code).toBe(16);
  });

  test.each([
    ['--work-dir', 'x'],
    ['--pg-bin', 'x'],
  ])('%s is of use with --start only', async (...options) => {
    const ended = await restorable(['test-restore', archive, '--config', conf, ...options]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('--start');
  });
});

test('a program that cannot even load does not look like the end of the archive', async () => {
  const folder = temporaryFolder();
  copyFileSync(await program(), join(folder, 'cli.js'));
  const { status, stderr } = spawnSync(process.execPath, [
    join(folder, 'cli.js'),
    'archive-get',
    segment,
    'it',
    ...given,
  ]);
  expect(status).toBe(202);
  expect(String(stderr)).toContain('an error of the program itself');
});
