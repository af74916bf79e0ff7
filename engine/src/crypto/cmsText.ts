/**
 * How CMS stands in text files: PEM (`-outform PEM`) and mail (S/MIME, the default of `openssl smime` and `cms`). With `-to`,
 * `-from` or `-subject`, `openssl smime` puts these lines in front of the other forms, too, even of DER.
 */

import { ByteReader } from '../bytes.ts';
import { decodeBase64 } from '../contents/base64.ts';
import { headingLength, sniffBytes } from '../contents/sniff.ts';
import { fail } from '../failure.ts';
import { LineReader } from './openpgpArmor.ts';

/** Whether the first bytes are text around a CMS message, and not the message itself. */
export function isCmsText(start: Uint8Array): boolean {
  return start[0] !== 0x30;
}

/**
 * The message inside: between BEGIN and END of PEM, or behind the header of a mail.
 *
 * @throws RestoreError stage `open`: `damaged`, also when another message follows, `truncated` without the END line; offsets
 *   count in the text
 */
export async function* decodeCmsText(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const lines = new LineReader(new ByteReader(input));
  try {
    const heading = headingLength(await lines.reader.peek(sniffBytes));
    if (heading > 0) {
      await lines.reader.skip(heading);
      yield* lines.reader.rest();
      return;
    }
    let isMail = false;
    let encoding = 'base64';
    for (;;) {
      const line = await lines.next();
      if (line === undefined)
        fail('damaged', 'open', 'there is no message: neither -----BEGIN CMS----- nor the header of a mail', {
          offset: 0,
        });
      if (/^-----BEGIN (?:CMS|PKCS7|PKCS #7 SIGNED DATA)-----$/.test(line.text)) break;
      if (/^content-type:.*pkcs7-mime/i.test(line.text)) isMail = true;
      encoding = /^content-transfer-encoding:\s*(\S+)/i.exec(line.text)?.[1]?.toLowerCase() ?? encoding;
      if (isMail && line.text === '') break;
    }
    if (isMail && (encoding === 'binary' || encoding === '8bit')) yield* lines.reader.rest();
    else yield* decodeBase64(base64Lines(lines, isMail), lines.offset);
  } finally {
    await lines.close();
  }
}

async function* base64Lines(lines: LineReader, isMail: boolean): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const block = await lines.plainBlock();
    if (block !== undefined) {
      yield block;
      continue;
    }
    const line = await lines.next();
    if (line === undefined) {
      if (isMail) return;
      fail('truncated', 'open', 'the text ends before its END line', {
        offset: lines.offset,
        hint: 'The end of the file is missing: copy it again.',
      });
    }
    if (/^-----END /.test(line.text)) return refuseAnother(lines);
    yield line.bytes;
  }
}

async function refuseAnother(lines: LineReader): Promise<void> {
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    if (!line.text.startsWith('-----BEGIN ')) continue;
    fail('damaged', 'open', 'another message follows the end of the first one', {
      offset: lines.offset - line.bytes.length,
      hint: 'Several messages were joined: split the file at its BEGIN lines, and decrypt each.',
    });
  }
}
