import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { restorable, temporaryFolder } from './program.ts';

const bucket = resolve('test/engine/walgArchives/stackgres');
const archive = join(bucket, 'sgbackups.stackgres.io/shop/orders/2026-01-31-10-00-00/15');
const label = readdirSync(join(archive, 'basebackups_005')).find((it) => /^base_[0-9A-F]{24}$/.test(it)) ?? '';
const hexKey = '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4';

const storage = (encryption: string) => `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: backups, namespace: shop}
spec:
  type: gcs
  gcs: {bucket: orders}
${encryption}`;
const sodium = `  encryption:
    method: sodium
    sodium:
      key: {name: backup-key, key: key}
      keyTransform: hex
`;
const cluster = `---
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: orders, namespace: shop}
spec:
  configurations:
    backups: [{sgObjectStorage: backups}]
`;
const backup = (encryption: string) => `---
apiVersion: stackgres.io/v1
kind: SGBackup
metadata: {name: nightly, namespace: shop}
spec: {sgCluster: orders}
status:
  internalName: ${label}
  backupPath: sgbackups.stackgres.io/shop/orders/2026-01-31-10-00-00/15
  sgBackupConfig:
    storage:
      type: gcs
${encryption}`;
const secret = (key: string) => `---
apiVersion: v1
kind: Secret
metadata: {name: backup-key, namespace: shop}
data: {key: ${Buffer.from(key).toString('base64')}}
`;

function manifests(...texts: string[]): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'all.yaml'), texts.join(''));
  return folder;
}

async function reportOf(args: string[]) {
  const { code, stdout, stderr } = await restorable(['test-restore', ...args, '--json']);
  if (stdout === '') throw new Error(stderr);
  return { code, report: JSON.parse(stdout) };
}

const proven = { decrypted: true, authentic: true, complete: true, restorable: true };

describe('a StackGres bucket, made by the real WAL-G', () => {
  test('restores from its manifests alone', async () => {
    const to = join(temporaryFolder(), 'restored');
    const config = manifests(storage(sodium), secret(hexKey), cluster);
    const { code, report } = await reportOf([bucket, '--config', config, '--to', to]);
    expect(code).toBe(0);
    expect(report.verdict).toEqual(proven);
    expect(report.backup).toMatchObject({ label, namespace: 'shop', cluster: 'orders', isPermanent: true });
    expect(report.keys).toMatchObject([{ source: 'Secret shop/backup-key, entry key', opens: 'sodium' }]);
    expect(readFileSync(join(to, 'PG_VERSION'), 'utf8')).toBe('15\n');
    expect(existsSync(join(to, 'global/pg_control'))).toBe(true);
  });

  test('says how PostgreSQL is started from what was restored', async () => {
    const folder = join(temporaryFolder(), "the people's copy");
    cpSync(archive, folder, { recursive: true });
    const key = join(folder, 'key 100%');
    writeFileSync(key, hexKey);
    const to = join(temporaryFolder(), 'restored');
    const options = ['--key-transform', 'hex', '--to'];
    const { stdout } = await restorable(['test-restore', folder, '--key-file', key, ...options, to]);
    // For PostgreSQL, and inside that for the shell that it runs.
    const quoted = (it: string) => `'${it.replace("'", "'\\''").replace('%', '%%')}'`.replaceAll("'", "''");
    const keys = `--key-file ${quoted(key)} --key-transform hex`;
    expect(stdout).toContain(
      `\nrestore_command = 'restorable archive-get %f "%p" --archive ${quoted(folder)} ${keys}'\n`,
    );
    const typed = await restorable(['test-restore', folder, '--key-file', '-', ...options, `${to}2`], {
      stdin: hexKey,
    });
    expect(typed.code).toBe(0);
    expect(typed.stdout).not.toContain('restore_command =');
  });

  test('is inspected with the names that the manifests give, and misses their Secrets', async () => {
    const ofBackup = sodium.replace(/^ {2}/gm, '      ');
    const config = manifests(storage(sodium), cluster, backup(ofBackup));
    const { stdout, code } = await restorable(['inspect', bucket, '--config', config]);
    expect(code).toBe(0);
    const said = stdout.replace(/\s+/g, ' ');
    expect(said).toContain(`${label}; SGBackup shop/nightly;`);
    expect(said).toContain(
      'SGBackup shop/nightly (all.yaml: status.sgBackupConfig.storage.encryption.sodium.key) names the entry key of Secret shop/backup-key, which is in none of the files',
    );
  });

  test('restores by the name of the SGBackup, whose own copy of the storage names the key', async () => {
    const ofBackup = sodium.replace(/^ {2}/gm, '      ');
    const config = manifests(backup(ofBackup), secret(hexKey));
    const { report } = await reportOf([bucket, '--config', config, '--backup', 'nightly']);
    expect(report.verdict).toEqual(proven);
    expect(report.backup.title).toBe('SGBackup shop/nightly');
  });

  test('is not encrypted in a way that a storage without encryption would know', async () => {
    const { code, report } = await reportOf([bucket, '--config', manifests(storage(''), cluster)]);
    expect(code).toBe(12);
    expect(report.failure.code).toBe('wrong-key');
  });

  test('with the wrong transform says which one is right', async () => {
    const config = manifests(storage(sodium.replace('hex', 'none')), secret(hexKey), cluster);
    const { code, report } = await reportOf([bucket, '--config', config]);
    expect(code).toBe(12);
    expect(report.failure.hint).toContain('Set the key transform to hex');
  });

  test.each<[string, (folder: string) => string]>([
    [
      'an environment file',
      (folder) => {
        writeFileSync(
          join(folder, 'wal-g.env'),
          `# secret\nexport WALG_LIBSODIUM_KEY="${hexKey}"\nWALG_LIBSODIUM_KEY_TRANSFORM=hex\n`,
        );
        return join(folder, 'wal-g.env');
      },
    ],
    [
      '.walg.json',
      (folder) => {
        writeFileSync(
          join(folder, '.walg.json'),
          JSON.stringify({ WALG_LIBSODIUM_KEY: hexKey, WALG_LIBSODIUM_KEY_TRANSFORM: 'hex' }),
        );
        return folder;
      },
    ],
    [
      'YAML that names a key file',
      (folder) => {
        writeFileSync(join(folder, 'key'), `${hexKey}\n`);
        writeFileSync(join(folder, 'walg.yaml'), 'WALG_LIBSODIUM_KEY_PATH: key\nWALG_LIBSODIUM_KEY_TRANSFORM: hex\n');
        return join(folder, 'walg.yaml');
      },
    ],
    [
      'an envdir',
      (folder) => {
        writeFileSync(join(folder, 'WALG_LIBSODIUM_KEY'), `${hexKey}\n`);
        writeFileSync(join(folder, 'WALG_LIBSODIUM_KEY_TRANSFORM'), 'hex\n');
        return folder;
      },
    ],
  ])('restores with the key from %s', async (_, write) => {
    const { report } = await reportOf([archive, '--config', write(temporaryFolder())]);
    expect(report.verdict).toEqual(proven);
  });

  test('serves its WAL, and never calls a wrong key the end of the archive', async () => {
    const folder = temporaryFolder();
    const [name = ''] = readdirSync(join(archive, 'wal_005'))
      .map((it) => it.replace('.br', ''))
      .filter((it) => it.length === 24);
    const get = (file: string, key: string) => {
      writeFileSync(join(folder, 'key'), key);
      const options = ['--key-file', join(folder, 'key'), '--key-transform', 'hex'];
      return restorable(['archive-get', file, join(folder, 'RECOVERYXLOG'), '--archive', archive, ...options]);
    };
    expect((await get(name, hexKey)).code).toBe(0);
    expect(readFileSync(join(folder, 'RECOVERYXLOG'))).toHaveLength(1024 * 1024);
    expect((await get('0000000100000000000000FF', hexKey)).code).toBe(1);
    expect((await get(name, hexKey.replace('6', '7'))).code).toBe(212);
  });

  test('is told apart from a second cluster in the same bucket', async () => {
    const two = join(temporaryFolder(), 'bucket');
    cpSync(bucket, two, { recursive: true });
    const other = join(two, 'sgbackups.stackgres.io/shop/crm/2026-02-01-10-00-00/15');
    mkdirSync(other, { recursive: true });
    cpSync(archive, other, { recursive: true });
    const config = manifests(storage(sodium), secret(hexKey));
    const { code, stderr } = await restorable(['test-restore', two, '--config', config]);
    expect(code).toBe(2);
    expect(stderr.replace(/\s+/g, ' ')).toContain('--cluster and one of shop/crm, shop/orders;');
    const chosen = await reportOf([two, '--config', config, '--cluster', 'shop/crm']);
    expect(chosen.report.backup.cluster).toBe('crm');
    const configured = await reportOf([two, '--config', manifests(storage(sodium), secret(hexKey), cluster)]);
    expect(configured.report.backup.cluster).toBe('orders');
  });
});
