/** Writes docs/coverage.md: each numbered mistake of the catalogues with the rules that find it, or why no file can show it. */

import { allRules } from '../../server/src/core/rules/all.ts';
import type { Generator } from './generator.ts';

export const coveragePage: Generator = {
  files: () => [{ path: 'docs/coverage.md', text: page() }],
};

interface Catalogue {
  prefix: string;
  title: string;
  /** The numbers that there are, first and last; what is between them may have gaps. */
  numbers: readonly number[];
}

const span = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

export const catalogues: readonly Catalogue[] = [
  {
    prefix: 'M',
    title: 'pgbackrest.conf',
    numbers: [...span(1, 17), ...span(20, 65), ...span(70, 87), ...span(90, 100)],
  },
  { prefix: 'G', title: 'StackGres', numbers: span(1, 83) },
  { prefix: 'P', title: 'Percona and Crunchy', numbers: span(1, 67) },
  { prefix: 'C', title: 'Crunchy alone, and its chart', numbers: span(1, 19) },
  { prefix: 'W', title: 'Portworx and Stork', numbers: span(1, 24) },
  { prefix: 'N', title: 'CloudNativePG', numbers: span(1, 29) },
  { prefix: 'Z', title: 'Zalando', numbers: span(1, 16) },
  { prefix: 'K', title: 'Secrets, ConfigMaps, Kustomize', numbers: span(1, 30) },
  {
    prefix: 'pains P',
    title: 'Cases of people who were hurt',
    numbers: [
      1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29, 31, 32, 34, 35, 37, 38, 40, 41, 43, 44,
      46, 47, 49, 50, 52, 53, 55, 56, 58, 59, 61, 62, 64, 65, 67, 68, 70, 71, 73, 74, 76, 77, 79, 80, 82, 83, 85, 86,
      88, 89, 91, 92,
    ],
  },
];

/** `M1`, `pains P01`: as the rules write them. */
export function numberName({ prefix }: Catalogue, number: number): string {
  return prefix === 'pains P' ? `${prefix}${String(number).padStart(2, '0')}` : `${prefix}${number}`;
}

/** Why no rule can find it. */
export const reasons: Readonly<Record<string, string>> = {
  M87: 'Who may write into the lock folder is decided on the machine. That pgBackRest runs as root is told by cron-as-root.',
  G51: 'An edit while a backup runs: whether one runs is known in the cluster only. What such an edit does to old backups is told by changed-storage-encryption.',
  G80: 'A command typed by hand to look into a backup. The test restore opens such files itself.',
  G83: 'A schedule in UTC reads like one in local time: the text does not say which was meant.',
  C3: 'The value in the chart is right or encoded twice depending on the template. What the chart makes of it is checked: secret-double-base64.',
  C17: 'Not a mistake: two Secrets that together hold what is needed. They are read together.',
  C18: 'A stanza-create that failed once in the past. The credentials that made it fail are checked: missing-credentials, unknown-option.',
  W17: 'The passphrase of another cluster, which no file here holds. The verdict comes from a test restore with the passphrase at hand.',
  W19: 'Which data mover a backup uses is decided when it is made.',
  W24: 'The versions of Portworx and Stork stand in no manifest of a location.',
  N5: 'A belief about who can read the data; the field is used as it is meant. The hover of encryption says that the provider can read it.',
  N29: 'Depends on the version of boto3 inside of the image, and on the store.',
  K21: 'Not a mistake: values that SOPS encrypted are left alone.',
  K22: 'Not a mistake: the values of a SealedSecret are left alone.',
  K23: 'Not a mistake: a template of an ExternalSecret is read around its expressions.',
  K24: 'Not a mistake: placeholders of renderers are left alone; one that nobody fills is told by placeholder-cipher-pass.',
  K26: 'An annotation that kubectl apply adds in the cluster, whatever the file says.',
  'pains P10':
    'Whether a pass is the right one shows at the repository: the test restore tells a wrong pass from damage.',
  'pains P17': 'Which files of a repository survived: the test restore lists what the chain of keys lacks.',
  'pains P23':
    'Which of several rendered configurations a command reads is decided where it runs. check --explain shows each of them.',
  'pains P25':
    'The order of wrappers around archive_command at run time. WAL that arrives decrypted is told by plain-wal-under-pg-tde.',
  'pains P41': 'A defect of the product, not of a file.',
  'pains P47':
    'A template without a value. What it renders is checked: kustomize build or helm template piped into check -.',
  'pains P50': 'How the binary was built stands in no file. The test restore says that an archive is not encrypted.',
  'pains P55': 'The generation of gpg on the machine that restores. The test restore needs no gpg.',
  'pains P58': 'The form of one object. The test restore knows it.',
  'pains P59': 'A question about an archive: inspect answers it.',
  'pains P68':
    'A password file is no configuration, and is not read. The key files that are offered to a test restore are tried with and without the line break.',
  'pains P79': 'The form of one message. The test restore asks before it opens one without integrity protection.',
  'pains P80': 'What a program leaves on the disk. The test restore writes nothing before the verdict.',
  'pains P91': 'Whether a key was saved elsewhere cannot be seen.',
};

function page(): string {
  const rulesOf = new Map<string, string[]>();
  for (const rule of allRules) {
    for (const it of rule.catalogue ?? []) rulesOf.set(it, [...(rulesOf.get(it) ?? []), rule.id]);
  }
  const summaries = new Map(allRules.map((it) => [it.id, it.summary]));
  let found = 0;
  let total = 0;
  const sections = catalogues.map((catalogue) => {
    const rows = catalogue.numbers.flatMap((number) => {
      const name = numberName(catalogue, number);
      const rules = rulesOf.get(name) ?? [];
      const reason = reasons[name];
      if (rules.length === 0 && reason === undefined) return [`| ${name} | **nothing** | |`];
      total++;
      if (rules.length > 0) found++;
      const links = rules.map((it) => `[${it}](rules/${it}.md)`).join(', ');
      return [
        `| ${name} | ${links || '–'} | ${(rules.length > 0 ? summaries.get(rules[0]!)! : reason!).replaceAll('|', '\\|')} |`,
      ];
    });
    return [
      `## ${catalogue.title}`,
      '',
      '| number | found by | what must be so, or why it is not found |',
      '|---|---|---|',
      ...rows,
    ].join('\n');
  });
  return `${[
    '<!-- Generated by `npm run generate` from the rules and tools/generate/coveragePage.ts. -->',
    '# Which mistakes are found',
    `The mistakes that are known are numbered: they come from manuals, from the sources of the products, from tests with the real programs, and from people who were hurt. ${found} of ${total} are found in files, ${total - found} cannot be, or are none. Each number that a rule claims has an example in \`test/core/catalogue\`, in which that rule must speak.`,
    ...sections,
  ].join('\n\n')}\n`;
}
