/** A test-restore's report for people: the four ticks with their reasons, what was read, what went wrong, what to do next. */

import type { Report, Tick } from '../../../engine/src/report.ts';
import { describeMessage, titleOf } from './failureMessage.ts';
import { size } from './running.ts';
import { type Colour, harmless, paragraph, type Terminal } from './terminal.ts';

export const TICKS = [
  'decrypted',
  'authentic',
  'complete',
  'restorable',
] as const satisfies readonly (keyof Report['verdict'])[];

export function signOf(tick: Tick): '✔' | '✘' | '?' {
  return tick === null ? '?' : tick ? '✔' : '✘';
}

export function describeReport(report: Report, terminal: Terminal): string {
  const { paint, width } = terminal;
  const tick = (it: Tick) => paint(colourOf(it), signOf(it));
  const label = report.backup
    ? `, backup ${report.backup.label}${report.backup.type ? ` (${report.backup.type})` : ''}`
    : '';
  const lines = [
    paragraph(harmless(`${report.archive}${label}`), { width, first: `${signOf(overall(report))} ` })
      .replace(/^./, (it) => paint(colourOf(overall(report)), it))
      .replace(harmless(report.archive), (it) => paint('bold', it)),
    `  ${paint('dim', harmless(report.format))}`,
    '',
    ...TICKS.map((it) => {
      const first = `  ${signOf(report.verdict[it])} ${it.padEnd(12)}`;
      const shown = `  ${tick(report.verdict[it])} ${it.padEnd(12)}`;
      // What went wrong is said once, below.
      const isFailure = report.because[it] === report.failure?.message;
      return paragraph(isFailure ? 'see below' : harmless(report.because[it]), { width, first }).replace(first, shown);
    }),
    ...describeStart(report, terminal),
    '',
  ];
  const fact = (name: string, said: string) =>
    lines.push(paragraph(harmless(said), { width, first: `  ${name.padEnd(9)}` }).replace(name, paint('dim', name)));
  if (report.files.total > 1) fact('files', describeFiles(report.files));
  const restored = report.bytes.restored > 0 ? `, ${size(report.bytes.restored)} of contents` : '';
  fact('bytes', `${size(report.bytes.read)} read${restored}, in ${report.seconds.toFixed(1)} s`);
  // What opened the archive; the keys that lay inside it are one line.
  const [given, inner] = [report.keys.filter((it) => !isInner(it)), report.keys.filter(isInner)];
  for (const it of given) {
    fact(
      'key',
      `${it.source}${it.fingerprint ? `, fingerprint ${it.fingerprint}` : ''}${it.opens ? ` (${it.opens})` : ''}`,
    );
  }
  if (inner.length > 0) fact('chain', inner.map(describeInner).join(', '));
  for (const it of report.notes) fact('note', it);
  if (report.restoredTo) fact('written', report.restoredTo);
  if (report.failure) lines.push(...describeFailure(report, terminal));
  return `${lines.join('\n')}\n`;
}

/** A pass that lay in the archive: where, and what it opens. */
function describeInner({ source, opens }: Report['keys'][number]): string {
  return `${source.replace(INNER, '')}${opens ? ` (${opens})` : ''}`;
}

/** The line below a single report, for what its reader may want now. */
export function whatNext(
  { restoredTo, verdict, failure }: Report,
  { paint, width }: Terminal,
  command: string | undefined,
): string {
  if (failure) return '';
  if (restoredTo) {
    if (command === undefined) return '';
    const cure =
      'To start PostgreSQL on it: give the folder to the user that PostgreSQL runs as, who has to be able to read the archive and the keys as well, create the empty file recovery.signal in it, and put this line into its postgresql.auto.conf:';
    const steps = paragraph(cure, { width, first: '  → ' }).replace('→', paint('dim', '→'));
    // Not wrapped: it is there to be copied.
    return `\n${steps}\n\n${harmless(command)}\n`;
  }
  const cure = verdict.restorable
    ? 'Nothing was written; add --to NEW-FOLDER to have the files.'
    : 'Nothing contradicts the archive; the question mark says what it cannot prove by itself.';
  return `\n${paragraph(cure, { width, first: '  → ' }).replace('→', paint('dim', '→'))}\n`;
}

/** One sign for the whole: what is asked is whether it can be restored. */
export function overall({ failure, verdict }: Report): Tick {
  return failure && failure.code !== 'unsupported' ? false : verdict.restorable;
}

/** The last tick there is: PostgreSQL itself has said so. */
function describeStart({ started, loaded, failure }: Report, { paint, width }: Terminal): string[] {
  // What a loaded dump says of itself stands behind "restorable".
  if (loaded || (!started && failure?.stage !== 'start')) return [];
  const tick = started ? failure === null : failure?.code === 'unsupported' ? null : false;
  const said = !started || failure ? 'see below' : startedSentence(started);
  const first = (sign: string) => `  ${sign} ${'started'.padEnd(12)}`;
  return [
    paragraph(harmless(said), { width, first: first(signOf(tick)) }).replace(
      first(signOf(tick)),
      first(paint(colourOf(tick), signOf(tick))),
    ),
  ];
}

function startedSentence(started: NonNullable<Report['started']>): string {
  const { version, recoveredTo, databases, tables, checkedBy, checksums, unread } = started;
  const recovered = recoveredTo
    ? ` recovered to ${recoveredTo.lsn ?? 'consistency'}${recoveredTo.time ? ` (last transaction ${recoveredTo.time})` : ''},`
    : '';
  const checked = checkedBy === 'pg_amcheck' ? 'pg_amcheck found nothing wrong' : 'every table was read';
  const pages = checksums ? ', every page has its checksum' : '';
  const left = unread.length > 0 ? `, ${unread.length} could not be read here (see the notes)` : '';
  return `PostgreSQL ${version} started,${recovered} and answered: ${count(tables, 'table')} in ${count(databases, 'database')}, ${checked}${pages}${left}`;
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`;
}

const INNER = /, \[cipher\]$/;

function isInner({ source }: Report['keys'][number]): boolean {
  return INNER.test(source);
}

const mostFailed = 10;

function describeFailure({ failure, files }: Report, { paint, width }: Terminal): string[] {
  if (!failure) return [];
  const lines = ['', `  ${paint('red', titleOf(failure))}`, describeMessage(failure.message, width)];
  const others = files.failed.filter((it) => it.message !== failure.message);
  for (const { path, code, offset, message } of others.slice(0, mostFailed)) {
    const place = offset === null ? '' : `, at byte ${offset}`;
    lines.push(paragraph(harmless(`${path}: ${code}${place}: ${message}`), { width, first: '  · ' }));
  }
  if (others.length > mostFailed) lines.push(`  · and ${others.length - mostFailed} more; --json lists all of them`);
  if (failure.hint) lines.push('', paragraph(harmless(failure.hint), { width, first: '  → ' }));
  return lines;
}

function describeFiles({ total, verified, failed }: Report['files']): string {
  const all = `${total.toLocaleString('en')} file${total === 1 ? '' : 's'}`;
  // What PostgreSQL refused are no files: they all agree.
  if (failed.length > 0 && verified < total)
    return `${verified.toLocaleString('en')} of ${all} agree, ${failed.length.toLocaleString('en')} failed`;
  if (verified === total) return `all ${all} agree`;
  return `${verified.toLocaleString('en')} of ${all} agree`;
}

function colourOf(tick: Tick): Colour {
  return tick === null ? 'yellow' : tick ? 'green' : 'red';
}
