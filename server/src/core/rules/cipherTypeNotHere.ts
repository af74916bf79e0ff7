import { readingsOf } from '../queries/confReading.ts';
import { repositoryCiphers } from '../queries/repositoryCipher.ts';
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
        if (!pass || type || !conf.holds(pass)) continue;
        if (isTypeTold) continue;
        const key = `${repository.name}-cipher-type`;
        report(
          pass.keyPlace,
          `${repository.name} stays unencrypted unless ${key} is set elsewhere, and nothing here sets it`,
          { fix: fix(`Add ${key}=aes-256-cbc here`, pass.insertAfter(key, 'aes-256-cbc')) },
        );
      }
    }
  },
});
