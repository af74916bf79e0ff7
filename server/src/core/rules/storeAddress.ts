import { isOpaque } from '../opaque.ts';
import { compareReleases } from '../pgbackrest/options.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'store-address',
  summary: 'The endpoint and region of a repository are those of a store that pgBackRest can reach.',
  why: 'The API server takes any text; pgBackRest does not. An empty endpoint or region is error 32. A scheme other than https was refused up to 2.57 (error 29), and later versions send everything over it that is not encrypted. A path or bucket in the endpoint, or the address of a website, belongs to no store: every request fails.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P33', 'P34', 'C8'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          repos:
            - name: repo1
              s3:
                bucket: backups
                endpoint: s3.example.com/backups
                          ^^^^^^^^^^^^^^^^^^^^^^ error store-address: an endpoint is a host and a port: the bucket and path have fields of their own
                region: eu-west-1
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: keys, namespace: db}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report, target }) {
    for (const repo of cluster.scopes.flatMap((it) => it.repos)) {
      const store = repo.node.get('s3');
      const [endpoint, region] = [store?.get('endpoint'), store?.get('region')];
      for (const [name, node] of [
        ['endpoint', endpoint],
        ['region', region],
      ] as const) {
        if (!node || node.isMap || node.isList || (node.text ?? '') !== '' || node.isNull) continue;
        report(node.place, `${name} is empty, and pgBackRest wants a value: error 32`, {
          fix:
            name === 'region'
              ? fix('Use us-east-1, which most stores take', [{ at: node.place, newText: 'us-east-1' }])
              : undefined,
        });
      }
      const text = endpoint?.text ?? '';
      if (!endpoint || text === '' || isOpaque(text)) continue;
      const host = text.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
      const bucket = store?.textAt('bucket') ?? '';
      if (/^http:\/\//i.test(text)) {
        const isTaken = target.pgbackrest !== undefined && compareReleases(target.pgbackrest, '2.58') >= 0;
        report(
          endpoint.place,
          'pgBackRest up to 2.57 refuses http, and later versions send everything over it in clear',
          {
            severity: isTaken ? 'information' : 'warning',
            fix: fix('Use TLS: the host and port alone', [{ at: endpoint.place, newText: host }]),
          },
        );
      } else if (/\/./.test(host)) {
        report(endpoint.place, 'an endpoint is a host and a port: the bucket and path have fields of their own', {
          fix: fix(`Change to ${host.replace(/\/.*$/, '')}`, [
            { at: endpoint.place, newText: host.replace(/\/.*$/, '') },
          ]),
        });
      } else if (/^s3-website[.-]/.test(host)) {
        report(endpoint.place, 'this is the address of a website, which takes no backups: s3.REGION.amazonaws.com');
      } else if (bucket !== '' && host.startsWith(`${bucket}.`)) {
        report(
          endpoint.place,
          'the bucket is part of this endpoint already, and pgBackRest puts it in front once more',
          {
            severity: 'warning',
            fix: fix(`Change to ${host.slice(bucket.length + 1)}`, [
              { at: endpoint.place, newText: host.slice(bucket.length + 1) },
            ]),
          },
        );
      }
    }
  },
});
