/**
 * A test-restore of a WAL-G bucket beside `wal-g backup-fetch`: both write a whole data directory, turn by turn, so that
 * what else the machine does slows both alike; the median of the rounds counts.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { missingWalg, WalgCluster } from '../../test/interop/walgCluster.ts';
import { median, timed } from './measured.ts';

export interface WalgMeasure {
  /** `libsodium, lz4`. */
  kind: string;
  /** Seconds. */
  ours: number;
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
    const row = 'i, md5(i::text) || md5((i + 1)::text) v, now() t from generate_series(1, $rows) i';
    cluster.sql('shop', `create table large as select ${row.replace('$rows', String(Math.round(bytes / 130)))}`);
    cluster.sql('shop', 'checkpoint');
    const dist = path.join(cluster.folder, 'dist');
    cpSync('dist', dist, { recursive: true, filter: (it) => !it.endsWith('.map') });
    const keyFile = path.join(cluster.folder, 'key');
    writeFileSync(keyFile, key);
    for (const [kind, settings] of KINDS) {
      const bucket = cluster.bucket(kind.replace(/\W+/g, '-'), { ...settings, WALG_TAR_SIZE_THRESHOLD: '134217728' });
      bucket.push('-f');
      bucket.flush();
      const target = path.join(cluster.folder, 'target');
      const options = settings.WALG_LIBSODIUM_KEY ? ['--key-file', keyFile, '--key-transform', 'hex'] : [];
      const ours: number[] = [];
      const theirs: number[] = [];
      let memory = 0;
      for (let round = 0; round < rounds; round++) {
        mkdirSync(target, { mode: 0o777 });
        spawnSync('chmod', ['777', target]);
        const started = performance.now();
        bucket.fetch('LATEST', target);
        theirs.push((performance.now() - started) / 1000);
        forget(target);
        const program = [path.join(dist, 'cli.js'), 'test-restore', bucket.path, ...options, '--to', target];
        const own = await timed(process.execPath, program);
        ours.push(own.seconds);
        memory = Math.max(memory, own.memory);
        forget(target);
      }
      measures.push({ kind, ours: median(ours), theirs: median(theirs), memory });
      rmSync(bucket.path, { recursive: true, force: true });
    }
    return measures;
  } finally {
    cluster.remove();
  }
}

function forget(target: string): void {
  rmSync(target, { recursive: true, force: true });
  spawnSync('sync');
}
