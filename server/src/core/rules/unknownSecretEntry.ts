import { nearestName } from '../nearest.ts';
import { isOpaque } from '../opaque.ts';
import type { Edit } from '../part.ts';
import { selectedSecrets } from '../queries/selectedEntry.ts';
import type { SecretResource } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'unknown-secret-entry',
  summary: 'The entry that a storage or a cluster names is in the Secret.',
  why: 'The operator stops with "Key … not found in Secret …": every cluster that uses the storage is no longer reconciled, a new one gets no Pods. CloudNativePG says "missing key …, inside secret …", and every WAL file and every backup fails.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['G28', 'N19'],
  kinds: ['SGObjectStorage', 'SGBackup', 'CnpgCluster', 'CnpgObjectStore', 'ZalandoCluster'],
  bad: fixture`
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
          key: {name: backup-key, key: kay}
                                       ^^^ error unknown-secret-entry: Secret db/backup-key has no entry kay, only key
          keyTransform: hex
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
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
  check(resource, { report, query }) {
    for (const selector of resource.selectors) {
      const name = selector.entry?.symbol.name;
      const secrets = selectedSecrets(selector, query);
      const secret = secrets[0];
      if (!secret || !selector.entry || !name || isOpaque(name)) continue;
      // A base and its overlays make one Secret together.
      if (secrets.some((it) => it.hasUnknownEntries || it.entry(name))) continue;
      const entries = [...new Set(secrets.flatMap((it) => it.entries.map((entry) => entry.name)))];
      const near = nearestName(entries, name) ?? (entries.length === 1 ? entries[0] : undefined);
      const has =
        entries.length === 0
          ? 'it has none'
          : entries.length > 5
            ? `it has ${entries.length} others`
            : `only ${entries.join(', ')}`;
      const node = selector.node.get('key')!;
      report(selector.entry.at, `${secret.title} has no entry ${name}, ${has}`, {
        fixes: [
          near === undefined ? undefined : fix(`Change to ${near}`, replaceValue(node, plainOrQuoted(near))),
          ...entries
            .filter((it) => it !== near && entries.length <= 5)
            .map((it) => fix(`Change to ${it}`, replaceValue(node, plainOrQuoted(it)))),
          fix(`Add the entry ${name} to ${secret.title}`, addSecretEntry(secret, name)),
        ],
        // An empty Secret is often filled by a controller (reflector, cert-manager and their like).
        severity: entries.length === 0 ? 'warning' : 'error',
        related: [{ at: secret.namePlace, message: secret.title }],
      });
    }
  },
});

/** Empty, to be filled by whoever knows the value; an empty encryption key is reported at once. */
function addSecretEntry(secret: SecretResource, name: string): Edit[] | undefined {
  if (secret.manifestKind !== 'Secret' || secret.node.get('kind') === undefined) return undefined;
  const key = plainOrQuoted(name);
  const stringData = secret.node.get('stringData');
  if (stringData?.isMap) return addEntry(stringData, key, '""');
  const data = secret.node.get('data');
  if (data?.isMap && !secret.isManagedElsewhere) return addEntry(data, key, '""');
  return undefined;
}
