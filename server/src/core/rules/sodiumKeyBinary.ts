import { selectedEntry, valuePlace } from '../queries/selectedEntry.ts';
import { sodiumKeyOf } from '../queries/sodiumKey.ts';
import type { SecretEntry } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { decodeBase64, encodeBase64 } from '../text/base64.ts';

export default rule({
  id: 'sodium-key-binary',
  summary: 'StackGres hands a key to WAL-G as text.',
  why: 'The operator reads the bytes of the entry as UTF-8: what is none becomes replacement characters, NUL bytes vanish. With hex or base64 WAL-G refuses the rest; with none it encrypts with a weak key that is not the one in the file, and only this operator can make it again.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G43', 'G44', 'G59'],
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
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    data:
      key: jF6aPuVwCCdMFBxx9g+8XfW5cBUllMznaNkLf2nMATw=
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error sodium-key-binary: data decodes to 32 binary bytes, StackGres needs text: this base64 is the key itself and must be encoded once more
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
    data:
      key: akY2YVB1VndDQ2RNRkJ4eDlnKzhYZlc1Y0JVbGxNem5hTmtMZjJuTUFUdz0=
  `,
  check(storage, { report, query }) {
    const entry = selectedEntry(storage.selector('encryption.sodium.key'), query);
    const key = sodiumKeyOf(storage, query);
    if (!entry || !key?.value.isAltered) return;
    const related = [{ at: key.transformPlace, message: `${storage.title} uses this key` }];
    const length = entry.bytes!.length;
    const clear = keyInClearText(entry);
    if (!clear) {
      report(
        valuePlace(entry),
        `the key is ${length} bytes that are no text: StackGres turns them into others on the way to WAL-G`,
        { related },
      );
      return;
    }
    const what = clear === 'hex' ? 'these 64 hex digits are the key itself' : 'this base64 is the key itself';
    const source = entry.source;
    const edits = source?.edits([
      { start: 0, end: source.text.length, newText: encodeBase64(new TextEncoder().encode(source.text.trim())) },
    ]);
    let cure = 'Encode the key in base64 once more';
    if (edits && key.transform !== clear) {
      edits.push(...(key.setTransform(clear) ?? []));
      cure = `${cure} and set keyTransform: ${clear}`;
    }
    // Backups that were made so far need the mutilated key for ever.
    if (key.transform === 'none') cure = `${cure} (only while this storage holds no backups)`;
    report(
      valuePlace(entry),
      `data decodes to ${length} binary bytes, StackGres needs text: ${what} and must be encoded once more`,
      { related, fix: fix(cure, edits) },
    );
  },
});

/** A key that was pasted below `data` as it is; hex digits and base64 decode to something there. */
function keyInClearText(entry: SecretEntry): 'hex' | 'base64' | undefined {
  if (entry.container !== 'data') return undefined;
  const raw = entry.source?.text.trim() ?? '';
  if (/^[0-9a-fA-F]{64}$/.test(raw)) return 'hex';
  const { bytes, problem } = decodeBase64(raw);
  return !problem && bytes.length === 32 ? 'base64' : undefined;
}
