import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { readBackupInfo } from '../../engine/src/archives/pgbackrest/backupInfo.ts';
import { FileCheck, type FileResults } from '../../engine/src/archives/pgbackrest/fileCheck.ts';
import { openThreads } from '../../engine/src/archives/pgbackrest/fileCrew.ts';
import { loadInfo } from '../../engine/src/archives/pgbackrest/infoSource.ts';
import { loadManifest, manifestFiles } from '../../engine/src/archives/pgbackrest/manifest.ts';
import { RepositoryFiles } from '../../engine/src/archives/pgbackrest/repositoryFiles.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { Secret } from '../../engine/src/secret.ts';
import { DirectorySink } from '../../engine/src/sinks/directory.ts';
import { buildRepository, full, objectsOf, repositoryPass, temporaryFolder } from './pgbackrestRepository.ts';
import { expectFailure } from './pieces.ts';

let program: string;
let folder: string;

beforeAll(async () => {
  folder = path.resolve(import.meta.dirname, '../../node_modules/.cache/restorable-test');
  program = path.join(folder, 'restoreLane.cjs');
  const entry = path.resolve(import.meta.dirname, '../../engine/src/archives/pgbackrest/fileLane.ts');
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'silent',
  });
});

describe('several threads', () => {
  test('find what one thread finds, and write the same files', async () => {
    const root = await buildRepository();
    const { files, manifest, pass } = await openBackup(root);
    const target = path.join(temporaryFolder(), 'pg');
    const sink = await DirectorySink.create(target);
    const progress: number[] = [];
    const crew = openThreads(listening(files, progress), manifest, sink, { program, threads: 3 });
    for await (const batch of manifestFiles(files, manifest, pass))
      for (const entry of batch) await crew.check([entry]);
    const found = await crew.end();
    await crew.close();
    expect(sorted(found)).toEqual(sorted(await onOneThread(root)));
    expect(found.verified).toBe(7);
    await sink.publish();
    expect(objectsOf(target)).toEqual(['PG_VERSION', 'backup_label', 'base/1/1255', 'base/1/a=b', 'base/1/empty']);
    expect(progress.reduce((sum, it) => sum + it, 0)).toBe(manifest.files.storedBytes);
  });

  test('report every damaged file once', async () => {
    const root = await buildRepository();
    for (const name of ['base/1/1255.gz', 'base/1/a=b.gz', 'global/pg_control.gz']) {
      const object = path.join(root, 'backup/demo', full, 'pg_data', name);
      const bytes = readFileSync(object);
      bytes[20] = (bytes[20] ?? 0) ^ 1;
      writeFileSync(object, bytes);
    }
    const { files, manifest, pass } = await openBackup(root);
    const crew = openThreads(files, manifest, undefined, { program, threads: 2 });
    for await (const batch of manifestFiles(files, manifest, pass)) await crew.check(batch);
    const found = await crew.end();
    await crew.close();
    expect(found.failures.map((it) => it.path?.split('/').at(-1)).sort()).toEqual([
      '1255.gz',
      'a=b.gz',
      'pg_control.gz',
    ]);
    expect(found.verified).toBe(4);
    expect(sorted(found)).toEqual(sorted(await onOneThread(root)));
  });

  test('stop when asked, and a failure to write stops them all', async () => {
    const root = await buildRepository();
    const stop = new AbortController();
    const { files, manifest } = await openBackup(root, stop.signal);
    const crew = openThreads(files, manifest, undefined, { program, threads: 2 });
    stop.abort();
    await expectFailure('cancelled', crew.end());
    await crew.close();

    const again = await openBackup(root);
    const parent = temporaryFolder();
    const sink = await DirectorySink.create(path.join(parent, 'pg'));
    sink.file(Buffer.from('PG_VERSION'), { mode: 0o600 }).finish();
    const writing = openThreads(again.files, again.manifest, sink, { program, threads: 2 });
    const work = (async () => {
      for await (const batch of manifestFiles(again.files, again.manifest, again.pass)) await writing.check(batch);
      await writing.end();
    })();
    await expectFailure('hostile', work);
    await writing.close();
    await sink.discard();
    expect(readdirSync(parent)).toEqual([]);
  });
});

async function openBackup(root: string, signal?: AbortSignal) {
  const files = new RepositoryFiles(root, quietContext(signal));
  const ignore = () => undefined;
  const info = await loadInfo(files, 'backup/demo/backup.info', Secret.fromText(repositoryPass), ignore);
  const { pass } = readBackupInfo(info);
  return { files, pass, manifest: await loadManifest(files, { stanza: 'demo', label: full, pass }, ignore) };
}

async function onOneThread(root: string): Promise<FileResults> {
  const { files, manifest, pass } = await openBackup(root);
  const check = await FileCheck.open(files, manifest, undefined);
  for await (const batch of manifestFiles(files, manifest, pass)) await check.check(batch);
  files.close();
  return check.takeResults();
}

function listening(files: RepositoryFiles, progress: number[]): RepositoryFiles {
  const context = { ...quietContext(), progress: (_: string, bytes: number) => void progress.push(bytes) };
  return new RepositoryFiles(files.root, context);
}

/** Threads finish in any order. */
function sorted({ failures, kept, ...counts }: FileResults) {
  const byName = <T>(items: T[], name: (item: T) => string | undefined) =>
    [...items].sort((a, b) => ((name(a) ?? '') < (name(b) ?? '') ? -1 : 1));
  return {
    ...counts,
    failures: byName(failures, (it) => it.path),
    kept: byName(kept, (it) => it.entry.name).map(({ entry, contents }) => ({
      entry,
      contents: contents && Buffer.from(contents).toString('latin1'),
    })),
  };
}
