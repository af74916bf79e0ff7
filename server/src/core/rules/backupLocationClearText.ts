import type { Query } from '../index.ts';
import { isOpaque } from '../opaque.ts';
import { appendDocument, freeName, headOf } from '../queries/newManifest.ts';
import type { BackupLocationResource } from '../resources/stork.ts';
import { fix, fixture, rule } from '../rule.ts';
import { removeEntry } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'backup-location-clear-text',
  summary: 'Passphrases and credentials of a BackupLocation stand in a Secret.',
  why: 'Everybody who may read the location, or the repository of the manifests, has the key to all backups; storkctl hides only some of the fields. The Secret named by secretConfig can hold them: encryptionKey, accessKeyID, secretAccessKey, storageAccountKey, clientSecret, accountKey. Only repositoryPassword has to stand here.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W20'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      encryptionV2Key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
      ^^^^^^^^^^^^^^^ information backup-location-clear-text: encryptionV2Key stands here in clear text; a Secret named by secretConfig can hold it, as encryptionKey
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
  `,
  good: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      secretConfig: backups
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backups, namespace: kube-system}
    stringData:
      encryptionKey: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  check(resource, { report, query }) {
    for (const [field, entry] of SENSITIVE) {
      const node = resource.location?.get(field);
      const text = node?.text;
      if (!node || !text || isOpaque(text) || node.hasForeignTag) continue;
      // A KMS key's name is no secret, and another rule's.
      if (/^arn:/.test(text)) continue;
      const name = node.key?.text;
      const as = entry === name ? '' : `, as ${entry}`;
      report(node.keyPlace, `${name} stands here in clear text; a Secret named by secretConfig can hold it${as}`, {
        fix: moveToSecret(resource, field, entry, query),
      });
    }
  },
});

const SENSITIVE: [field: string, entry: string][] = [
  ['encryptionV2Key', 'encryptionKey'],
  ['s3Config.secretAccessKey', 'secretAccessKey'],
  ['azureConfig.storageAccountKey', 'storageAccountKey'],
  ['azureConfig.clientSecret', 'clientSecret'],
  ['googleConfig.accountKey', 'accountKey'],
];

/** A Secret of the location's own, behind it in the file. Where there is one already, a person knows which. */
function moveToSecret(resource: BackupLocationResource, field: string, entry: string, query: Query) {
  const { location, part, namespace } = resource;
  const node = location?.get(field);
  const text = node?.text;
  if (!location || !node?.key || !text || location.get('secretConfig') || resource.name === '') return undefined;
  const path = field.split('.');
  const parent = path.length > 1 ? location.get(path.slice(0, -1)) : location;
  const name = freeName(resource.name, (it) => query.definitionsOf({ kind: 'secret', name: it }).length > 0);
  const edits =
    parent === location
      ? [
          { at: node.key.place, newText: 'secretConfig' },
          { at: node.place, newText: name },
        ]
      : movedOut(location, parent, node, name);
  if (!edits) return undefined;
  return fix(`Move it into Secret ${name}`, [
    ...edits,
    appendDocument(part, [
      ...headOf('v1', 'Secret', name, namespace),
      'stringData:',
      `  ${entry}: ${JSON.stringify(text)}`,
    ]),
  ]);
}

function movedOut(location: YamlNode, parent: YamlNode | undefined, node: YamlNode, name: string) {
  const removed = parent && removeEntry(parent, node);
  const first = location.entries()[0];
  if (!removed || !first?.key || location.isFlow) return undefined;
  const at = first.keyPlace.start;
  const newText = `secretConfig: ${name}\n${' '.repeat(first.column)}`;
  return [...removed, { at: location.part.place(at, at), newText }];
}
