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
    const configured = paths.length > 0 ? (await readConfiguration(paths, archive)).offers : [];
    const material = await readKeyMaterial(options, terminal);
    try {
      const keys = [...configured, ...offersFor(material, options['key-transform'])];
      const inspection = await runJob(
        {
          kind: 'inspect',
          archive,
          ...(keys.length > 0 && { keys }),
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

function describe(inspection: Inspection, { paint, width }: Terminal): string {
  const { path, format, isEncrypted, facts, opensWith, problems } = inspection;
  const state = isEncrypted === null ? 'encrypted or not: unknown' : isEncrypted ? 'encrypted' : 'not encrypted';
  const rows: [string, string][] = [
    ...facts,
    ...opensWith.map((it): [string, string] => ['Opens with', it]),
    ...(inspection.keys ?? []).map((it): [string, string] => [keyLabel(it.opens), `${it.source}: ${it.detail}`]),
  ];
  const column = Math.min(24, Math.max(0, ...rows.map(([label]) => label.length)) + 2);
  return [
    paint('bold', harmless(path)),
    `  ${harmless(format)}, ${paint(isEncrypted === false ? 'yellow' : 'green', state)}`,
    ...(rows.length > 0 ? [''] : []),
    ...rows.map(([label, value]) => {
      const first = `  ${label.padEnd(column)}`;
      return paragraph(harmless(value), { width, first }).replace(first, paint('dim', first));
    }),
    ...problems.flatMap((it) => [
      '',
      paragraph(harmless(sentence(it)), { width, first: '  ! ' }).replace('!', paint('yellow', '!')),
    ]),
    '',
  ].join('\n');
}
