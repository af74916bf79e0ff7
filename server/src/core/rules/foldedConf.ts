import { foldedBy } from '../pgbackrest/folded.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'folded-conf',
  summary: 'A conf in a manifest is a literal block, with | and not with >.',
  why: 'YAML makes one line of the lines of a folded block. pgBackRest stops at the header with text behind it (error 29), or takes the next options for a part of a value.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: [],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      s3.conf: >
               ^ error folded-conf: YAML makes one line of these: a conf needs |
        [global]
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  good: fixture`
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
  check(conf, { report }) {
    const at = foldedBy(conf);
    if (!at) return;
    report(at, 'YAML makes one line of these: a conf needs |', {
      fix: fix('Write | for >', [{ at, newText: '|' }], { isSafe: true }),
    });
  },
});
