import { committedResource } from '../queries/committed.ts';
import { ObjectStorageResource } from '../resources/stackgres.ts';
import { fix, fixture, rule } from '../rule.ts';

const storage = (encryption: string) => `apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
${encryption}`;

const sodium = (transform: string) => `      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: ${transform}`;

const MARK =
  '      ^^^^^^^^^^ error changed-storage-encryption: SGObjectStorage db/backups is committed without encryption: it changes in the middle of an archive';

export default rule({
  id: 'changed-storage-encryption',
  summary: 'The encryption of a storage that holds backups stays as it is.',
  why: 'StackGres keeps the folder and writes new WAL under the new settings, while every SGBackup goes on with a copy of the old ones. A restore reads the archive up to the change, takes what it cannot decrypt for the end of it, and without a recovery target the cluster is promoted with transactions missing: nothing fails. A new encryption wants a new SGObjectStorage, and a base backup at once. This compares with what is committed, and cannot see whether a backup was ever made.',
  severity: 'error',
  confidence: 'likely',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G71'],
  kinds: ['SGObjectStorage'],
  committed: fixture`
    ${storage('')}
  `,
  bad: fixture`
    ${storage(sodium('hex').replace('encryption:', `encryption:\n${MARK}`))}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  good: fixture`
    ${storage('')}
    ---
    ${storage(sodium('hex')).replace('name: backups', 'name: encrypted')}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  check(resource, { report, history }) {
    if (resource.name === '') return;
    const past = committedResource(resource, history.before, ObjectStorageResource);
    if (!past) return;
    const [now, old] = [settingsOf(resource), settingsOf(past)];
    if (now === old || /\{\{|\$\{/.test(`${now}${old}`)) return;
    const { encryption } = resource;
    const how =
      old === ''
        ? 'is committed without encryption'
        : now === ''
          ? 'is committed with encryption'
          : 'is committed with another encryption';
    report(
      encryption?.keyPlace ?? resource.namePlace,
      `${resource.title} ${how}: it changes in the middle of an archive`,
      { fix: putBack(resource, past) },
    );
  },
});

/** What WAL-G gets: which key, read how. `method` and an order of fields change nothing. */
function settingsOf(storage: ObjectStorageResource): string {
  const section = storage.effectiveEncryption;
  const node = section && storage.encryption?.get(section);
  if (!section || !node) return '';
  const selector = (path: string) => [node.textAt(`${path}.name`), node.textAt(`${path}.key`)];
  const transform = node.textAt('keyTransform') ?? 'none';
  const parts = section === 'sodium' ? [selector('key'), transform] : [selector('key'), selector('keyPassphrase')];
  return JSON.stringify([section, ...parts]);
}

/** Only where the committed text can stand where the new one does. */
function putBack(now: ObjectStorageResource, past: ObjectStorageResource) {
  const [a, b] = [now.encryption, past.encryption];
  if (!a || !b || a.column !== b.column || a.isFlow !== b.isFlow) return undefined;
  const { start, end } = b.place;
  return fix('Put the committed encryption back', [{ at: a.place, newText: b.part.text.slice(start, end).trimEnd() }]);
}
