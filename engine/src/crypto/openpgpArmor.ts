/** ASCII armor (RFC 9580, 6.2): base64 between a BEGIN and an END line, with header lines in front. */

import { ByteReader } from '../bytes.ts';
import { decodeBase64 } from '../contents/base64.ts';
import { fail } from '../failure.ts';

/**
 * The bytes inside an armored message. What stands before the BEGIN line is passed over, as gpg does. The checksum line
 * is not compared: the encryption's own proof says more, and today's programs leave it out.
 *
 * @throws RestoreError stage `open`: `damaged` for text that is no armor, or when another message follows, `truncated`
 *   without the END line; offsets count in the armored text
 */
export async function* decodeArmor(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const lines = new LineReader(new ByteReader(input));
  try {
    for (;;) {
      const line = await lines.next();
      if (line === undefined) fail('damaged', 'open', 'there is no line -----BEGIN PGP MESSAGE-----', { offset: 0 });
      if (/^(?:\xef\xbb\xbf)?-----BEGIN PGP MESSAGE(?:, PART \d+(?:\/\d+)?)?-----$/.test(line.text)) break;
    }
    for (;;) {
      const line = await lines.next();
      if (line === undefined) failCut(lines.offset);
      if (line.text === '') break;
      // Armor that lost its blank line, or has a header line that is none: base64 has no colon.
      if (!/^[\w-]+: /.test(line.text) && !/^[\w-]+:$/.test(line.text)) {
        lines.putBack(line);
        break;
      }
    }
    const start = lines.offset;
    yield* decodeBase64(base64Lines(lines), start);
  } finally {
    await lines.close();
  }
}

async function* base64Lines(lines: LineReader): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const block = await lines.plainBlock();
    if (block !== undefined) {
      yield block;
      continue;
    }
    const line = await lines.next();
    if (line === undefined) failCut(lines.offset);
    if (/^-----END PGP [\w ,/]+-----$/.test(line.text)) return refuseAnother(lines);
    // The checksum: four characters after an equals sign.
    if (/^=[A-Za-z0-9+/]{4}$/.test(line.text)) continue;
    // Half of the last line, or of the checksum before it.
    if (/^[-=]/.test(line.text) && (await lines.isAtEnd())) failCut(lines.offset);
    yield line.bytes;
  }
}

/** Text around a message is passed over; another message behind it must not be lost without a word. */
async function refuseAnother(lines: LineReader): Promise<void> {
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    if (!line.text.startsWith('-----BEGIN PGP MESSAGE')) continue;
    fail('damaged', 'open', 'another message follows the end of the first one', {
      offset: lines.offset - line.bytes.length,
      hint: 'Several messages were joined: split the file at its BEGIN lines, and decrypt each.',
    });
  }
}

function failCut(offset: number): never {
  fail('truncated', 'open', 'the armored text ends before its line -----END PGP MESSAGE-----', {
    offset,
    hint: 'The end of the file is missing: copy it again.',
  });
}

interface Line {
  text: string;
  /** With its line end. */
  bytes: Uint8Array;
}

const longestLine = 64 * 1024;

export class LineReader {
  #putBack: Line | undefined;

  constructor(readonly reader: ByteReader) {}

  get offset(): number {
    return this.reader.offset - (this.#putBack?.bytes.length ?? 0);
  }

  putBack(line: Line): void {
    this.#putBack = line;
  }

  /** The next line without the blanks around it; undefined at the end. A line longer than any is cut into several. */
  async next(): Promise<Line | undefined> {
    const kept = this.#putBack;
    if (kept) {
      this.#putBack = undefined;
      return kept;
    }
    let seen = await this.reader.peek(256);
    let end = seen.indexOf(0x0a);
    if (end < 0 && seen.length === 256) {
      seen = await this.reader.peek(longestLine);
      end = seen.indexOf(0x0a);
    }
    const bytes = await this.reader.read(end < 0 ? seen.length : end + 1);
    if (bytes.length === 0) return undefined;
    return { text: Buffer.from(bytes).toString('latin1').trim(), bytes };
  }

  async isAtEnd(): Promise<boolean> {
    return this.#putBack === undefined && (await this.reader.isAtEnd());
  }

  /** Many lines at once, up to the next one that may be the checksum, the END line or padded. */
  async plainBlock(): Promise<Uint8Array | undefined> {
    if (this.#putBack) return undefined;
    const seen = await this.reader.peek(longestLine);
    // A dash or an equals sign.
    const places = [seen.indexOf(0x2d), seen.indexOf(0x3d)].filter((it) => it >= 0);
    const special = Math.min(...places);
    const end = places.length === 0 ? seen.length : seen.lastIndexOf(0x0a, special) + 1;
    return end > 0 ? this.reader.read(end) : undefined;
  }

  async close(): Promise<void> {
    await this.reader.close();
  }
}
