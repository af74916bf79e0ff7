import { selectedEntry } from '../queries/selectedEntry.ts';
import { setText } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { decodeBase64, utf8 } from '../text/base64.ts';

export default rule({
  id: 'storage-ca-certificate',
  summary: 'caCertificate is a certificate in PEM.',
  why: 'The S3 client cannot trust the server: every push fails with an error of TLS.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G53'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3Compatible
      s3Compatible:
        bucket: backups
        endpoint: https://s3.example.org
        awsCredentials:
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
            caCertificate: {name: s3, key: ca.crt}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      accessKeyId: AKIAXXXXXXXXXXXXXXXX
      secretAccessKey: abcdefghijabcdefghijabcdefghijabcdefghij
      ca.crt: not a certificate
      ^^^^^^ error storage-ca-certificate: there is no BEGIN CERTIFICATE line: the S3 client wants PEM
  `,
  good: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3Compatible
      s3Compatible:
        bucket: backups
        endpoint: https://s3.example.org
        awsCredentials:
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
            caCertificate: {name: s3, key: ca.crt}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      accessKeyId: AKIAXXXXXXXXXXXXXXXX
      secretAccessKey: abcdefghijabcdefghijabcdefghijabcdefghij
      ca.crt: |
        -----BEGIN CERTIFICATE-----
        MIIBszCCAVmgAwIBAgIUbWFkZSBmb3IgYW4gZXhhbXBsZQ==
        -----END CERTIFICATE-----
  `,
  check(storage, { report, query }) {
    const selector = storage.selector('s3Compatible.awsCredentials.secretKeySelectors.caCertificate');
    const entry = selectedEntry(selector, query);
    if (!entry?.bytes) return;
    const text = new TextDecoder().decode(entry.bytes);
    if (/^-----BEGIN (?:TRUSTED )?CERTIFICATE-----\s*$/m.test(text)) return;
    const inner = decodeBase64(text.trim());
    const pem = inner.problem ? '' : (utf8(inner.bytes) ?? '');
    const message = pem.includes('-----BEGIN CERTIFICATE')
      ? 'the certificate is encoded in base64 once more'
      : text.includes('-----BEGIN CERTIFICATE')
        ? 'the line breaks of the certificate are lost'
        : 'there is no BEGIN CERTIFICATE line: the S3 client wants PEM';
    report(entry.keyPlace, message, {
      fix: pem.includes('-----BEGIN CERTIFICATE')
        ? fix('Take one layer of base64 off the certificate', setText(entry, pem))
        : undefined,
      related: [{ at: selector!.node.place, message: `${storage.title} uses this certificate` }],
    });
  },
});
