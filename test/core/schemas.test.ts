// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders are what is tested
/** The schemas: what they refuse and how they say it, that they know the fields of the CRDs, and that good manifests pass. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, describe as group, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { schemaOfKind, schemas } from '../../server/src/core/generated/schemas.ts';
import {
  describe,
  hasSchema,
  propertiesAt,
  type SchemaNode,
  type SchemaProblem,
  validate,
} from '../../server/src/core/schema.ts';
import { generate } from '../../tools/generate.ts';

const shared = fileURLToPath(new URL('../../../shared/', import.meta.url));

/** `path keyword: message => replacement`, one per line. */
function said(kind: string, value: unknown): string[] {
  return validate(kind, value).map((problem) => {
    const place = `${problem.path.join('.') || '(whole)'}${problem.at === 'key' ? ' key' : ''}`;
    const cure = problem.replacement ?? problem.repair;
    return `${place}: ${problem.message}${cure === undefined ? '' : ` => ${cure}`}${problem.isMissing ? ' (missing)' : ''}`;
  });
}

const storage = (spec: unknown) => said('SGObjectStorage', { metadata: { name: 's' }, spec });

test('generated files are current', async () => {
  expect(await generate('check')).toEqual([]);
});

group('SGObjectStorage', () => {
  test('a complete storage with encryption is right', () => {
    const entry = { name: 'backup', key: 'key' };
    const good = {
      type: 's3',
      s3: {
        bucket: 'b/prefix',
        awsCredentials: { secretKeySelectors: { accessKeyId: entry, secretAccessKey: entry } },
      },
      encryption: { method: 'sodium', sodium: { key: entry, keyTransform: 'hex' } },
    };
    expect(storage(good)).toEqual([]);
    expect(storage({ ...good, s3: { bucket: 's3://b', awsCredentials: { useIAMRole: true } } })).toEqual([]);
  });

  test('what is left out of s3Compatible is filled in by StackGres, not refused', () => {
    expect(storage({ type: 's3Compatible', s3Compatible: {} })).toEqual([]);
    expect(storage({})).toEqual([]);
  });

  test('a type that does not exist is replaced by what was meant', () => {
    expect(storage({ type: 'S3' })).toEqual([
      'spec.type: type must be s3, s3Compatible, gcs or azureBlob, not S3 => s3',
    ]);
    expect(storage({ type: 'minio' })[0]).toMatch(/=> s3Compatible$/);
    expect(storage({ type: 'azure' })[0]).toMatch(/=> azureBlob$/);
    expect(storage({ type: 'tape' })[0]).toBe('spec.type: type must be s3, s3Compatible, gcs or azureBlob, not tape');
  });

  test('a misspelt encryption says what follows from it', () => {
    expect(storage({ encrytion: { method: 'sodium' } })).toEqual([
      'spec.encrytion key: spec has no field encrytion; encryption was probably meant; without it backups are stored in plain text => encryption',
    ]);
  });

  test('other words for fields and values of the encryption lead to the right ones', () => {
    const entry = { name: 'n', key: 'k' };
    expect(storage({ encryption: { mode: 'sodium', sodium: { key: entry, keyTransformation: 'hex' } } })).toEqual([
      'spec.encryption.mode key: encryption has no field mode; method was probably meant => method',
      'spec.encryption.sodium.keyTransformation key: sodium has no field keyTransformation; keyTransform was probably meant => keyTransform',
    ]);
    expect(storage({ encryption: { method: 'gpg', openpgp: { key: entry, passphrase: entry } } })).toEqual([
      'spec.encryption.method: method must be sodium or openpgp, not gpg => openpgp',
      'spec.encryption.openpgp.passphrase key: openpgp has no field passphrase; keyPassphrase was probably meant => keyPassphrase',
    ]);
    expect(storage({ encryption: { sodium: { key: entry, keyTransform: 'HEX' } } })).toEqual([
      'spec.encryption.sodium.keyTransform: keyTransform must be base64, hex or none, not HEX => hex',
    ]);
  });

  test('a selector needs a name and a key, and is no text', () => {
    expect(storage({ encryption: { sodium: {} } })).toEqual(['spec.encryption.sodium key: sodium needs key (missing)']);
    expect(storage({ encryption: { sodium: { key: {} } } })).toEqual([
      'spec.encryption.sodium.key key: sodium.key needs name and key (missing)',
    ]);
    expect(storage({ encryption: { sodium: { key: { name: '', key: 'k' } } } })).toEqual([
      'spec.encryption.sodium.key.name: key.name must not be empty',
    ]);
    expect(storage({ encryption: { sodium: { key: 'backup-key' } } })).toEqual([
      'spec.encryption.sodium.key: sodium.key must be a map with name and key, not text',
    ]);
  });

  test('credentials come from a Secret or from the surroundings, and the sentence names both', () => {
    expect(storage({ s3: { bucket: 'b', awsCredentials: {} } })).toEqual([
      'spec.s3.awsCredentials key: awsCredentials needs secretKeySelectors or useIAMRole: true (missing)',
    ]);
    expect(storage({ gcs: { bucket: 'b', gcpCredentials: { fetchCredentialsFromMetadataService: false } } })).toEqual([
      'spec.gcs.gcpCredentials key: gcpCredentials needs secretKeySelectors or fetchCredentialsFromMetadataService: true (missing)',
    ]);
    expect(storage({ gcs: { bucket: 'b', gcpCredentials: { fetchCredentialsFromMetadataService: true } } })).toEqual(
      [],
    );
  });

  test('a bucket, an endpoint and a storage class must have the form that is taken', () => {
    const credentials = { awsCredentials: { useIAMRole: true } };
    expect(storage({ s3: { bucket: '/b', ...credentials } })[0]).toContain(
      'bucket must begin with the name of the bucket',
    );
    expect(storage({ s3: { bucket: '', ...credentials } })).toEqual(['spec.s3.bucket: bucket must not be empty']);
    expect(storage({ s3: { bucket: 'b', storageClass: 'standard', ...credentials } })[0]).toMatch(/=> STANDARD$/);
    expect(storage({ s3Compatible: { endpoint: 'minio:9000' } })[0]).toContain('begins with http:// or https://');
  });

  test('placeholders are right wherever they stand', () => {
    expect(
      storage({ type: '${TYPE}', s3: '{{ toYaml .Values.s3 }}', encryption: { sodium: { key: '<selector>' } } }),
    ).toEqual([]);
    expect(storage({ '{{ include "x" . }}': 1, gcs: { '<<': {} } })).toEqual([]);
    expect(said('SGObjectStorage', '${ALL}')).toEqual([]);
  });

  test('an empty field counts as absent', () => {
    expect(storage({ type: null, encryption: { method: null, sodium: { key: null } } })).toEqual([
      'spec.encryption.sodium key: sodium needs key (missing)',
    ]);
    expect(said('SGObjectStorage', { metadata: null, spec: {} })).toEqual([
      '(whole) key: SGObjectStorage needs metadata (missing)',
    ]);
  });
});

group('SGCluster and SGBackup', () => {
  const cluster = (spec: unknown) => said('SGCluster', { metadata: {}, spec });

  test('backups are a list, each with a storage', () => {
    expect(cluster({ configurations: { backups: { sgObjectStorage: 's' } } })).toEqual([
      'spec.configurations.backups: backups must be a list, not a map',
    ]);
    expect(cluster({ configurations: { backups: [{ schedule: '0 0 * * *' }] } })).toEqual([
      'spec.configurations.backups.0 key: an entry of backups needs sgObjectStorage (missing)',
      'spec.configurations.backups.0.schedule key: an entry of backups has no field schedule; cronSchedule was probably meant => cronSchedule',
    ]);
  });

  test('numbers have no quotes and stay in their range', () => {
    const backups = (entry: object) => cluster({ configurations: { backups: [{ sgObjectStorage: 's', ...entry }] } });
    expect(backups({ retention: '7' })).toEqual([
      'spec.configurations.backups.0.retention: retention must be a whole number, not text => 7',
    ]);
    expect(
      validate('SGCluster', {
        metadata: {},
        spec: { configurations: { backups: [{ sgObjectStorage: 's', retention: '7' }] } },
      })[0],
    ).toMatchObject({ repair: 'unquote' });
    expect(backups({ retention: 0 })).toEqual([
      'spec.configurations.backups.0.retention: retention must be at least 1, not 0',
    ]);
    expect(backups({ compression: 'zst' })[0]).toMatch(/=> zstd$/);
    expect(backups({ retention: '${DAYS}' })).toEqual([]);
  });

  test('fields we do not describe are no concern of ours, unless they are a slip away from one that is', () => {
    expect(cluster({ prometheusAutobind: true, whatever: 1 })).toEqual([]);
    expect(cluster({ configuration: { backups: [] } })).toEqual([
      'spec.configuration key: spec has no field configuration; configurations was probably meant => configurations',
    ]);
    expect(cluster({ configurations: { backup: [] } })[0]).toContain('backups was probably meant');
    expect(cluster({ configurations: { backups: [], backup: [] } })).toEqual([]);
  });

  test('a restore names its backup, and a time with zone', () => {
    const restore = (fromBackup: object) => cluster({ initialData: { restore: { fromBackup } } });
    const at = (restoreToTimestamp: string) => restore({ name: 'b', pointInTimeRecovery: { restoreToTimestamp } });
    expect(restore({ uid: 'x' })).toEqual(['spec.initialData.restore.fromBackup key: fromBackup needs name (missing)']);
    for (const good of ['2026-01-31T10:00:00Z', '2026-01-31T10:00:00.5+01:00']) expect(at(good)).toEqual([]);
    for (const bad of ['2026-01-31 10:00:00Z', '2026-01-31T10:00Z', '2026-01-31T10:00:00', 'now'])
      expect(at(bad), bad).toHaveLength(1);
  });

  test('the name of an SGBackup is short and in lower case', () => {
    const named = (name: string) => said('SGBackup', { metadata: { name }, spec: { sgCluster: 'c' } });
    expect(named('nightly-2026')).toEqual([]);
    expect(named('Nightly.2026')[0]).toContain('made of a-z, 0-9 and -');
    expect(named('a'.repeat(57))[0]).toContain('at most 56 characters');
  });
});

group('Secret and ConfigMap', () => {
  test('entries are text; what YAML takes for something else needs quotes', () => {
    expect(said('Secret', { data: { a: 1 }, stringData: { b: true, 's3.conf': '[global]' } })).toEqual([
      'data.a: a must be text, not a number => quote',
      'stringData.b: b must be text, not true or false => quote',
    ]);
    expect(said('ConfigMap', { data: { a: {} } })).toEqual(['data.a: a must be text, not a map']);
    expect(said('Secret', { data: null, stringData: { x: null } })).toEqual([]);
  });

  test('no message shows anything of a value', () => {
    const secret = {
      data: { key: 918273645 },
      stringData: { k: ['hunter2hunter2'], 'a b': 'hunter2hunter2' },
      type: 918273645,
    };
    expect(said('Secret', secret)).toHaveLength(4);
    expect(JSON.stringify(validate('Secret', secret))).not.toMatch(/918273645|hunter2/);
  });

  test('names of entries and top-level fields are the allowed ones', () => {
    expect(said('Secret', { datas: {}, stringData: { 'a b': 'x', '..': 'x', '...x': 'x' } })).toEqual([
      'datas key: Secret has no field datas; data was probably meant => data',
      'stringData.a b key: the name of an entry is made of letters, digits, -, _ and .',
      'stringData... key: the name of an entry is made of letters, digits, -, _ and .',
      'stringData....x key: the name of an entry is made of letters, digits, -, _ and .',
    ]);
    expect(said('Secret', { data: { '~server.conf': 'eA==' } })).toHaveLength(1);
    expect(said('Secret', { stringData: {}, sops: { mac: 'ENC[x]' } })).toEqual([]);
  });
});

group('Percona and Crunchy', () => {
  const percona = (backups: unknown) => said('PerconaPGCluster', { metadata: {}, spec: { backups } });

  test('backups need a repository, unless they are switched off', () => {
    expect(percona({ pgbackrest: {} })).toEqual([
      'spec.backups key: backups need at least one repository in pgbackrest.repos, or enabled: false (missing)',
    ]);
    expect(percona({ enabled: false })).toEqual([]);
    expect(said('PostgresCluster', { spec: { backups: { pgbackrest: { repos: [] } } } })).toEqual([
      'spec.backups.pgbackrest.repos: repos needs at least one entry (missing)',
    ]);
    expect(said('PostgresCluster', { spec: {} })).toEqual([]);
  });

  test('values of global are text', () => {
    expect(
      percona({
        pgbackrest: { repos: [{ name: 'repo1' }], global: { 'repo1-retention-full': 14, 'archive-async': true } },
      }),
    ).toEqual([
      'spec.backups.pgbackrest.global.repo1-retention-full: repo1-retention-full must be text, not a number => quote',
      'spec.backups.pgbackrest.global.archive-async: archive-async must be text, not true or false => quote',
    ]);
  });

  test('options inside a storage block are sent where they belong', () => {
    const s3 = { bucket: 'b', endpoint: 'e', region: 'r', uriStyle: 'path' };
    expect(percona({ pgbackrest: { repos: [{ name: 'repo1', s3 }] } })).toEqual([
      'spec.backups.pgbackrest.repos.0.s3.uriStyle key: s3 has no field uriStyle; pgBackRest options go into global, credentials into a Secret',
    ]);
  });

  test('repositories are called repo1 to repo4; releases of Crunchy let more pass', () => {
    const named = (name: string) => percona({ pgbackrest: { repos: [{ name }] } });
    expect(named('repo4')).toEqual([]);
    for (const name of ['repo5', 'Repo1', 'repo10', 's3', 'repo1-s3'])
      expect(named(name)[0]).toContain('repo1, repo2, repo3 or repo4');
    expect(named('${REPO}')).toEqual([]);
    expect(said('PostgresCluster', { spec: { backups: { pgbackrest: { repos: [{ name: 'repo1-s3' }] } } } })).toEqual(
      [],
    );
  });

  test('one storage lacks several fields: one sentence', () => {
    expect(percona({ pgbackrest: { repos: [{ name: 'repo1', s3: { bucket: 'b' } }] } })).toEqual([
      'spec.backups.pgbackrest.repos.0.s3 key: s3 needs endpoint and region (missing)',
    ]);
  });

  test('a data source cannot be a volume in Crunchy, and needs a stanza in Percona', () => {
    const source = (repo: object) => ({
      spec: { backups: { enabled: false }, dataSource: { pgbackrest: { repo } } },
      metadata: {},
    });
    const volume = { name: 'repo1', volume: { volumeClaimSpec: {} } };
    expect(said('PostgresCluster', { spec: { dataSource: { pgbackrest: { repo: volume } } } })).toEqual([
      'spec.dataSource.pgbackrest key: only an S3, GCS or Azure repository can be a data source',
    ]);
    expect(said('PerconaPGCluster', source(volume))).toEqual([
      'spec.dataSource.pgbackrest key: pgbackrest needs stanza (missing)',
    ]);
  });

  test('a backup and a restore say from where', () => {
    expect(said('PerconaPGBackup', { metadata: {}, spec: { pgCluster: 'c' } })).toEqual([
      'spec key: repoName is needed, unless method is volumeSnapshot (missing)',
    ]);
    expect(said('PerconaPGBackup', { metadata: {}, spec: { pgCluster: 'c', method: 'volumeSnapshot' } })).toEqual([]);
    expect(said('PerconaPGRestore', { metadata: {}, spec: {} })).toEqual([
      'spec key: spec needs pgCluster (missing)',
      'spec key: repoName or volumeSnapshotBackupName is needed (missing)',
    ]);
  });

  test('an old name at the top of spec is recognised', () => {
    expect(said('PostgresCluster', { spec: { backup: {} } })[0]).toContain('backups was probably meant');
  });
});

group('descriptions', () => {
  test('every field has one, in our form', () => {
    let count = 0;
    for (const [id, schema] of Object.entries(schemas)) {
      for (const { path, node } of nodes(schema, [])) {
        if (path.length === 0 && id === 'definitions.schema.json') continue;
        count++;
        expect(node.description, `${id} ${path.join('.')}`).toMatch(/[.)…]$/);
      }
    }
    expect(count).toBeGreaterThan(300);
  });

  test('a field is described with what it may hold', () => {
    expect(describe('SGObjectStorage', ['spec', 'encryption', 'sodium', 'keyTransform'])).toMatchObject({
      type: 'string',
      default: 'none',
      enum: ['base64', 'hex', 'none'],
      isRequired: false,
    });
    expect(describe('PostgresCluster', ['spec', 'backups', 'pgbackrest', 'repos', 1, 's3', 'bucket'])).toMatchObject({
      isRequired: true,
    });
    expect(describe('SGObjectStorage', ['spec', 'nothing'])).toBeUndefined();
    expect(describe('SGObjectStorage', ['spec', 'constructor'])).toBeUndefined();
    expect(describe('Deployment', ['spec'])).toBeUndefined();
  });

  test('the description at a reference comes before that of the definition', () => {
    expect(describe('SGObjectStorage', ['spec', 'encryption', 'openpgp', 'keyPassphrase'])!.description).toContain(
      'passphrase of the key',
    );
    expect(describe('SGObjectStorage', ['spec', 'encryption', 'openpgp', 'keyPassphrase', 'key'])!.description).toBe(
      'Which entry of the Secret.',
    );
  });

  test('the fields at a place are offered in the order of the schema', () => {
    expect(
      propertiesAt('SGObjectStorage', ['spec', 'encryption', 'sodium']).map(({ name, isRequired }) => [
        name,
        isRequired,
      ]),
    ).toEqual([
      ['key', true],
      ['keyTransform', false],
    ]);
    expect(propertiesAt('SGCluster', ['spec', 'configurations', 'backups', 0])[0]).toMatchObject({
      name: 'sgObjectStorage',
      isRequired: true,
    });
    expect(propertiesAt('Secret', ['data'])).toEqual([]);
  });
});

test('strange values are answered, not thrown at', () => {
  const hostile = [
    undefined,
    null,
    1,
    'x',
    [],
    [[]],
    JSON.parse('{"__proto__": {"a": 1}, "spec": {"__proto__": []}}'),
    { spec: { constructor: 1 } },
    { metadata: [], spec: [null] },
  ];
  for (const kind of Object.keys(schemaOfKind))
    for (const value of hostile) expect(Array.isArray(validate(kind, value)), kind).toBe(true);
  expect(validate('Deployment', {})).toEqual([]);
  expect(validate('toString', {})).toEqual([]);
});

test('a bomb of aliases, a loop and a deep nest take no time', () => {
  let bomb: unknown = 'x';
  for (let level = 0; level < 60; level++) bomb = [bomb, bomb];
  let nest: unknown = {};
  for (let level = 0; level < 100_000; level++) nest = { spec: nest };
  const loop: Record<string, unknown> = { metadata: {}, type: 's3' };
  loop.spec = loop;
  for (const value of [bomb, nest, loop, { metadata: bomb, spec: { encryption: bomb, s3: nest } }]) {
    expect(validate('SGObjectStorage', value).length).toBeGreaterThan(0);
  }
});

/** Every described node of a schema with the path of field names that leads to it. */
function* nodes(node: SchemaNode, path: string[]): Iterable<{ path: string[]; node: SchemaNode }> {
  yield { path, node };
  for (const [name, child] of Object.entries({ ...node.properties, ...node.definitions })) {
    if (typeof child === 'object') yield* nodes(child, [...path, name]);
  }
  if (node.items && (node.items.properties || node.items.$ref)) yield* nodes(node.items, [...path, '[]']);
}

function resolve(node: SchemaNode): SchemaNode {
  const [file, name] = node.$ref?.split('#/definitions/') ?? [];
  return file && name ? { ...resolve(schemas[file]!.definitions![name]!), ...node, $ref: undefined } : node;
}

/** Where our schema and a CRD do not know the same fields, in the areas that we close and in the lists of names we keep. */
function* differences(ours: SchemaNode, crd: SchemaNode, path: string): Iterable<string> {
  const node = resolve(ours);
  if (node.items && crd.items) yield* differences(node.items, crd.items, `${path}[]`);
  if (!node.properties) return;
  const isComplete = node.additionalProperties === false || node['x-open'] === true;
  const known = new Set(Object.keys(crd.properties ?? {}));
  for (const [name, child] of Object.entries(node.properties)) {
    const theirs = crd.properties?.[name];
    if (typeof theirs !== 'object') yield `${path}.${name} is not in the CRD`;
    else if (typeof child === 'object') yield* differences(child, theirs, `${path}.${name}`);
    known.delete(name);
  }
  if (isComplete) for (const name of known) yield `${path}.${name} is missing`;
}

/** Where ours asks for a field that the CRD does not, or is stricter than it. */
function* stricter(ours: SchemaNode, crd: SchemaNode, path: string): Iterable<string> {
  const node = resolve(ours);
  for (const name of node.required ?? []) if (!crd.required?.includes(name)) yield `${path} needs ${name}`;
  for (const name of crd.required ?? []) {
    const hasDefault = (crd.properties?.[name] as SchemaNode | undefined)?.default !== undefined;
    if (node.additionalProperties === false && !hasDefault && !node.required?.includes(name))
      yield `${path} does not need ${name}`;
    if (hasDefault && node.required?.includes(name)) yield `${path} needs ${name}, which has a default`;
  }
  for (const keyword of ['pattern', 'minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'enum'] as const) {
    const [own, theirs] = [node[keyword], crd[keyword]].map((it) => JSON.stringify(it));
    if (own !== theirs && node.description && (own !== undefined || node.type !== 'object'))
      yield `${path} ${keyword}: ${own}, CRD ${theirs}`;
  }
  if (node.items && crd.items) yield* stricter(node.items, crd.items, `${path}[]`);
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const theirs = crd.properties?.[name];
    if (typeof child === 'object' && typeof theirs === 'object') yield* stricter(child, theirs, `${path}.${name}`);
  }
}

/** Cuts the schema of one version out of a CRD's text: to parse all of a file of megabytes would take seconds. */
function crdSchema(file: string, version: string | undefined, areas: string[]): SchemaNode {
  const text = readFileSync(join(shared, 'crds', file), 'utf8');
  if (areas.length === 0) {
    const versions = parse(text).spec.versions as { name: string; schema: { openAPIV3Schema: SchemaNode } }[];
    return versions.find(({ name }) => version === undefined || name === version)!.schema.openAPIV3Schema;
  }
  const lines = text.split('\n');
  const start = lines.indexOf(`    name: ${version}`);
  const block = (from: number, key: string): [number, number] => {
    const at = lines.findIndex((line, number) => number >= from && line.trim() === `${key}:`);
    const indent = lines[at]!.search(/\S/);
    const end = lines.findIndex(
      (line, number) =>
        number > at && line.trim() !== '' && line.search(/\S/) <= indent && !line.trim().startsWith('- '),
    );
    return [at, end < 0 ? lines.length : end];
  };
  const [schemaStart] = block(start, 'openAPIV3Schema');
  const [specStart] = block(schemaStart, 'spec');
  const [propertiesStart] = block(specStart, 'properties');
  const indent = lines[propertiesStart]!.search(/\S/) + 2;
  const cut = areas.map((area) => {
    const at = lines.findIndex((line, number) => number > propertiesStart && line === `${' '.repeat(indent)}${area}:`);
    const end = lines.findIndex((line, number) => number > at && line.trim() !== '' && line.search(/\S/) <= indent);
    return lines.slice(at, end).join('\n');
  });
  return { properties: parse(cut.join('\n')) };
}

group.skipIf(!existsSync(join(shared, 'crds')))('the schemas know the same fields as the CRDs', () => {
  const ours = (kind: keyof typeof schemaOfKind, ...path: string[]) =>
    path.reduce((node, name) => resolve(resolve(node).properties![name] as SchemaNode), schemas[schemaOfKind[kind]]!);
  const specOf = (schema: SchemaNode) => schema.properties!.spec as SchemaNode;
  const areas = ['backups', 'dataSource', 'standby'];
  const inAreas = (kind: keyof typeof schemaOfKind): SchemaNode => ({
    properties: Object.fromEntries(areas.map((area) => [area, ours(kind, 'spec', area)])),
  });

  test.each([
    ['SGObjectStorage', 'stackgres/SGObjectStorage.yaml'],
    ['SGCluster', 'stackgres/SGCluster.yaml'],
    ['SGBackup', 'stackgres/SGBackup.yaml'],
    ['SGBackupConfig', 'stackgres/SGBackupConfig.yaml'],
    ['SGShardedCluster', 'stackgres/SGShardedCluster.yaml'],
    ['SGShardedBackup', 'stackgres/SGShardedBackup.yaml'],
    ['PerconaPGBackup', 'percona/pgv2.percona.com_perconapgbackups.yaml'],
    ['PerconaPGRestore', 'percona/pgv2.percona.com_perconapgrestores.yaml'],
    ['ObjectStore', 'cnpg/barmancloud.cnpg.io_objectstores.yaml'],
    ['Cluster', 'cnpg/postgresql.cnpg.io_clusters.yaml'],
    ['Backup', 'cnpg/postgresql.cnpg.io_backups.yaml'],
    ['ScheduledBackup', 'cnpg/postgresql.cnpg.io_scheduledbackups.yaml'],
    ['postgresql', 'zalando/postgresql.crd.yaml'],
  ] as const)('%s', (kind, file) => {
    const crd = specOf(crdSchema(file, undefined, []));
    expect([...differences(ours(kind, 'spec'), crd, 'spec')]).toEqual([]);
  });

  test.each([
    ['PerconaPGCluster', 'percona/pgv2.percona.com_perconapgclusters.yaml', 'v2'],
    ['PostgresCluster', 'crunchy/postgres-operator.crunchydata.com_postgresclusters.yaml', 'v1'],
    ['PostgresCluster', 'crunchy/postgres-operator.crunchydata.com_postgresclusters.yaml', 'v1beta1'],
  ] as const)('%s in its backups, data source and standby (%s, %s)', (kind, file, version) => {
    const crd = crdSchema(file, version, areas);
    expect(Object.keys(crd.properties!)).toEqual(areas);
    expect([...differences(inAreas(kind), crd, 'spec')]).toEqual([]);
    expect([...stricter(inAreas(kind), crd, 'spec')]).toEqual([]);
  });

  test('where ours differs from the CRD of StackGres, its webhook does so too', () => {
    const objectStorage = specOf(crdSchema('stackgres/SGObjectStorage.yaml', undefined, []));
    const found = [...stricter(ours('SGObjectStorage', 'spec'), objectStorage, 'spec')];
    const isNotEmpty = /\.(?:name|key) minLength: 1, CRD undefined$/;
    const isFilledIn = /^spec\.s3Compatible\S* does not need /;
    expect(found.filter((it) => isFilledIn.test(it)).length).toBe(9);
    expect(found.filter((it) => !isNotEmpty.test(it) && !isFilledIn.test(it))).toEqual([
      'spec.encryption.method enum: ["sodium","openpgp"], CRD undefined',
      'spec.encryption.sodium.key needs name',
      'spec.encryption.sodium.key needs key',
      'spec.encryption.sodium.keyTransform enum: ["base64","hex","none"], CRD undefined',
      'spec.encryption.openpgp.key needs name',
      'spec.encryption.openpgp.key needs key',
      'spec.encryption.openpgp.keyPassphrase needs name',
      'spec.encryption.openpgp.keyPassphrase needs key',
      'spec.s3.storageClass enum: ["STANDARD","STANDARD_IA","REDUCED_REDUNDANCY"], CRD undefined',
      'spec.s3Compatible.endpoint pattern: "^https?:", CRD undefined',
      'spec.s3Compatible.storageClass enum: ["STANDARD","STANDARD_IA","REDUCED_REDUNDANCY"], CRD undefined',
      'spec.azureBlob.azureCredentials needs secretKeySelectors',
    ]);
    const cluster = specOf(crdSchema('stackgres/SGCluster.yaml', undefined, []));
    const inCluster = [...stricter(ours('SGCluster', 'spec'), cluster, 'spec')];
    expect(inCluster.filter((it) => !isNotEmpty.test(it) && !it.includes('restoreToTimestamp pattern'))).toEqual([
      'spec.configurations.backups[].maxRetries minimum: 0, CRD undefined',
      'spec.initialData.restore needs fromBackup',
      'spec.initialData.restore.fromBackup needs name',
      'spec.initialData.restore.fromBackup.pointInTimeRecovery needs restoreToTimestamp',
    ]);
  });
});

group.skipIf(!existsSync(join(shared, 'samples')))('manifests that are known to be good', () => {
  const groups =
    /^(?:v1|stackgres\.io\/v1.*|pgv2\.percona\.com\/v2|(?:postgresql|barmancloud)\.cnpg\.io\/v1|acid\.zalan\.do\/v1|stork\.libopenstorage\.org\/v1alpha1|postgres-operator\.crunchydata\.com\/v1.*)$/;

  function problemsIn(file: string): { kind: string; problems: SchemaProblem[] }[] {
    const documents = parseAllDocuments(readFileSync(join(shared, 'samples', file), 'utf8'), { uniqueKeys: false });
    return [...documents].flatMap((document) => {
      if (document.errors.length > 0) return [];
      const root = document.toJS({ maxAliasCount: 1000 });
      const objects = root?.kind === 'List' ? root.items : [root];
      return objects
        .filter(
          (it: { kind?: string; apiVersion?: string }) => hasSchema(it?.kind ?? '') && groups.test(it.apiVersion ?? ''),
        )
        .map((it: { kind: string }) => ({ kind: it.kind, problems: validate(it.kind, it) }));
    });
  }

  const yamlFiles = (folder: string) =>
    (readdirSync(join(shared, 'samples', folder), { recursive: true }) as string[])
      .filter((it) => /\.ya?ml$/.test(it))
      .map((it) => join(folder, it));

  test.each(['percona', 'crunchy', 'cnpg', 'zalando', 'stork', 'handmade', 'stackgres'])(
    '%s: nothing is said',
    (folder) => {
      const files = yamlFiles(folder);
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        const isPatch = file.startsWith('percona/partial/');
        for (const { problems } of problemsIn(file)) {
          expect(
            problems.filter(({ isMissing }) => !(isPatch && isMissing)),
            file,
          ).toEqual([]);
        }
      }
    },
  );

  test('files of real people that are clean', () => {
    const index = readFileSync(join(shared, 'samples/realworld/INDEX.tsv'), 'utf8').split('\n').slice(1);
    const clean = index
      .map((line) => line.split('\t'))
      .filter((columns) => columns[7] === 'clean' && /\.ya?ml$/.test(columns[0]!));
    let objects = 0;
    for (const [file] of clean) {
      for (const { problems } of problemsIn(join('realworld', file!))) {
        objects++;
        // Components and patches hold only a part.
        expect(
          problems.filter(({ isMissing }) => !isMissing),
          file,
        ).toEqual([]);
      }
    }
    expect(objects).toBeGreaterThan(20);
  });
});
