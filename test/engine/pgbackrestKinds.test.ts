import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { KeyOffer } from '../../engine/src/job.ts';
import { objectsOf, passOffer, temporaryFolder, testOne, testRestore } from './pgbackrestRepository.ts';

/** Repositories of every kind that pgBackRest 2.59 writes, and what its own restore made of them: see make.sh there. */
const folder = path.resolve(import.meta.dirname, '../archives/pgbackrest');
const kinds = readdirSync(folder)
  .filter((it) => it.endsWith('.tar.gz'))
  .map((it) => it.slice(0, -'.tar.gz'.length));

interface Unpacked {
  repo: string;
  keys: KeyOffer[];
  /** Of every backup, oldest first: its label, and each restored file by its name as latin1. */
  trees: [label: string, entries: Map<string, string>][];
}

function unpack(kind: string): Unpacked {
  const into = temporaryFolder();
  const { status, stderr } = spawnSync('tar', ['-xzf', path.join(folder, `${kind}.tar.gz`), '-C', into]);
  expect(status, String(stderr)).toBe(0);
  const pass = /^repo1-cipher-pass=(.*)$/m.exec(readFileSync(path.join(into, 'pgbackrest.conf'), 'utf8'))?.[1];
  const trees = readdirSync(into)
    .filter((it) => it.endsWith('.tree'))
    .sort()
    .map((it): Unpacked['trees'][0] => {
      const lines = readFileSync(path.join(into, it), 'utf8').trim().split('\n');
      const entries = lines.map((line): [string, string] => {
        const [name = '', ...rest] = line.split(' ').reverse();
        return [Buffer.from(name, 'hex').toString('latin1'), rest.reverse().join(' ')];
      });
      return [it.slice(0, -'.tree'.length), new Map(entries)];
    });
  return { repo: path.join(into, 'repo'), keys: pass === undefined ? [] : [passOffer(pass)], trees };
}

/** As make.sh lists a restore: a tablespace's link stands for its folder, and other links are not followed. */
function treeOf(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (name: string) => {
    const place = Buffer.from(`${root}/${name}`, 'latin1');
    const link = lstatSync(place);
    const isTablespace = /^pg_tblspc\/\d+$/.test(name);
    const stat = isTablespace ? statSync(place) : link;
    if (name !== '') found.set(name, describeEntry(name, place));
    if (!stat.isDirectory()) return;
    for (const it of readdirSync(place, { encoding: 'buffer' })) {
      const inner = it.toString('latin1');
      if (name !== '' || inner !== 'tablespaces') visit(name === '' ? inner : `${name}/${inner}`);
    }
  };
  visit('');
  return found;
}

function describeEntry(name: string, place: Buffer): string {
  const stat = lstatSync(place);
  if (stat.isSymbolicLink()) return 'l - - -';
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isDirectory()) return `d ${mode} - -`;
  const contents = readFileSync(place);
  const isSettings = name === 'postgresql.auto.conf';
  // The time of the restore stands in what it removes.
  const bytes = isSettings
    ? Buffer.from(contents.toString('latin1').replace(/ on [-0-9]+ [:0-9]+ # /g, ' # '), 'latin1')
    : contents;
  const digest = createHash('sha256').update(bytes).digest('hex');
  return `f ${mode} ${isSettings ? '-' : stat.mtimeMs / 1000} ${digest}`;
}

/** All objects of a repository as latin1: a name may be no UTF-8. */
function namesBelow(root: string): string[] {
  const names: string[] = [];
  const visit = (inside: string) => {
    for (const it of readdirSync(Buffer.from(`${root}/${inside}`, 'latin1'), { encoding: 'buffer' })) {
      const name = `${inside}${it.toString('latin1')}`;
      const stat = lstatSync(Buffer.from(`${root}/${name}`, 'latin1'));
      if (stat.isDirectory()) visit(`${name}/`);
      else if (stat.isFile()) names.push(name);
    }
  };
  visit('');
  return names.sort();
}

test('there is a repository of every kind', () => {
  expect(kinds.length).toBeGreaterThanOrEqual(12);
});

describe.each(kinds)('%s, made by pgBackRest 2.59', (kind) => {
  test('restores, every backup of the chain, as pgbackrest restores it: contents, modes, times, folders', async () => {
    const { repo, keys, trees } = unpack(kind);
    expect(trees.length).toBe(4);
    for (const [label, expected] of trees) {
      const to = path.join(temporaryFolder(), 'pg');
      const report = await testOne(repo, { keys, backup: label, to });
      expect(report.failure).toBeNull();
      expect(report.verdict).toEqual({ decrypted: true, authentic: null, complete: true, restorable: true });
      expect(report.backup).toMatchObject({ isBlockIncremental: kind.includes('block'), pgbackrest: '2.59.1' });
      expect(Object.fromEntries(treeOf(to))).toEqual(Object.fromEntries(expected));
    }
  });
});

/** Enough to meet every form of object; all kinds would only take longer. */
const changed = ['aes-block-zst', 'block-none', 'aes-lz4'].filter((it) => kinds.includes(it));

describe.each(changed)('a changed byte or a cut in %s', (kind) => {
  test('is reported with its place, whichever object it is in', { timeout: 600_000 }, async () => {
    const { repo, keys } = unpack(kind);
    const objects = namesBelow(repo);
    expect(objects.filter((it) => /(?:archive|backup)\.info(?:\.copy)?$/.test(it))).toHaveLength(4);
    expect(objects.filter((it) => it.includes('backup.history/')).length).toBe(4);
    let state = 1;
    const random = (below: number) => {
      state = (state * 48271) % 0x7fffffff;
      return state % below;
    };
    const unnoticed: string[] = [];
    for (const object of objects) {
      const place = Buffer.from(`${repo}/${object}`, 'latin1');
      const before = readFileSync(place);
      const name = Buffer.from(object, 'latin1').toString();
      const try_ = async (what: string, bytes: Uint8Array) => {
        writeFileSync(place, bytes);
        const reports = await testRestore(repo, { keys, backup: 'all' });
        const isReported = reports.some(
          (it) => it.failure !== null || it.files.failed.length > 0 || it.notes.some((note) => note.includes(name)),
        );
        if (!isReported) unnoticed.push(`${name}: ${what}`);
      };
      for (const offset of new Set([random(before.length), before.length - 1])) {
        const bytes = Buffer.from(before);
        bytes[offset] = (bytes[offset] ?? 0) ^ (1 << random(8));
        await try_(`a bit at ${offset} of ${before.length}`, bytes);
      }
      const length = random(before.length);
      await try_(`cut to ${length} of ${before.length}`, before.subarray(0, length));
      writeFileSync(place, before);
    }
    expect(unnoticed).toEqual([]);
  });
});

test('a repository with a folder where an object belongs is reported, not crashed on', async () => {
  const { repo, keys } = unpack('aes-block-zst');
  for (const object of objectsOf(repo).filter((it) => /bundle|\.info$/.test(it))) {
    const place = path.join(repo, object);
    const before = readFileSync(place);
    rmSync(place);
    mkdirSync(place);
    const reports = await testRestore(repo, { keys, backup: 'all' });
    const isReported = reports.some((it) => it.failure !== null || it.notes.some((note) => note.includes(object)));
    expect(isReported, object).toBe(true);
    rmSync(place, { recursive: true });
    writeFileSync(place, before);
  }
});
