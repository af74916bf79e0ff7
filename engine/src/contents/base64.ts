/** base64 as text: what `openssl enc -a` and OpenPGP armor put around the bytes. */

import { fail } from '../failure.ts';

/**
 * Decodes base64 with line ends and blanks anywhere.
 *
 * @param start where the text begins in the stored file; offsets of failures count from there
 * @throws RestoreError stage `open`: `damaged` at a character that is not of the alphabet or after the padding,
 *   `truncated` when the text ends inside a group of four
 */
export async function* decodeBase64(
  input: AsyncIterable<Uint8Array>,
  start = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  let carried = '';
  let offset = start;
  let hasEnded = false;
  for await (const piece of input) {
    const wrong = firstForeign(piece);
    if (wrong >= 0) {
      fail('damaged', 'open', 'a character is not of the base64 alphabet', {
        offset: offset + wrong,
        hint: 'The text was changed on its way (by an editor, a mail program or a web form): copy the file again as binary.',
      });
    }
    const text =
      carried + Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1').replace(/[\s]+/g, '');
    if (hasEnded && text.length > 0) fail('damaged', 'open', 'base64 text follows its own end mark', { offset });
    offset += piece.length;
    const padding = text.indexOf('=');
    const whole = text.length - (text.length % 4);
    const groups = text.slice(0, whole);
    carried = text.slice(whole);
    if (padding >= 0 && padding < whole) {
      if (!/^[^=]*={1,2}$/.test(groups) || carried !== '')
        fail('damaged', 'open', 'base64 text follows its own end mark', { offset });
      hasEnded = true;
    }
    if (groups.length > 0) yield Buffer.from(groups, 'base64');
  }
  if (carried.length > 0) {
    fail('truncated', 'open', 'the base64 text ends inside a group of four characters', {
      offset,
      hint: 'Copy the file again: its end is missing.',
    });
  }
}

/**
 * What text decodes to, if it is base64 as `openssl` and `base64` write it: lines of one length, or a single line. undefined for
 * every other text, words of letters alone among it.
 */
export function base64Start(start: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(start.buffer, start.byteOffset, start.byteLength).toString('latin1');
  const lines = /^\s*([A-Za-z0-9+/=\r\n]+?)\s*$/.exec(text)?.[1]?.split(/\r?\n/) ?? [];
  const [first = '', ...others] = lines;
  const isEven = others.every((it, index) => it.length === first.length || index === others.length - 1);
  const joined = lines.join('');
  if (!isEven || (others.at(-1)?.length ?? 0) > first.length || !/^[A-Za-z0-9+/]{4,}={0,2}$/.test(joined))
    return undefined;
  return new Uint8Array(Buffer.from(joined.slice(0, joined.length - (joined.length % 4)), 'base64'));
}

/** A loop over a table: a call for each byte would be ten times slower than the decoding itself. */
function firstForeign(piece: Uint8Array): number {
  for (let index = 0; index < piece.length; index++) if (IS_BASE64_TEXT[piece[index] as number] === 0) return index;
  return -1;
}

const IS_BASE64_TEXT = Uint8Array.from({ length: 256 }, (_, byte) => (isBase64Text(byte) ? 1 : 0));

function isBase64Text(byte: number): boolean {
  return (
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x2f && byte <= 0x39) ||
    byte === 0x2b ||
    byte === 0x3d ||
    byte === 0x20 ||
    (byte >= 0x09 && byte <= 0x0d)
  );
}
