/** What a password file can mean: tools disagree about line ends, and a file holds more than was meant. */

import { fail } from '../failure.ts';

export interface PasswordReading {
  bytes: Uint8Array;
  /** Why this reading is not the plain one; no secret. */
  note?: string;
}

/**
 * The passwords that these bytes could stand for, the likeliest first. `openssl -pass file:` and `gpg --passphrase-file`
 * take the first line, without its line end but with a carriage return; other programs take every byte.
 *
 * @returns views into `stored`, which its owner wipes; none is empty unless `stored` is
 */
export function passwordReadings(stored: Uint8Array): PasswordReading[] {
  const text = stored[0] === 0xef && stored[1] === 0xbb && stored[2] === 0xbf ? stored.subarray(3) : stored;
  const lineEnd = text.indexOf(0x0a);
  const line = lineEnd < 0 ? text : text.subarray(0, lineEnd);
  const bare = line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
  const readings: PasswordReading[] = [];
  const isOneLine = lineEnd < 0 || lineEnd === text.length - 1;
  add(bare, isOneLine ? undefined : 'only the first line of the password file is used, as openssl and gpg do');
  if (line !== bare) add(line, 'the carriage return at the end of the password file is part of the password');
  if (lineEnd >= 0) add(text, 'the line end in the password file is part of the password');
  if (text !== stored) {
    // openssl knows no such mark, but the end of the line; other programs know neither.
    const markBytes = stored.length - text.length;
    add(
      stored.subarray(0, markBytes + bare.length),
      'the byte order mark of the password file is part of the password',
    );
    if (lineEnd >= 0) add(stored, 'the byte order mark and the line end of the password file are part of the password');
  }
  const cut = cutByOpenssl(stored);
  if (cut) add(cut.bytes, cut.note);
  return readings;

  function add(bytes: Uint8Array, note: string | undefined): void {
    if (bytes.length > 0 || stored.length === 0) readings.push(note === undefined ? { bytes } : { bytes, note });
  }
}

/**
 * The password that a file holds for `openssl -pass file:` as well as for everybody else.
 *
 * @returns a view into `stored`; `note` says where openssl reads another one on some systems
 * @throws RestoreError `usage`, stage `key`, where openssl would read another one: nobody could decrypt with the same file
 */
export function passwordForOpenssl(stored: Uint8Array): PasswordReading {
  const lineEnd = stored.indexOf(0x0a);
  const line = lineEnd < 0 ? stored : stored.subarray(0, lineEnd);
  const [reading = { bytes: stored }] = passwordReadings(stored);
  const isReturned = line.length === reading.bytes.length + 1;
  const reason = line.includes(0)
    ? 'it stops at the first zero byte'
    : line.length > opensslLineBytes
      ? `it reads ${opensslLineBytes} bytes of a line at most`
      : !isReturned && line.length !== reading.bytes.length
        ? reading.bytes.length < line.length
          ? 'to it, the byte order mark is part of the password'
          : 'the first line is empty'
        : undefined;
  if (reason !== undefined) {
    fail('usage', 'key', `openssl would read another password from this file: ${reason}`, {
      hint: 'Put the password into a file of one line of text, without a byte order mark: openssl rand -base64 32 makes one.',
    });
  }
  if (!isReturned) return { bytes: reading.bytes };
  return {
    bytes: reading.bytes,
    note: 'the line of the password file ends with a carriage return: but on Windows, openssl takes it for a part of the password; take it out before you decrypt',
  };
}

/** openssl reads into a buffer, and takes what is in it for a text of C; undefined where that changes nothing. */
function cutByOpenssl(stored: Uint8Array): PasswordReading | undefined {
  const lineEnd = stored.indexOf(0x0a);
  const line = lineEnd < 0 ? stored : stored.subarray(0, lineEnd);
  const read = line.subarray(0, opensslLineBytes);
  const zero = read.indexOf(0);
  if (zero >= 0) {
    const note = `openssl stops at a zero byte: of the password file it takes the first ${zero} bytes`;
    return { bytes: read.subarray(0, zero), note };
  }
  if (read.length === line.length) return undefined;
  const note = `openssl reads no longer lines: of the password file it takes the first ${opensslLineBytes} bytes`;
  return { bytes: read, note };
}

/** APP_PASS_LEN of its `apps`, less the byte that ends a text. */
const opensslLineBytes = 1_023;
