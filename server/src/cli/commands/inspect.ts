import type { Inspection } from '../../../../engine/src/job.ts';
import { type OptionTable, UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { readConfiguration } from '../configuration.ts';
import { ALLOW_COSTLY } from '../costly.ts';
import { sentence } from '../failureMessage.ts';
import { KEY_OPTIONS, readKeyMaterial, wipe } from '../keyMaterial.ts';
import { offersFor } from '../keyOffers.ts';
import { runJob } from '../running.ts';
import { harmless, paragraph, type Terminal } from '../terminal.ts';

const optionTable = {
  config: {
    kind: 'text',
    isList: true,
    value: 'PATH',
    help: 'say which keys of this pgbackrest.conf, or of these manifests, open it',
  },
  ...KEY_OPTIONS,
  ...ALLOW_COSTLY,
  json: { kind: 'flag', help: 'print the answer as JSON' },
} as const satisfies OptionTable;

export const inspect = command({
  name: 'inspect',
  summary: 'say what an archive is and which key would open it, without any key',
  usage: [
    'inspect PATH [--json]',
    'inspect PATH --config PATH...',
    'inspect PATH --key-file FILE | --passphrase-file FILE',
  ],
  description: [
    'Looks at a file, at a folder that is one backup, at the root of a pgBackRest repository, or at a bucket of WAL-G. Names decide nothing, the bytes do.',
    'With keys, each is tried: which of them opens it? Only the start of a file is read for that, the info files of each stanza of a repository, and of a bucket the first chunk of one tar of each backup and of the newest WAL.',
  ],
  options: optionTable,
  examples: [
    { line: 'restorable inspect backup.dump.gpg', what: 'a file of unknown making' },
    { line: 'restorable inspect part_001.tar.lz4 --config manifests/', what: 'which of the keys in Secrets opens it' },
  ],
  async run({ options, positionals }, terminal) {
    const [archive, ...more] = positionals.filter((it) => it.after !== 'config').map((it) => it.value);
    if (archive === undefined || more.length > 0) throw new UsageError('inspect needs one path');
    const paths = [...options.config, ...positionals.filter((it) => it.after === 'config').map((it) => it.value)];
    const configuration = paths.length > 0 ? await readConfiguration(paths, archive) : undefined;
    const configured = configuration?.offers ?? [];
    const material = await readKeyMaterial(options, terminal);
    try {
      const keys = [...configured, ...offersFor(material, options['key-transform'])];
      const inspection = await runJob(
        {
          kind: 'inspect',
          archive,
          ...(keys.length > 0 && { keys }),
          ...(configuration && configuration.known.length > 0 && { known: configuration.known }),
          ...(options['allow-costly'] && { allowCostly: true }),
        },
        terminal,
      );
      await terminal.print(
        options.json
          ? `${JSON.stringify({ version: 1, ...inspection }, undefined, 2)}\n`
          : describe(inspection, terminal),
      );
      return 0;
    } finally {
      wipe(material.key, material.passphrase);
      for (const it of configured) {
        it.bytes.fill(0);
        it.passphrase?.fill(0);
      }
    }
  },
});

function keyLabel(opens: boolean | null): string {
  return opens === null ? 'Key may open it' : opens ? 'Key opens it' : 'Key does not';
}

function describe(inspection: Inspection, terminal: Terminal): string {
  const { path, format, isEncrypted, facts, opensWith, problems } = inspection;
  const { paint, width } = terminal;
  const state = isEncrypted === null ? 'encrypted or not: unknown' : isEncrypted ? 'encrypted' : 'not encrypted';
  const rows: Row[] = [
    ...facts.map(([label, value]) => rowOf(label, value)),
    ...opensWith.map((value): Row => ({ part: '', label: 'Opens with', value })),
    ...(inspection.keys ?? []).map(
      (it): Row => ({ part: '', label: keyLabel(it.opens), value: `${it.source}: ${it.detail}` }),
    ),
  ];
  return [
    paint('bold', harmless(path)),
    `  ${harmless(format)}, ${paint(isEncrypted === false ? 'yellow' : 'green', state)}`,
    ...(rows.length > 0 ? [''] : []),
    ...describeRows(rows, terminal),
    ...problems.flatMap((it) => [
      '',
      paragraph(harmless(sentence(it)), { width, first: '  ! ' }).replace('!', paint('yellow', '!')),
    ]),
    '',
  ].join('\n');
}

/** What is said of one of several parts of an archive has its name in the label: `db/shop: Backups`. */
interface Row {
  part: string;
  label: string;
  value: string;
}

function rowOf(label: string, value: string): Row {
  const end = label.indexOf(': ');
  return end < 0 ? { part: '', label, value } : { part: label.slice(0, end), label: label.slice(end + 2), value };
}

const widestLabel = 24;

/** Each part below its own name. */
function describeRows(rows: readonly Row[], { paint, width }: Terminal): string[] {
  const column = Math.min(widestLabel, Math.max(0, ...rows.map((it) => it.label.length)) + 2);
  return rows.flatMap(({ part, label, value }, index) => {
    const before = rows[index - 1]?.part ?? '';
    const indent = part === '' ? '  ' : '    ';
    // A label that fills the column must not run into what follows it.
    const first = `${indent}${label.padEnd(column - 2)}  `;
    const line = paragraph(harmless(value), { width, first }).replace(first, paint('dim', first));
    if (part === before) return [line];
    return part === '' ? ['', line] : [...(index > 0 ? [''] : []), `  ${paint('bold', harmless(part))}`, line];
  });
}
