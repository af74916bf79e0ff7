import { valuePlace } from '../queries/selectedEntry.ts';
import { sodiumKeyOf } from '../queries/sodiumKey.ts';
import { setText } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'sodium-key-encoding',
  summary: 'A libsodium key holds only the characters that its keyTransform reads.',
  why: 'WAL-G refuses the key at the first push: nothing is archived, and the disk of the database fills up with WAL. With none it takes whatever stands there, silently: not the key that was meant.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G38', 'G41', 'G42', 'pains P89'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: "0x3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded"
            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error sodium-key-encoding: the key is 64 hex digits with 0x in front of it, which keyTransform hex does not read
  `,
  good: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: "3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded"
  `,
  check(storage, { report, query }) {
    const key = sodiumKeyOf(storage, query);
    const problem = key?.problem;
    if (problem?.kind !== 'encoding') return;
    const { entry, transform, value } = key!;
    // stackgres-value-quote says what is worse about it.
    if (problem.span && value.text[problem.span.start] === "'") return;
    let cure = problem.cure;
    let edits = problem.newText === undefined ? undefined : setText(entry, problem.newText);
    if (edits && problem.transform && problem.transform !== transform) {
      cure = `${cure} and set keyTransform: ${problem.transform}`;
      const more = key!.setTransform(problem.transform);
      edits = more && [...edits, ...more];
    }
    if (problem.effect === 'silent') cure = `${cure} (only while this storage holds no backups)`;
    report(valuePlace(entry, problem.span), problem.message, {
      fix: cure === undefined ? undefined : fix(cure, edits),
      related: [{ at: key!.transformPlace, message: `keyTransform ${transform} of ${storage.title}` }],
    });
  },
});
