import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import { type ExplainedOption, explain } from '../../server/src/core/queries/explanation.ts';
import { workspaceOf } from '../support/check.ts';

/** `✔ repo1-path=/a | [global] of pgbackrest.conf:2`, and why where it does not count. */
function table(markup: string, title?: string): string[] {
  const { workspace } = workspaceOf(markup, { rules: [] });
  const found = explain(workspace).find((it) => title === undefined || it.title === title);
  return (found?.readers ?? []).flatMap(({ stanza, summaries, refusals, options }) => [
    ...(stanza === undefined ? [] : [`stanza ${stanza}`]),
    ...summaries,
    ...refusals.map((it) => `${it.code} ${it.message} (${it.commands.join()})`),
    ...options.filter((it) => it.at !== undefined).map(row),
  ]);

  function row({ name, value, state, commands, origin, at, reason }: ExplainedOption): string {
    const { uri, start } = inFile(at!);
    const line = workspace.text(uri)!.slice(0, start).split('\n').length;
    const of = commands ? ` [${commands.join()}]` : '';
    return `${state} ${name}=${value ?? '?'} | ${origin}:${line}${reason ? ` | ${reason}` : ''}${of}`;
  }
}

describe('a pgbackrest.conf with its conf.d', () => {
  test('says what counts, what is beaten and what is dropped, for each stanza', () => {
    expect(
      table(`#- /etc/pgbackrest/pgbackrest.conf
[global]
repo1-path=/backup
repo1-cipher-type=aes-256-cbc
process-max=4
repo2-path=/second
repo2-cipher-pass=abcdefghijklmnop
[global:restore]
process-max=2
[demo]
pg1-path=/pg
repo1-retention-full=4
[other]
pg1-path=/other
process-max=1
#- /etc/pgbackrest/conf.d/pass.conf
[global]
repo1-cipher-pass=abcdefghijklmnop
`),
    ).toEqual([
      'stanza demo',
      'repo1: posix, encrypted (aes-256-cbc, pass from pass.conf), retention 4 full',
      'repo2: posix, NOT ENCRYPTED: the pass is ignored because repo2-cipher-type is not set, no retention',
      'in-force pg1-path=/pg | [demo] of pgbackrest.conf:10',
      'in-force process-max=4 | [global] of pgbackrest.conf:4 [archive-get,archive-push,backup,verify]',
      'overridden process-max=4 | [global] of pgbackrest.conf:4 | [global:restore] of pgbackrest.conf has it too [restore]',
      'in-force process-max=2 | [global:restore] of pgbackrest.conf:8',
      'in-force repo1-cipher-pass=«secret» | [global] of pass.conf:2',
      'in-force repo1-cipher-type=aes-256-cbc | [global] of pgbackrest.conf:3',
      'in-force repo1-path=/backup | [global] of pgbackrest.conf:2',
      'in-force repo1-retention-full=4 | [demo] of pgbackrest.conf:11',
      'dropped repo2-cipher-pass=«secret» | [global] of pgbackrest.conf:6 | it needs repo2-cipher-type=aes-256-cbc',
      'in-force repo2-path=/second | [global] of pgbackrest.conf:5',
      'stanza other',
      'repo1: posix, encrypted (aes-256-cbc, pass from pass.conf), no retention',
      'repo2: posix, NOT ENCRYPTED: the pass is ignored because repo2-cipher-type is not set, no retention',
      'in-force pg1-path=/other | [other] of pgbackrest.conf:13',
      'overridden process-max=4 | [global] of pgbackrest.conf:4 | [other] of pgbackrest.conf has it too',
      'overridden process-max=2 | [global:restore] of pgbackrest.conf:8 | [other] of pgbackrest.conf has it too',
      'in-force process-max=1 | [other] of pgbackrest.conf:14',
      'in-force repo1-cipher-pass=«secret» | [global] of pass.conf:2',
      'in-force repo1-cipher-type=aes-256-cbc | [global] of pgbackrest.conf:3',
      'in-force repo1-path=/backup | [global] of pgbackrest.conf:2',
      'dropped repo2-cipher-pass=«secret» | [global] of pgbackrest.conf:6 | it needs repo2-cipher-type=aes-256-cbc',
      'in-force repo2-path=/second | [global] of pgbackrest.conf:5',
    ]);
  });

  test('names what stops which commands, and what nobody reads', () => {
    expect(
      table(`#- /pgbackrest.conf
[global]
repo1-path=/backup
repo1-retention-full=0
repo1-pth=/x
[demo]
pg1-path=/pg
[Global]
start-fast=y
`),
    ).toEqual([
      'stanza demo',
      'repo1: posix, NOT ENCRYPTED, retention 0 full',
      '32 repo1-retention-full must be between 1 and 9999999, not 0 (backup,expire)',
      'in-force pg1-path=/pg | [demo] of pgbackrest.conf:6',
      'in-force repo1-path=/backup | [global] of pgbackrest.conf:2',
      'dropped repo1-pth=/x | [global] of pgbackrest.conf:4 | pgBackRest has no such option; repo1-path was probably meant (pgBackRest warns)',
      'in-force repo1-retention-full=0 | [global] of pgbackrest.conf:3',
      'dropped start-fast=y | [Global] of pgbackrest.conf:8 | nobody reads [Global]: pgBackRest takes Global for the name of a stanza',
    ]);
  });
});

describe('a cluster of an operator', () => {
  const files = (extra = '') => `#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod, namespace: db}
spec:
  backups:
    pgbackrest:
      configuration:
        - secret: {name: prod-backup}
      global:
        repo1-retention-full: "4"
        repo1-cipher-type: aes-256-cbc
${extra}
      repos:
        - name: repo1
          s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
`;
  const secret = `#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: prod-backup, namespace: db}
stringData:
  s3.conf: |
    [global]
    repo1-cipher-pass=abcdefghijklmnop
    repo1-s3-bucket=other
    [db]
    repo1-path=/elsewhere
`;

  test('merges global, Secrets and what the operator writes', () => {
    expect(table(files() + secret)).toEqual([
      'stanza db',
      'repo1: s3, encrypted (aes-256-cbc, pass from Secret db/prod-backup), retention 4 full',
      '31 repo1-s3-bucket is set 2 times (archive-get,archive-push,backup,check,expire,info,restore,stanza-create,verify)',
      '37 repo1-s3-key is missing (archive-get,archive-push,backup,check,expire,info,restore,stanza-create,verify)',
      '37 repo1-s3-key-secret is missing (archive-get,archive-push,backup,check,expire,info,restore,stanza-create,verify)',
      'in-force repo1-cipher-pass=«secret» | [global] of s3.conf in Secret db/prod-backup:7',
      'in-force repo1-cipher-type=aes-256-cbc | global of PerconaPGCluster db/prod:11',
      'overridden repo1-path=/pgbackrest/repo1 | the operator, from repos of PerconaPGCluster db/prod:15 | [db] of s3.conf in Secret db/prod-backup has it too',
      'in-force repo1-path=/elsewhere | [db] of s3.conf in Secret db/prod-backup:10',
      'in-force repo1-retention-full=4 | global of PerconaPGCluster db/prod:10',
      'in-force repo1-s3-bucket=backups | the operator, from repos of PerconaPGCluster db/prod:15',
      'in-force repo1-s3-bucket=other | [global] of s3.conf in Secret db/prod-backup:8',
      'in-force repo1-s3-endpoint=s3.amazonaws.com | the operator, from repos of PerconaPGCluster db/prod:15',
      'in-force repo1-s3-region=eu-west-1 | the operator, from repos of PerconaPGCluster db/prod:15',
      'in-force repo1-type=s3 | the operator, from repos of PerconaPGCluster db/prod:15',
    ]);
  });

  test('takes variables before files, and leaves open what is not here', () => {
    const env = `      env:
        - name: PGBACKREST_REPO1_CIPHER_PASS
          valueFrom: {secretKeyRef: {name: keys, key: pass}}`;
    const rows = table(files(env));
    expect(rows).toContain(
      'repo1: s3, encrypted (aes-256-cbc, pass from env of PerconaPGCluster db/prod, from Secret keys), retention 4 full',
    );
    expect(rows.join('\n')).toContain(
      'in-force repo1-cipher-pass=«secret» | env of PerconaPGCluster db/prod, from Secret keys:',
    );
    expect(rows.filter((it) => it.startsWith('37'))).toEqual([]);
  });
});

describe('other products', () => {
  test('SGObjectStorage: OpenPGP beats libsodium, and the method decides nothing', () => {
    expect(
      table(`#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s}
spec:
  type: gcs
  gcs: {bucket: backups}
  encryption:
    method: sodium
    sodium: {key: {name: keys, key: sodium}}
    openpgp: {key: {name: keys, key: pgp}}
`),
    ).toEqual([
      's: gcs backups, encrypted (openpgp, key from Secret keys)',
      'dropped WALG_LIBSODIUM_KEY=«secret» | Secret keys, entry sodium:9 | WAL-G takes OpenPGP where both are given',
      'in-force WALG_PGP_KEY=«secret» | Secret keys, entry pgp:10',
      'dropped spec.encryption.method=sodium | spec of SGObjectStorage s:8 | the operator looks at the sections, not at the method',
      'in-force spec.gcs.bucket=backups | spec of SGObjectStorage s:6',
    ]);
  });

  test('BackupLocation: the Secret beats the fields', () => {
    const rows = table(`#- /location.yaml
apiVersion: stork.libopenstorage.org/v1alpha1
kind: BackupLocation
metadata: {name: l, namespace: px}
location:
  type: s3
  path: bucket
  secretConfig: s
  s3Config: {endpoint: s3.amazonaws.com}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: px}
stringData: {encryptionKey: abcdefghijklmnop, endpoint: minio.local}
`);
    expect(rows[0]).toBe('l: s3, encrypted (encryptionV2Key)');
    expect(rows).toContain(
      'overridden location.s3Config.endpoint=s3.amazonaws.com | BackupLocation px/l:8 | Secret px/s has endpoint',
    );
    expect(rows.join('\n')).not.toContain('abcdefghijklmnop');
  });
});
