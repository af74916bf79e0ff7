import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { meantCipherKey } from '../queries/repositoryCipher.ts';
import { addGlobalOption } from '../resources/postgresCluster.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'repo-pass-without-type',
  summary: 'A cluster whose Secret holds a cipher pass must also say the cipher type.',
  why: 'pgBackRest drops a pass without a type from a file, silently: the repository is written in plain text, and nobody notices until an audit.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P1', 'pains P01'],
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
          repos:
            - name: repo2
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      s3.conf: |
        [global]
        repo2-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo2-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
        repo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
        ^^^^^^^^^^^^^^^^^ error repo-pass-without-type: repo2 has a cipher pass but no repo2-cipher-type: PerconaPGCluster prod will store its backups unencrypted
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
            repo2-cipher-type: aes-256-cbc
            repo2-retention-full: "2"
          repos:
            - name: repo2
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      s3.conf: |
        [global]
        repo2-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo2-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
        repo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(cluster, { report, query }) {
    for (const scope of cluster.scopes) {
      const configuration = clusterConfiguration(cluster, scope, query);
      for (const repository of configuration.repositories()) {
        const pass = repository.option('cipher-pass');
        if (!pass || repository.option('cipher-type')) continue;
        const key = `${repository.name}-cipher-type`;
        const message = `${repository.name} has a cipher pass but no ${key}: ${cluster.title} will store its backups unencrypted`;
        // A misspelt type is told and cured where it stands.
        const misspelt = configuration.settings.find((it) => meantCipherKey(it, configuration.repositories()) === key);
        report(pass.keyPlace, message, {
          // Something that nobody can see here may hold the type.
          severity: configuration.unseen.length > 0 || configuration.hasEnvironment ? 'warning' : 'error',
          related: misspelt
            ? [{ at: misspelt.keyPlace, message: `${misspelt.key} is no option of pgBackRest` }]
            : [{ at: scope.globalNode?.keyPlace ?? cluster.namePlace, message: `${cluster.title} mounts this pass` }],
          fix: misspelt
            ? undefined
            : fix(
                `Add ${key}: aes-256-cbc to ${cluster.title}`,
                addGlobalOption(scope, key, 'aes-256-cbc') ?? pass.insertAfter(key, 'aes-256-cbc'),
              ),
        });
      }
    }
  },
});
