import type { Query } from '../index.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { readingsOf } from '../queries/confReading.ts';
import { repositoryCiphers } from '../queries/repositoryCipher.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'cipher-type-not-here',
  summary: 'A cipher pass in a fragment works only together with the cipher type that must stand somewhere else.',
  why: 'A pass without a type is dropped without a word and the repository is stored in plain text. The type may well be in the cluster that mounts this Secret, or in the pgbackrest.conf beside this fragment, but neither is in the workspace: it cannot be seen.',
  severity: 'information',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M1', 'P1', 'pains P01'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      s3.conf: |
        [global]
        repo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
        ^^^^^^^^^^^^^^^^^ information cipher-type-not-here: repo2 stays unencrypted unless repo2-cipher-type is set elsewhere, and nothing here sets it
  `,
  good: fixture`
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      s3.conf: |
        [global]
        repo2-cipher-type=aes-256-cbc
        repo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(conf, { report, query }) {
    for (const reading of readingsOf(conf, query)) {
      if (reading.cluster || reading.isWhole || reading.hasOpaqueLines) continue;
      for (const { repository, type, pass, isTypeTold } of repositoryCiphers(reading, reading.stanzas[0])) {
        if (!pass || type || isTypeTold || !conf.holds(pass)) continue;
        const key = `${repository.name}-cipher-type`;
        const neighbour = clusterBeside(conf, repository.name, query);
        report(
          pass.keyPlace,
          neighbour
            ? `nothing here sets ${key}, nor does ${neighbour.title} beside it: ${repository.name} is stored in plain text`
            : `${repository.name} stays unencrypted unless ${key} is set elsewhere, and nothing here sets it`,
          {
            severity: neighbour ? 'error' : 'information',
            related: neighbour
              ? [{ at: neighbour.namePlace, message: `${neighbour.title} has a ${repository.name}` }]
              : [],
            fix: fix(`Add ${key}=aes-256-cbc here`, pass.insertAfter(key, 'aes-256-cbc')),
          },
        );
      }
    }
  },
});

/**
 * A cluster in the same folder that has this repository, mounts a Secret that is not here (this one, under its name of
 * yesterday), and no cluster of the workspace sets the type.
 */
function clusterBeside(conf: Conf, repository: string, query: Query): PostgresClusterResource | undefined {
  if (!conf.entry) return undefined;
  const clusters = query
    .resources('PostgresCluster', 'PerconaPGCluster')
    .filter((it): it is PostgresClusterResource => it instanceof PostgresClusterResource);
  const scopes = clusters.flatMap((it) => it.scopes);
  const key = `${repository}-cipher-type`;
  if (scopes.some((scope) => scope.global.some((it) => it.resolved.canonical === key))) return undefined;
  const folder = (uri: string) => uri.slice(0, uri.lastIndexOf('/'));
  return clusters.find(
    ({ own, part }) =>
      own?.repos.some((it) => it.name === repository) &&
      folder(part.uri) === folder(conf.part.uri) &&
      own.configuration.some((it) => it.reference && !query.resolve(it.reference)),
  );
}
