import type { Fix } from '../finding.ts';
import { type ArmorProblem, armorInside, mendedArmor } from '../keys/armor.ts';
import { examplePrivateKey, indented } from '../keys/exampleKeys.ts';
import { openpgpKeyOf } from '../queries/openpgpKey.ts';
import { type SecretEntry, setText } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'openpgp-key-armor',
  summary: 'An OpenPGP key is an armored block, with its lines as gpg wrote them.',
  why: 'WAL-G reads armor only, line by line: from a binary export, a second base64, or lines that YAML folded into one, it gets no key. Every push fails, and the disk of the database fills up with WAL.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G47', 'pains P52'],
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
        method: openpgp
        openpgp:
          key: {name: backup-key, key: private.asc}
          keyPassphrase: {name: backup-key, key: passphrase}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      private.asc: >
      ^^^^^^^^^^^ error openpgp-key-armor: the line breaks of the key are lost: WAL-G finds no armored key in it
        ${indented(examplePrivateKey(), 8)}
      passphrase: ""
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
        method: openpgp
        openpgp:
          key: {name: backup-key, key: private.asc}
          keyPassphrase: {name: backup-key, key: passphrase}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      private.asc: |
        ${indented(examplePrivateKey(), 8)}
      passphrase: ""
  `,
  check(storage, context) {
    const key = openpgpKeyOf(storage, context);
    if (!key || key.value.text === '') return;
    const { entry, armor, value, examination } = key;
    const message = examination?.isUnreadable
      ? 'what stands between BEGIN and END cannot be read as an OpenPGP key: characters were lost or changed'
      : value.isAltered
        ? `the key is ${entry.bytes!.length} bytes that are no text: WAL-G wants what gpg --armor exports`
        : armor.problem
          ? SAYS[armor.problem]
          : armor.first?.type === 'other'
            ? `the first block is a ${armor.first.label}, not a key`
            : undefined;
    if (!message) return;
    context.report(entry.keyPlace, message, {
      fix: value.isAltered ? undefined : cure(entry, value.text, armor.problem),
      related: [
        { at: storage.selector('encryption.openpgp.key')!.node.place, message: `${storage.title} uses this key` },
      ],
    });
  },
});

const SAYS: Record<ArmorProblem, string> = {
  'not-armored': 'this is no armored OpenPGP key: it has no BEGIN PGP PRIVATE KEY BLOCK line',
  'encoded-twice': 'the key is encoded in base64 once more: WAL-G wants the armored text itself',
  'broken-lines': 'the line breaks of the key are lost: WAL-G finds no armored key in it',
  'no-empty-line': 'the empty line behind the BEGIN line is missing: WAL-G finds no armored key',
  indented: 'the lines of the key have blanks in front or behind: WAL-G reads no key from them',
  'long-lines': 'the key has lines of more than 96 characters: WAL-G reads no key from them',
  'foreign-characters': 'between BEGIN and END stand characters that armor does not have',
  'no-end': 'the END line is missing: the key is cut off',
};

function cure(entry: SecretEntry, value: string, problem: ArmorProblem | undefined): Fix | undefined {
  if (!problem) return undefined;
  const part = entry.secret.part;
  const header = entry.node?.place.start;
  if (problem === 'broken-lines' && header !== undefined && part.text[header] === '>')
    return fix('Keep the line breaks: | instead of >', [{ at: part.place(header, header + 1), newText: '|' }]);
  const isTwice = problem === 'encoded-twice';
  const inside = isTwice ? armorInside(value) : mendedArmor(value);
  if (inside === undefined) return undefined;
  return fix(
    isTwice ? 'Take one layer of base64 off the key' : 'Put the lines of the key in order',
    setText(entry, inside),
  );
}
