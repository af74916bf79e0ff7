import type { Fix } from '../finding.ts';
import { generatedSodiumKey } from '../queries/generatedKey.ts';
import { valuePlace } from '../queries/selectedEntry.ts';
import { type ConfiguredSodiumKey, sodiumKeyOf } from '../queries/sodiumKey.ts';
import type { ObjectStorageResource } from '../resources/stackgres.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'sodium-key-length',
  summary: 'A libsodium key is 32 bytes.',
  why: 'hex and base64 must give exactly 32 bytes: otherwise WAL-G refuses the key, nothing is archived, and the disk of the database fills up with WAL. With none it refuses fewer than 25 bytes, fills up to 32 with zeros, and cuts what is longer, silently.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G36', 'G37', 'G39', 'G41', 'G56', 'G57', 'pains P49'],
  kinds: ['SGObjectStorage'],
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
          key: {name: backup-key, key: key}
          keyTransform: base64
                        ^^^^^^ error sodium-key-length: the key is 48 bytes after base64, libsodium needs 32: it is 64 hex digits
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
          keyTransform: base64
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: jF6aPuVwCCdMFBxx9g+8XfW5cBUllMznaNkLf2nMATw=
  `,
  check(storage, { report, query }) {
    const key = sodiumKeyOf(storage, query);
    const problem = key?.problem;
    if (problem?.kind !== 'length') return;
    if (problem.transform) {
      report(key!.transformPlace, problem.message, {
        fix: fix(`Set keyTransform: ${problem.transform}`, key!.setTransform(problem.transform)),
        related: [{ at: valuePlace(key!.entry), message: 'the key' }],
      });
      return;
    }
    report(valuePlace(key!.entry), problem.message, {
      // A key that WAL-G refuses has encrypted nothing yet: it can be replaced.
      fix: problem.effect === 'refused' ? replacement(storage, key!) : undefined,
      // It works, with a key that is weaker than it looks; backups that exist need exactly this one.
      severity: problem.effect === 'silent' ? 'warning' : 'error',
      related: [{ at: key!.transformPlace, message: `keyTransform ${key!.transform} of ${storage.title}` }],
    });
  },
});

function replacement(storage: ObjectStorageResource, key: ConfiguredSodiumKey): Fix | undefined {
  const title = 'Replace it by a new key of 32 bytes';
  if (key.transform === 'hex' || key.transform === 'base64') return generatedSodiumKey(key.entry, key.transform, title);
  // In one file the new text of one change would move the place of the other.
  if (key.entry.secret.part.uri === storage.part.uri) return undefined;
  return generatedSodiumKey(key.entry, 'hex', `${title} and set keyTransform: hex`, key.setTransform('hex'));
}
