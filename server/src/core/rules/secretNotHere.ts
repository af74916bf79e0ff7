import type { Fact } from '../facts.ts';
import type { Fix } from '../finding.ts';
import type { Query } from '../index.ts';
import { nearestName } from '../nearest.ts';
import { isOpaque } from '../opaque.ts';
import { isSameNamespace } from '../queries/selectedEntry.ts';
import type { Resource } from '../resource.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { SecretResource } from '../resources/secret.ts';
import { ObjectStorageResource } from '../resources/stackgres.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';

export default rule({
  id: 'secret-not-here',
  summary: 'The Secret that a storage or a cluster names is in the workspace.',
  why: 'It may live in the cluster only, and then all is well. Otherwise StackGres stops with "Secret … not found", and every cluster that uses the storage is no longer reconciled; with Percona and Crunchy the database Pods themselves wait for it in ContainerCreating; Stork no longer lists any location of the namespace; CloudNativePG fails every WAL file and every backup. References never reach into another namespace.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['G27', 'G29', 'G72', 'G79', 'P45', 'W21'],
  kinds: ['SGObjectStorage', 'SGBackup', 'PostgresCluster', 'BackupLocation', 'CnpgCluster', 'CnpgObjectStore'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
                      ^^^^^^^^^^ hint secret-not-here: no manifest of Secret backup-key is in the workspace
          keyTransform: hex
  `,
  good: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  check(resource, { report, query, history }) {
    const seen = new Set<string>();
    for (const reference of neededSecrets(resource)) {
      const { name } = reference.symbol;
      if (!name || isOpaque(name) || seen.has(name)) continue;
      if (query.definitionsOf(reference.symbol).length > 0) continue;
      // removed-secret knows more.
      if (history.before.definitionsOf(reference.symbol).length > 0) continue;
      // Said once for each name: four selectors of one Secret are one Secret that is not here.
      seen.add(name);
      const elsewhere = secretElsewhere(name, query);
      if (elsewhere) {
        report(
          reference.at,
          `Secret ${name} is in namespace ${elsewhere.namespace}, and must be in ${resource.namespace}, beside ${resource.manifestKind} ${resource.name}`,
          { severity: 'warning', related: [{ at: elsewhere.namePlace, message: elsewhere.title }] },
        );
        continue;
      }
      const near = nearSecret(name, resource, query);
      if (near) {
        report(reference.at, `no manifest of Secret ${name} is in the workspace; ${near.title} is`, {
          severity: 'warning',
          fix: fix(`Change to ${near.name}`, [{ at: reference.at, newText: near.name }]),
          related: [{ at: near.namePlace, message: near.title }],
        });
        continue;
      }
      report(reference.at, `no manifest of Secret ${name} is in the workspace`, { fix: newManifest(resource, name) });
    }
  },
});

/**
 * A Secret of that name in another namespace that nobody there uses. One that is used is its neighbours' own: the same name
 * in two namespaces is what deployments of one chart look like.
 */
function secretElsewhere(name: string, query: Query): Resource | undefined {
  const isUsed = ({ symbol }: Fact) =>
    query
      .referencesTo(symbol)
      .some((it) => it.symbol.namespace === symbol.namespace && it.resource.namespace !== undefined);
  return query.definitionsOf({ kind: 'secret', name }).find((it) => !isUsed(it))?.resource;
}

/** The Secrets without which the object does not work; an optional source may be missing. */
function neededSecrets(resource: Resource): Fact[] {
  if (!(resource instanceof PostgresClusterResource))
    return resource.facts.filter((it) => it.role === 'reference' && it.symbol.kind === 'secret');
  return resource.scopes
    .flatMap((it) => it.configuration)
    .map((it) => (it.kind === 'secret' && !it.isOptional ? it.reference : undefined))
    .filter((it) => it !== undefined);
}

/** A Secret beside the resource whose name differs by a slip of the pen. */
function nearSecret(name: string, resource: Resource, query: Query): SecretResource | undefined {
  // `backups-dev` and `backups-prd`, `key1` and `key2` differ on purpose.
  if (/\d/.test(name)) return undefined;
  const secrets = query
    .resources('Secret', 'SealedSecret', 'ExternalSecret')
    .filter((it) => it instanceof SecretResource)
    .filter((it) => it.name !== '' && isSameNamespace(it, resource));
  const near = nearestName([...new Set(secrets.map((it) => it.name))], name);
  if (near === undefined || /\d/.test(near) || Math.abs(near.length - name.length) > 2) return undefined;
  return secrets.find((it) => it.name === near);
}

/** A manifest beside the one that names the Secret, with the entries it names; their values are for a person to fill in. */
function newManifest(resource: Resource, name: string): Fix | undefined {
  if (!(resource instanceof ObjectStorageResource) || !/^[a-z0-9][-a-z0-9.]*$/.test(name)) return undefined;
  const selectors = resource.selectors.filter((it) => it.secret?.symbol.name === name);
  const entries = [...new Set(selectors.map((it) => it.entry?.symbol.name))].filter((it) => it);
  const isKey = selectors.some((it) => it.path.endsWith('sodium.key'));
  const text = [
    ...(isKey ? ['# A key, with keyTransform: hex in the SGObjectStorage: openssl rand -hex 32'] : []),
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    `  name: ${plainOrQuoted(name)}`,
    ...(resource.namespace ? [`  namespace: ${plainOrQuoted(resource.namespace)}`] : []),
    'type: Opaque',
    'stringData:',
    ...entries.map((it) => `  ${plainOrQuoted(it!)}: ""`),
    '',
  ].join('\n');
  const folder = resource.part.uri.slice(0, resource.part.uri.lastIndexOf('/'));
  return { title: `Create a manifest of Secret ${name}`, edits: [], newFile: { uri: `${folder}/${name}.yaml`, text } };
}
