import { confOfEntry } from '../pgbackrest/conf.ts';
import { ConfigMapResource, SecretResource } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'mounted-file-name',
  summary: 'A conf is mounted under a file name that ends in .conf.',
  why: 'pgBackRest reads only *.conf of its folder. The credentials or the cipher pass in the file are never read: every command stops with error 37, or the repository is written in plain text.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P38', 'P39'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          configuration:
            - secret:
                name: prod-pgbackrest
                items: [{key: s3.conf, path: s3}]
                                             ^^ error mounted-file-name: pgBackRest never reads the file s3: its name must end in .conf
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      s3.conf: |
        [global]
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          configuration:
            - secret:
                name: prod-pgbackrest
                items: [{key: s3.conf, path: s3.conf}, {key: gcs.json, path: gcs-key.json}]
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      gcs.json: "{}"
      s3.conf: |
        [global]
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(cluster, { report, query }) {
    for (const source of cluster.scopes.flatMap((it) => it.configuration)) {
      const owner = source.reference && query.resolve(source.reference)?.resource;
      if (!(owner instanceof SecretResource || owner instanceof ConfigMapResource)) continue;
      for (const item of source.items ?? []) {
        const entry = owner.entry(item.key);
        const path = item.node.get('path');
        // Certificates and key files are mounted beside: only what is a conf must be called one.
        if (!entry || !path || /.\.conf$/.test(item.path) || !confOfEntry(entry)) continue;
        report(path.place, `pgBackRest never reads the file ${item.path}: its name must end in .conf`, {
          fix: fix(`Mount it as ${item.key.endsWith('.conf') ? item.key : `${item.key}.conf`}`, [
            { at: path.place, newText: item.key.endsWith('.conf') ? item.key : `${item.key}.conf` },
          ]),
        });
      }
    }
  },
});
