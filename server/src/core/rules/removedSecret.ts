import type { Fix } from '../finding.ts';
import { isOpaque } from '../opaque.ts';
import { inFile } from '../part.ts';
import { SecretResource } from '../resources/secret.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'removed-secret',
  summary: 'A Secret that a storage, a cluster or a backup names is not removed.',
  why: 'The name outlives the Secret: an SGBackup keeps naming the Secret it was made with for ever, and cannot be restored without it. Running Pods go on with what they have, but the operator no longer reconciles the cluster, and the next restore ends with "Secret not found". Whoever deletes the manifest of a key deletes, in most pipelines, the key.',
  severity: 'error',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['G35', 'G72'],
  kinds: [
    'SGObjectStorage',
    'SGBackup',
    'PostgresCluster',
    'BackupLocation',
    'CnpgCluster',
    'CnpgObjectStore',
    'ZalandoCluster',
  ],
  committed: fixture`
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
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
                      ^^^^^^^^^^ error removed-secret: Secret backup-key is committed and has gone, and SGObjectStorage db/backups still names it
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
    for (const reference of resource.facts) {
      const { kind, name } = reference.symbol;
      if (reference.role !== 'reference' || kind !== 'secret' || !name || isOpaque(name) || seen.has(name)) continue;
      seen.add(name);
      if (query.definitionsOf(reference.symbol).length > 0) continue;
      const past = history.before.resolve(reference)?.resource;
      if (!past) continue;
      report(reference.at, `Secret ${name} is committed and has gone, and ${resource.title} still names it`, {
        fix: past instanceof SecretResource ? restore(past, name) : undefined,
      });
    }
  },
});

/** Only a file that held nothing else comes back as a whole. */
function restore(past: SecretResource, name: string): Fix | undefined {
  const { uri } = inFile(past.namePlace);
  if (past.part.start !== 0 || /^---/m.test(past.part.text.slice(4))) return undefined;
  return {
    title: `Put the committed manifest of Secret ${name} back`,
    edits: [],
    newFile: { uri, text: past.part.text },
  };
}
