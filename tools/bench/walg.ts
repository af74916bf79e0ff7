/**
 * A test-restore of a WAL-G bucket beside `wal-g backup-fetch`: both write a whole data directory, turn by turn, so that
 * what else the machine does slows both alike; the median of the rounds counts.
 *
 * WAL-G makes the target itself: in a folder of somebody else it may not set the mode of, the first tar fails, and it is
 * tried again after one minute, two, four and five, which looks like a program that waits for itself. It gets a limit all
 * the same; a round in which it does not come to its end is left out.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Bucket, missingWalg, WalgCluster } from '../../test/interop/walgCluster.ts';
import { median, timed } from './measured.ts';

export interface WalgMeasure {
  /** `libsodium, lz4`. */
  kind: string;
  /** Seconds; `verify` is a test-restore that writes nothing. */
  ours: number;
  verify: number;
  /** NaN when it never came to its end. */
  theirs: number;
  /** Most memory of our process, in bytes. */
  memory: number;
}

const key = '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4';
const KINDS: [kind: string, settings: Record<string, string>][] = [
  ['libsodium, lz4', { WALG_LIBSODIUM_KEY: key, WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' }],
  [
    'libsodium, brotli',
    { WALG_LIBSODIUM_KEY: key, WALG_LIBSODIUM_KEY_TRANSFORM: 'hex', WALG_COMPRESSION_METHOD: 'brotli' },
  ],
  ['zstd, not encrypted', { WALG_COMPRESSION_METHOD: 'zstd' }],
];

/** As large tables are, in files of their own, so that there are several tars. */
const tables = 6;
/** More than ten times what it takes. */
const fetchSeconds = 60;

/** What keeps this from being measured here; undefined when nothing does. */
export function missingForWalg(): string | undefined {
  return missingWalg ?? (existsSync('dist/cli.js') ? undefined : 'dist/ (npm run build)');
}

export async function measureWalg(bytes: number, rounds: number): Promise<WalgMeasure[]> {
  const cluster = new WalgCluster();
  const measures: WalgMeasure[] = [];
  try {
    cluster.start({ tablespace: false });
    // About 130 bytes a row.
    const rows = Math.round(bytes / 130 / tables);
    const row = `i, md5(i::text) || md5((i + 1)::text) v, now() t from generate_series(1, ${rows}) i`;
    for (let it = 0; it < tables; it++) cluster.sql('shop', `create table large${it} as select ${row}`);
    cluster.sql('shop', 'checkpoint');
    // Who else builds meanwhile must not change what is measured; the add-ons stay where they are.
    const dist = path.join(cluster.folder, 'dist');
    cpSync('dist', dist, { recursive: true, filter: (it) => !it.endsWith('.map') });
    symlinkSync(path.resolve('node_modules'), path.join(cluster.folder, 'node_modules'));
    const keyFile = path.join(cluster.folder, 'key');
    writeFileSync(keyFile, key);
    for (const [kind, settings] of KINDS) {
      const bucket = cluster.bucket(kind.replace(/\W+/g, '-'), { ...settings, WALG_TAR_SIZE_THRESHOLD: '134217728' });
      bucket.push('-f');
      bucket.flush();
      const target = path.join(cluster.folder, 'target');
      const options = settings.WALG_LIBSODIUM_KEY ? ['--key-file', keyFile, '--key-transform', 'hex'] : [];
      const ours: number[] = [];
      const verify: number[] = [];
      const theirs: number[] = [];
      let memory = 0;
      for (let round = 0; round < rounds; round++) {
        const started = performance.now();
        if (fetched(bucket, target)) theirs.push((performance.now() - started) / 1000);
        forget(target);
        const program = [path.join(dist, 'cli.js'), 'test-restore', bucket.path, ...options];
        const own = await timed(process.execPath, [...program, '--to', target]);
        forget(target);
        const read = await timed(process.execPath, program);
        ours.push(own.seconds);
        verify.push(read.seconds);
        memory = Math.max(memory, own.memory, read.memory);
      }
      measures.push({ kind, ours: median(ours), verify: median(verify), theirs: median(theirs), memory });
      rmSync(bucket.path, { recursive: true, force: true });
    }
    return measures;
  } finally {
    cluster.remove();
  }
}

/** Whether it came to its end in time. */
function fetched(bucket: Bucket, target: string): boolean {
  try {
    bucket.fetch('LATEST', target, [], fetchSeconds);
    return true;
  } catch (error) {
    process.stderr.write(`${(error as Error).message.split('\n')[0]}\n`);
    return false;
  }
}

function forget(target: string): void {
  rmSync(target, { recursive: true, force: true });
  spawnSync('sync');
}
