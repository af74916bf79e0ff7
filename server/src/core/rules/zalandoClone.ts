import { isOpaque } from '../opaque.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-clone',
  summary: 'A clone from backups says which cluster it is made from, and holds no key.',
  why: 'The path of the WAL of the source has its UID in it: without uid or s3_wal_path a clone to a timestamp finds nothing. s3_secret_access_key stands in clear text in the manifest, where CLONE_AWS_SECRET_ACCESS_KEY can come from a Secret.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z13', 'Z14'],
  kinds: ['ZalandoCluster'],
  bad: fixture`
    apiVersion: acid.zalan.do/v1
    kind: postgresql
    metadata: {name: team-main, namespace: db}
    spec:
      teamId: team
      numberOfInstances: 2
      postgresql: {version: "16"}
      volume: {size: 1Gi}
      clone:
        cluster: team-old
        timestamp: "2026-01-31T08:00:00+00:00"
        ^^^^^^^^^ warning zalando-clone: with a timestamp the uid of the source is needed, or s3_wal_path
        s3_secret_access_key: abcdefghijabcdefghijabcdefghijabcdefghij
        ^^^^^^^^^^^^^^^^^^^^ warning zalando-clone: s3_secret_access_key stands here in clear text; CLONE_AWS_SECRET_ACCESS_KEY from a Secret takes its place
  `,
  good: fixture`
    apiVersion: acid.zalan.do/v1
    kind: postgresql
    metadata: {name: team-main, namespace: db}
    spec:
      teamId: team
      numberOfInstances: 2
      postgresql: {version: "16"}
      volume: {size: 1Gi}
      clone:
        cluster: team-old
        uid: 0c1e6a9e-52a5-4a3c-8d27-2f1c6a0f8a11
        timestamp: "2026-01-31T08:00:00+00:00"
  `,
  check(cluster, { report }) {
    const clone = cluster.node.get('spec.clone');
    if (!clone?.isMap) return;
    const timestamp = clone.get('timestamp');
    const isSet = (name: string) => clone.get(name)?.isNull === false;
    const hasPath = cluster.env.some((it) =>
      /^CLONE_(?:WAL[EG]_S3_PREFIX|WALG_GS_PREFIX|WALG_AZ_PREFIX|WAL_BUCKET_SCOPE_SUFFIX)$/.test(it.name),
    );
    if (timestamp?.text && !isSet('uid') && !isSet('s3_wal_path') && !hasPath)
      report(timestamp.keyPlace, 'with a timestamp the uid of the source is needed, or s3_wal_path');
    const key = clone.get('s3_secret_access_key');
    if (key?.text && !isOpaque(key.text))
      report(
        key.keyPlace,
        's3_secret_access_key stands here in clear text; CLONE_AWS_SECRET_ACCESS_KEY from a Secret takes its place',
      );
  },
});
