import type { Severity } from '../finding.ts';
import { isOpaque } from '../opaque.ts';
import type { StorageType } from '../resources/stackgres.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'storage-address',
  summary: 'bucket and endpoint of a storage name something.',
  why: 'The API server accepts nearly every text. WAL-G fails on a bucket without a name or with a blank in it; the operator itself stumbles over a host name that is none, and every cluster that uses the storage is no longer reconciled.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G32', 'G81'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3Compatible
      s3Compatible:
        bucket: s3://
                ^^^^^ error storage-address: there is no bucket name in this
        endpoint: http://my_minio:9000
                  ^^^^^^^^^^^^^^^^^^^^ error storage-address: the host name of the endpoint must not have an underscore: the operator stops at it
        awsCredentials:
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
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
  check(storage, { report }) {
    for (const { type, node } of storage.sections) {
      const bucket = node.get('bucket');
      const text = bucket?.text;
      if (bucket && text && !isOpaque(text))
        checkBucket(text, type, (message, severity) => report(bucket.usePlace, message, { severity }));
      const endpoint = type === 's3Compatible' ? node.get('endpoint') : undefined;
      const address = endpoint?.text;
      if (!endpoint || !address || isOpaque(address) || !/^https?:/.test(address)) continue;
      const host = /^https?:\/\/(?:[^/@]*@)?([^/:?#]*)/.exec(address)?.[1];
      const message = !host
        ? 'the endpoint has no host name: the operator stops at it'
        : host.includes('_')
          ? 'the host name of the endpoint must not have an underscore: the operator stops at it'
          : undefined;
      if (message) report(endpoint.usePlace, message, { severity: 'error' });
    }
  },
});

const SCHEMES: Record<StorageType, string[]> = {
  s3: ['s3', 'http', 'https'],
  s3Compatible: ['s3', 'http', 'https'],
  gcs: ['gs', 'gcs'],
  azureBlob: ['azure'],
};

function checkBucket(text: string, type: StorageType, report: (message: string, severity: Severity) => void): void {
  const [, scheme, rest = text] = /^([A-Za-z0-9]+):\/\/(.*)$/.exec(text) ?? [];
  const name = rest.split('/')[0]!;
  if (name === '') report('there is no bucket name in this', 'error');
  else if (/^[a-z0-9]+:$/i.test(name)) report(`${name} wants two slashes behind it`, 'error');
  else if (/\s/.test(name)) report('a bucket name has no blanks', 'error');
  else if (scheme && !SCHEMES[type].includes(scheme)) report(`${scheme}:// is of another type than ${type}`, 'warning');
  else if (/\/$|\/\//.test(rest)) report('a slash too many: the names of all objects get a double slash', 'warning');
}
