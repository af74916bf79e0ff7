import type { Failure, Stage } from '../../../engine/src/failure.ts';
import { harmless, paragraph, type Terminal } from './terminal.ts';

/** `wrong-key while decrypting, in backup/db/x, byte 24`. */
export function titleOf({ code, stage, path, offset }: Failure): string {
  const place = [path && `in ${harmless(path)}`, offset !== undefined && `at byte ${offset}`].filter((it) => it);
  const doing = code === 'usage' || code === 'cancelled' ? '' : ` while ${DOING[stage]}`;
  return `${code}${doing}${place.length > 0 ? `, ${place.join(' ')}` : ''}`;
}

/** A failure for the person at the keyboard: what, where, what to do. */
export function sayFailure(failure: Failure, { say, paintError: paint, width }: Terminal): void {
  say(`${paint('red', '✘')} ${paint('bold', titleOf(failure))}`);
  say(describeMessage(failure.message, width));
  if (failure.hint) say(paragraph(harmless(failure.hint), { width, first: '  → ' }));
}

/** What was seen, as a sentence; the lines of a log below it stay lines. */
export function describeMessage(message: string, width: number): string {
  const [first = '', ...log] = message.split('\n');
  const lines = log.map((it) => paragraph(harmless(it.trim()), { width, first: '    ' }));
  return [paragraph(harmless(sentence(first)), { width, first: '  ' }), ...lines].join('\n');
}

/** Messages have no final dot; on their own lines they are sentences. */
export function sentence(message: string): string {
  const first = /^[a-z][a-z']* /.test(message) ? message[0]!.toUpperCase() + message.slice(1) : message;
  return /[.!?:]$/.test(first) ? first : `${first}.`;
}

const DOING: Record<Stage, string> = {
  open: 'opening',
  key: 'reading the key',
  decrypt: 'decrypting',
  decompress: 'decompressing',
  contents: 'checking the contents',
  chain: 'following the chain of backups',
  wal: 'checking the WAL',
  write: 'writing',
  start: 'starting PostgreSQL',
};
