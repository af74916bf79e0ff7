import { isOpaque } from '../opaque.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'cnpg-encryption-support',
  summary: 'A store outside of AWS supports the encryption header that uploads carry.',
  why: 'Not every S3-compatible store knows x-amz-server-side-encryption: Hetzner, Linode and MinIO without a KMS answer InvalidArgument or NotImplemented, and every upload fails.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N4'],
  kinds: ['CnpgCluster', 'CnpgObjectStore'],
  bad: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
        endpointURL: https://minio.example.org
        wal:
          encryption: AES256
                      ^^^^^^ hint cnpg-encryption-support: the store at minio.example.org must support this header: many S3-compatible ones do not
        data:
          encryption: AES256
  `,
  good: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
        wal:
          encryption: AES256
        data:
          encryption: AES256
  `,
  check({ stores }, { report }) {
    for (const { node } of stores) {
      const endpoint = node.textAt('endpointURL');
      const encryption = [node.get('wal.encryption'), node.get('data.encryption')].find((it) => it?.text);
      if (!endpoint || isOpaque(endpoint) || !encryption) continue;
      const host = /^[a-z]+:\/\/([^/]+)/i.exec(endpoint)?.[1];
      if (!host || /\.amazonaws\.com(?:\.cn)?(?::\d+)?$/i.test(host)) continue;
      report(encryption.place, `the store at ${host} must support this header: many S3-compatible ones do not`);
    }
  },
});
