import { fix, fixture, rule } from '../rule.ts';
import { replaceValue } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'cnpg-command-arguments',
  summary: 'Every entry of additionalCommandArgs is one argument, and none that the operator sets itself.',
  why: 'An entry is handed over as one argument, blanks and all: "-e AES256" is no option that Barman Cloud knows, and the backup fails. An option that a field of the store sets already is dropped without a word.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N22', 'N23'],
  kinds: ['CnpgCluster', 'CnpgObjectStore'],
  bad: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
        data:
          additionalCommandArgs:
            - "--max-single-put-size 16777216"
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning cnpg-command-arguments: this is one argument with a blank in it: write --max-single-put-size=…
  `,
  good: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
        data:
          additionalCommandArgs:
            - "--max-single-put-size=16777216"
  `,
  check({ stores }, { report }) {
    for (const { node } of stores) {
      for (const [section, list] of LISTS) {
        for (const it of node.get(`${section}.${list}`)?.items() ?? []) {
          const text = it.text;
          if (!text?.startsWith('-')) continue;
          const flag = /^--?[A-Za-z][\w-]*/.exec(text)?.[0];
          const value = /^--?[A-Za-z][\w-]*[ \t]+(\S.*)$/.exec(text)?.[1];
          const place = it.mapped?.isExact ? it.mapped.place(0, it.mapped.text.length) : it.place;
          if (flag && value !== undefined) {
            const isLong = flag.startsWith('--');
            report(
              place,
              `this is one argument with a blank in it: ${isLong ? `write ${flag}=…` : 'make two entries of it'}`,
              {
                fix: isLong
                  ? fix(`Join them with =`, replaceValue(it, JSON.stringify(`${flag}=${value}`)))
                  : fix('Make two entries of it', twoEntries(it, flag, value)),
              },
            );
            continue;
          }
          const field = flag && !list.startsWith('restore') ? FIELDS[section][flag] : undefined;
          if (field && node.get(field)?.isNull === false)
            report(place, `${flag} is dropped without a word: ${field} is set`);
        }
      }
    }
  },
});

const LISTS = [
  ['data', 'additionalCommandArgs'],
  ['data', 'restoreAdditionalCommandArgs'],
  ['wal', 'archiveAdditionalCommandArgs'],
  ['wal', 'restoreAdditionalCommandArgs'],
] as const;

/** Options that the operator makes of a field of the store. */
const FIELDS: Record<'data' | 'wal', Record<string, string>> = {
  data: {
    '--encryption': 'data.encryption',
    '-e': 'data.encryption',
    '--jobs': 'data.jobs',
    '-J': 'data.jobs',
    '--immediate-checkpoint': 'data.immediateCheckpoint',
    '--endpoint-url': 'endpointURL',
  },
  wal: { '--encryption': 'wal.encryption', '-e': 'wal.encryption', '--endpoint-url': 'endpointURL' },
};

function twoEntries(item: YamlNode, flag: string, value: string) {
  const { text } = item.part;
  const { start } = item.place;
  const lead = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  const first = JSON.stringify(flag);
  const second = JSON.stringify(value);
  // In a list in brackets the two stand side by side.
  return replaceValue(item, /^\s*- +$/.test(lead) ? `${first}\n${lead}${second}` : `${first}, ${second}`);
}
