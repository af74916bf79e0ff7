/** What a password file can mean: tools disagree about line ends, and a file holds more than was meant. */

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
  if (text !== stored) add(stored, 'the byte order mark of the password file is part of the password');
  return readings;

  function add(bytes: Uint8Array, note: string | undefined): void {
    if (bytes.length > 0 || stored.length === 0) readings.push(note === undefined ? { bytes } : { bytes, note });
  }
}
