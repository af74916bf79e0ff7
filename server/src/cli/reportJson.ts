import { type Failure, type FailureCode, RestoreError } from '../../../engine/src/failure.ts';
import type { Report, Tick, Verdict } from '../../../engine/src/report.ts';

/** What `test-restore --json` prints; docs/reports.md describes it: a public interface, only ever extended. */
export interface PrintedReport extends Omit<Report, 'failure'> {
  version: 1;
  failure: PrintedFailure | null;
  /** Every backup's own report, when `--backup all` asked for several. */
  backups?: Omit<PrintedReport, 'version'>[];
}

/** As in the engine, with null for what has no place. */
export interface PrintedFailure {
  code: FailureCode;
  stage: Failure['stage'];
  reason: Failure['reason'] | null;
  path: string | null;
  offset: number | null;
  message: string;
  hint: string | null;
}

/** One report for one backup; for several, one that speaks for all of them, with each inside. */
export function summarize(reports: readonly Report[]): PrintedReport {
  const [first] = reports;
  if (first && reports.length === 1) return { version: 1, ...printed(first) };
  const failed = reports.find((it) => it.failure) ?? first;
  if (!failed) throw new Error('a test-restore without a report');
  const sum = (read: (it: Report) => number) => reports.reduce((total, it) => total + read(it), 0);
  const tick = (name: keyof Verdict) => worst(reports.map((it) => it.verdict[name]));
  return {
    version: 1,
    ...printed(failed),
    backup: failed.failure ? failed.backup : null,
    verdict: {
      decrypted: tick('decrypted'),
      authentic: tick('authentic'),
      complete: tick('complete'),
      restorable: tick('restorable'),
    },
    files: {
      total: sum((it) => it.files.total),
      verified: sum((it) => it.files.verified),
      failed: reports.flatMap((it) => it.files.failed),
    },
    bytes: { read: sum((it) => it.bytes.read), restored: sum((it) => it.bytes.restored) },
    seconds: Math.round(sum((it) => it.seconds) * 1_000) / 1_000,
    notes: [...new Set(reports.flatMap((it) => it.notes))],
    backups: reports.map(printed),
  };
}

/**
 * The report of a run that came to an end before it could report: a program reads every outcome from one place.
 *
 * @throws the error itself when it is none of the engine's: a bug of ours
 */
export function reportOfError(error: unknown, archive: string): Report {
  if (!(error instanceof RestoreError)) throw error;
  const unknown = `not known: ${error.failure.message}`;
  return {
    archive,
    format: 'unknown',
    backup: null,
    keys: [],
    verdict: { decrypted: null, authentic: null, complete: null, restorable: null },
    because: { decrypted: unknown, authentic: unknown, complete: unknown, restorable: unknown },
    files: { total: 0, verified: 0, failed: [] },
    bytes: { read: 0, restored: 0 },
    seconds: 0,
    failure: error.failure,
    notes: [],
    restoredTo: null,
  };
}

function printed(report: Report): Omit<PrintedReport, 'version'> {
  const seconds = Math.round(report.seconds * 1_000) / 1_000;
  const started = report.started ?? null;
  return { ...report, started, seconds, failure: report.failure && printedFailure(report.failure) };
}

export function printedFailure({ code, stage, reason, path, offset, message, hint }: Failure): PrintedFailure {
  return {
    code,
    stage,
    reason: reason ?? null,
    path: path ?? null,
    offset: offset ?? null,
    message,
    hint: hint ?? null,
  };
}

function worst(ticks: readonly Tick[]): Tick {
  if (ticks.includes(false)) return false;
  return ticks.includes(null) ? null : true;
}
