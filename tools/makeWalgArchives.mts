/**
 * Makes the archives of test/engine/walgArchives with the real WAL-G, from a real PostgreSQL; README.md there says what
 * they are. `npx tsx tools/makeWalgArchives.mts`
 */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Bucket, missingWalg, WalgCluster } from '../test/interop/walgCluster.ts';

if (missingWalg) throw new Error(missingWalg);
const out = path.resolve(import.meta.dirname, '../test/engine/walgArchives');
const cluster = new WalgCluster();
const keep = (from: string, name: string) => {
  const to = path.join(out, name);
  rmSync(to, { recursive: true, force: true });
  mkdirSync(path.dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
};
/** What WAL-G itself restores: the digest of every file. Tablespaces as we put them, without the map that leads elsewhere. */
const record = (bucket: Bucket, name: string) => {
  const folder = path.join(cluster.folder, `fetched-${name}`);
  bucket.fetch('LATEST', folder);
  const lines = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile() && it.name !== 'tablespace_map')
    .map((it) => path.join(it.parentPath, it.name))
    .map((it) => [path.relative(folder, it).replace(/^pg_tblspc/, 'tablespaces'), digestOf(it)] as const)
    .map(([file, digest]) => `${digest}  ${file}\n`)
    .sort();
  writeFileSync(path.join(out, `${name}.sha256`), lines.join(''));
};
const digestOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

try {
  cluster.start();
  // As StackGres does it: full backups, one key for all, hexadecimal, zstd.
  const prefix = 'sgbackups.stackgres.io/shop/orders/2026-01-31-10-00-00/15';
  const stackgres = cluster.bucket(`stackgres/${prefix}`, {
    WALG_LIBSODIUM_KEY: '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    WALG_LIBSODIUM_KEY_TRANSFORM: 'hex',
    WALG_COMPRESSION_METHOD: 'brotli',
  });
  stackgres.push('-f', '-p');
  cluster.sql('shop', 'insert into facts select i from generate_series(1, 100) i');
  stackgres.flush();
  keep(path.join(cluster.folder, 'buckets/stackgres'), 'stackgres');
  record(stackgres, 'stackgres');

  // A full backup and two deltas on each other, in several tars.
  const deltas = cluster.bucket('deltas', {
    WALG_LIBSODIUM_KEY: 'a key of more than twenty-five bytes',
    WALG_COMPRESSION_METHOD: 'lzma',
    WALG_TAR_SIZE_THRESHOLD: '2000000',
  });
  deltas.push('-f');
  for (const step of [1, 2]) {
    cluster.sql('shop', `update facts set v = 'changed ${step}' where i % 97 = ${step}`);
    cluster.sql('shop', `insert into items select i, 'new ${step}' from generate_series(1, 300) i`);
    cluster.sql('shop', 'checkpoint');
    deltas.push();
  }
  cluster.sql('shop', 'drop table facts');
  deltas.flush();
  keep(deltas.path, 'deltas');
  record(deltas, 'deltas');
} finally {
  cluster.remove();
}
console.log(readdirSync(out).join('\n'));
