import { valuePlace } from '../queries/selectedEntry.ts';
import { sodiumKeyOf } from '../queries/sodiumKey.ts';
import { setText } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'sodium-key-transform',
  summary: 'keyTransform says how the key is written: hex, base64, or as it is.',
  why: 'Without a keyTransform, or with none, WAL-G takes the first 32 characters of the text as the key: of 64 hex digits that is half the key, and every tool that decodes the hex finds the backups unreadable. With another wrong one, WAL-G refuses the key, and nothing is archived.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G40', 'G54', 'G55', 'pains P37'],
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
        ^^^^^^ error sodium-key-transform: the key is 64 hex digits, but keyTransform is none: WAL-G takes its first 32 characters as the key
          key: {name: backup-key, key: key}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
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
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  check(storage, { report, query }) {
    const key = sodiumKeyOf(storage, query);
    const problem = key?.problem;
    if (problem?.kind !== 'transform' || !problem.transform) return;
    const edits = key!.setTransform(problem.transform);
    if (edits && problem.newText !== undefined) edits.push(...(setText(key!.entry, problem.newText) ?? []));
    report(key!.transformPlace, problem.message, {
      fix: fix(
        // With none, existing backups were written with the other reading of the key and need it for ever.
        `Set keyTransform: ${problem.transform}${problem.effect === 'silent' ? ' (only while this storage holds no backups)' : ''}`,
        edits,
      ),
      related: [{ at: valuePlace(key!.entry), message: 'the key' }],
    });
  },
});
