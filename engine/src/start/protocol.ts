/**
 * Messages of a server of PostgreSQL as bytes, whichever way they travel.
 *
 * Format: PostgreSQL's frontend/backend protocol 3.0, simple queries and COPY.
 */

/** What PostgreSQL says to a statement that it does not carry out. */
export class StatementError extends Error {
  override readonly name = 'StatementError';

  constructor(
    /** SQLSTATE. */
    readonly code: string,
    /** Its words without the values that they quote: those are somebody's data. */
    message: string,
    /** The line of COPY's data that it is about, from 1. */
    readonly copyLine?: number,
  ) {
    super(message);
  }
}

/** A message to the server: its letter, its length, its body. */
export function messageOf(type: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** A simple query. */
export function queryOf(statement: string | Uint8Array): Buffer {
  const bytes = typeof statement === 'string' ? Buffer.from(statement) : statement;
  return messageOf('Q', Buffer.concat([bytes, Buffer.from([0])]));
}

/** A field of an error: a letter, text, a zero byte. */
export function fieldOf(body: Buffer, letter: string): string | undefined {
  for (const field of body.toString('utf8').split('\0')) if (field.startsWith(letter)) return field.slice(1);
  return undefined;
}

export function errorOf(body: Buffer): StatementError {
  const code = fieldOf(body, 'C') ?? 'XX000';
  // Of where it happened only the number: the line itself follows it.
  const [, line] = /^COPY [^\n]*?, line (\d+)/m.exec(fieldOf(body, 'W') ?? '') ?? [];
  return new StatementError(
    code,
    withoutValues(code, fieldOf(body, 'M') ?? 'no reason was given'),
    line === undefined ? undefined : Number(line),
  );
}

/** Columns as text; NULL is ''. */
export function rowOf(body: Buffer): string[] {
  const row: string[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    at += 4;
    row.push(length < 0 ? '' : body.toString('utf8', at, at + length));
    at += Math.max(length, 0);
  }
  return row;
}

/**
 * PostgreSQL quotes what it does not understand. Names of tables, columns and types say where to look; values, and what
 * stands at a syntax error, may be what nobody wants to see in a report.
 */
export function withoutValues(code: string, message: string): string {
  if (code === 'P0001') return 'code of the dump itself raised an error';
  const [first = ''] = message.split('\n');
  if (code.startsWith('42601')) return first.replace(/ at or near [\s\S]*$/, '');
  if (!code.startsWith('22')) return first.slice(0, 300);
  return first
    .replace(/: "[\s\S]*$/, '')
    .replace(/\bvalue "[\s\S]*" is\b/, 'a value is')
    .replace(/(?:: )?(?:0x[0-9a-f]{2}\b ?)+/g, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()
    .slice(0, 300);
}
