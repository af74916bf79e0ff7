import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'cluster-type-without-pass',
  summary: 'A repository of a cluster with a cipher type needs its cipher pass in a mounted Secret.',
  why: 'pgBackRest stops with error 37 in every Pod: the stanza is never created, nothing is archived, and WAL piles up on the volume.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P5', 'P6', 'pains P05', 'pains P28'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          configuration:
            - secret: {name: prod-pgbackrest}
          global:
            repo1-cipher-type: aes-256-cbc
            ^^^^^^^^^^^^^^^^^ error cluster-type-without-pass: repo1 has a cipher type, but no mounted Secret holds repo1-cipher-pass
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
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          configuration:
            - secret: {name: prod-pgbackrest}
          global:
            repo1-cipher-type: aes-256-cbc
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
        repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(cluster, { report, query }) {
    for (const scope of cluster.scopes) {
      const configuration = clusterConfiguration(cluster, scope, query);
      // A pass that nobody can see here may be in the cluster's own Secret, or in the environment.
      if (configuration.unseen.length > 0 || configuration.hasEnvironment) continue;
      for (const repository of configuration.repositories()) {
        const type = repository.option('cipher-type');
        if (!type || type.value === 'none' || type.isOpaque || repository.option('cipher-pass')) continue;
        // In a Secret's conf, the conf's own rule says it where no cluster is near.
        if (
          type.keyPlace.part !== cluster.part &&
          type.origin.kind === 'conf' &&
          !scope.repos.some((it) => it.name === repository.name)
        )
          continue;
        const others = configuration.settings.filter(
          (it) => it.resolved.name === 'repo-cipher-pass' && it.group !== repository.name,
        );
        report(
          type.keyPlace,
          `${repository.name} has a cipher type, but no mounted Secret holds ${repository.name}-cipher-pass`,
          {
            related: others.map((it) => ({
              at: it.keyPlace,
              message: `this pass is for ${it.group ?? 'no repository'}`,
            })),
          },
        );
      }
    }
  },
});
