import type { Inspection } from '../../../../engine/src/job.ts';
import { UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { sentence } from '../failureMessage.ts';
import { runJob } from '../running.ts';
import { harmless, paragraph, type Terminal } from '../terminal.ts';

export const inspect = command({
  name: 'inspect',
  summary: 'say what an archive is and which key would open it, without any key',
  usage: ['inspect PATH [--json]'],
  description: ['Looks at a file or at the root of a pgBackRest repository. Names decide nothing, the bytes do.'],
  options: { json: { kind: 'flag', help: 'print the answer as JSON' } },
  examples: [{ line: 'restorable inspect backup.dump.gpg', what: 'a file of unknown making' }],
  async run({ options, positionals }, terminal) {
    const [archive, ...more] = positionals.map((it) => it.value);
    if (archive === undefined || more.length > 0) throw new UsageError('inspect needs one path');
    const inspection = await runJob({ kind: 'inspect', archive }, terminal);
    await terminal.print(
      options.json
        ? `${JSON.stringify({ version: 1, ...inspection }, undefined, 2)}\n`
        : describe(inspection, terminal),
    );
    return 0;
  },
});

function describe(inspection: Inspection, { paint, width }: Terminal): string {
  const { path, format, isEncrypted, facts, opensWith, problems } = inspection;
  const state = isEncrypted === null ? 'encrypted or not: unknown' : isEncrypted ? 'encrypted' : 'not encrypted';
  const rows: [string, string][] = [...facts, ...opensWith.map((it): [string, string] => ['Opens with', it])];
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
