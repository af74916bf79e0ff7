import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { testRestoreRepository } from '../../engine/src/archives/pgbackrest/repository.ts';
import type { Progress, TestRestoreJob } from '../../engine/src/job.ts';
import { throttledContext } from '../../engine/src/throttledProgress.ts';
import { buildRepository, repositoryPass, type Sections, temporaryFolder } from './pgbackrestRepository.ts';
import { expectFailure } from './pieces.ts';

const job = (archive: string, more: Partial<TestRestoreJob> = {}): TestRestoreJob => ({
  kind: 'test-restore',
  archive,
  keys: [{ kind: 'pgbackrest-pass', source: 'a test', bytes: new TextEncoder().encode(repositoryPass) }],
  ...more,
});

describe('progress', () => {
  const cases: [title: string, more: Partial<TestRestoreJob>, isEncrypted: boolean][] = [
    ['one backup', {}, true],
    ['one that is not encrypted', {}, false],
    ['WAL to its newest segment', { wal: 'latest' }, true],
    ['one backup after the other, then the archive', { backup: 'all' }, true],
  ];
  test.each(cases)('%s: never goes backwards, never passes what was announced, ends with all of it', async (...it) => {
    const [, more, isEncrypted] = it;
    const root = await buildRepository({ withIncremental: true, isEncrypted });
    let read = 0;
    let total = 0;
    const parts: number[] = [];
    const reports = await testRestoreRepository(job(root, isEncrypted ? more : { ...more, keys: [] }), {
      signal: new AbortController().signal,
      progress: (_, bytes) => {
        read += bytes;
        if (total > 0) parts.push(read / total);
      },
      expectBytes: (number) => {
        total = number;
      },
    });
    expect(reports.at(0)?.verdict.restorable).toBe(true);
    expect(Math.max(...parts)).toBeLessThanOrEqual(1);
    expect(read / total).toBeGreaterThan(0.97);
    // An announcement that is corrected may not take back more than a person would see.
    for (const [index, part] of parts.entries()) expect(part).toBeGreaterThan((parts[index - 1] ?? 0) - 0.02);
  });

  test('what grows while it is read is told as done, not as more than all', () => {
    const told: Progress[] = [];
    const context = throttledContext(new AbortController().signal, (it) => told.push(it));
    context.expectBytes(100);
    context.progress('a', 90);
    context.progress('b', 90);
    context.flush();
    expect(told.at(-1)).toEqual({ step: 'b', bytes: 180, total: 180 });
  });
});

const largeBytes = 256 * 1024 * 1024;

describe('a test that is asked to stop', () => {
  const steps = [
    'archive.info',
    'backup.info',
    'backup.manifest',
    'pg_data/base/1/large',
    'pg_data/PG_VERSION',
    '15-1/',
  ];
  test.each(steps)('stops at %s, reads little more, and leaves nothing', async (place) => {
    const root = await buildRepository({ isEncrypted: false, compression: 'none', manifest: addLargeFile });
    const parent = temporaryFolder();
    const stop = new AbortController();
    let readAfter = 0;
    const work = testRestoreRepository(job(root, { to: path.join(parent, 'pg'), keys: [] }), {
      signal: stop.signal,
      progress: (step, bytes) => {
        if (stop.signal.aborted) readAfter += bytes;
        else if (step.includes(place)) stop.abort();
      },
      expectBytes: () => undefined,
    });
    await expectFailure('cancelled', work);
    expect(readAfter).toBeLessThan(largeBytes / 2);
    expect(readdirSync(parent)).toEqual([]);
  });
});

/** A file with a hole: as large as it says, but not on the disk. Its checksum is wrong unless it is read. */
function addLargeFile(sections: Sections, label: string, root: string): void {
  const object = path.join(root, 'backup/demo', label, 'pg_data/base/1/large');
  mkdirSync(path.dirname(object), { recursive: true });
  const descriptor = openSync(object, 'w');
  ftruncateSync(descriptor, largeBytes);
  closeSync(descriptor);
  const entries = sections['target:file'] ?? {};
  const checksum = createHash('sha1').update('not asked for').digest('hex');
  entries['pg_data/base/1/large'] = { checksum, size: largeBytes, timestamp: 1_767_268_800 };
}
