import { walgValue } from '../keys/walgValue.ts';
import { selectedEntry, valuePlace } from '../queries/selectedEntry.ts';
import { type SecretEntry, setText } from '../resources/secret.ts';
import { fix, fixture, type RuleContext, rule } from '../rule.ts';
import { decodeBase64, utf8 } from '../text/base64.ts';

export default rule({
  id: 'storage-credentials',
  summary: 'The credentials of a storage are what their names say.',
  why: 'The storage answers with 403 or the client finds nothing that it can read: every push fails, and the disk of the database fills up with WAL.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G52'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3
      s3:
        bucket: backups
        awsCredentials:
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      accessKeyId: abcdefghijabcdefghijabcdefghijabcdefghij
                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning storage-credentials: accessKeyId and secretAccessKey seem to be swapped
      secretAccessKey: AKIAXXXXXXXXXXXXXXXX
  `,
  good: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3
      s3:
        bucket: backups
        awsCredentials:
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      accessKeyId: AKIAXXXXXXXXXXXXXXXX
      secretAccessKey: abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(storage, { report, query }) {
    const value = (path: string) => {
      const entry = selectedEntry(storage.selector(path), query);
      return entry?.bytes && { entry, text: walgValue(entry.bytes).text };
    };
    for (const section of ['s3', 's3Compatible']) {
      const id = value(`${section}.awsCredentials.secretKeySelectors.accessKeyId`);
      const secret = value(`${section}.awsCredentials.secretKeySelectors.secretAccessKey`);
      if (id && secret && /^[A-Za-z0-9+/]{40}$/.test(id.text) && /^A[KS]IA[A-Z0-9]{12,16}$/.test(secret.text)) {
        report(valuePlace(id.entry), 'accessKeyId and secretAccessKey seem to be swapped', {
          related: [{ at: valuePlace(secret.entry), message: 'this looks like an access key id' }],
        });
      }
      for (const it of [id, secret]) if (it) checkText(it.entry, it.text, report);
    }
    for (const path of ['storageAccount', 'accessKey']) {
      const it = value(`azureBlob.azureCredentials.secretKeySelectors.${path}`);
      if (!it) continue;
      checkText(it.entry, it.text, report);
      const { bytes, problem } = decodeBase64(it.text);
      if (path === 'accessKey' && it.text.trim() !== '' && (problem || bytes.length !== 64))
        report(valuePlace(it.entry), 'the access key of a storage account is base64 of 64 bytes (88 characters)');
    }
    const json = value('gcs.gcpCredentials.secretKeySelectors.serviceAccountJSON');
    if (!json) return;
    if (json.text.trim() === '') checkText(json.entry, json.text, report);
    else if (!isJsonObject(json.text)) {
      const inner = decodeBase64(json.text.trim());
      const isTwice = !inner.problem && isJsonObject(utf8(inner.bytes) ?? '');
      report(
        json.entry.keyPlace,
        isTwice
          ? 'the service account key is encoded in base64 once more'
          : 'the service account key is no JSON object',
        {
          severity: 'error',
          fix: isTwice
            ? fix('Take one layer of base64 off the key', setText(json.entry, utf8(inner.bytes)!))
            : undefined,
        },
      );
    }
  },
});

function checkText(entry: SecretEntry, text: string, report: RuleContext['report']): void {
  if (text.trim() === '') report(entry.keyPlace, `${entry.name} is empty`);
  else if (text !== text.trim())
    report(
      valuePlace(entry),
      `${entry.name} has ${/\r/.test(text) ? 'a carriage return' : 'blanks'} around it, which the storage takes for a part of it`,
    );
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
