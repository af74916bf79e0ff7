import { utf8 } from '../text/base64.ts';
import { withoutFinalFeeds } from '../text/lineBreaks.ts';

/**
 * What WAL-G gets of a Secret's entry in StackGres. The operator reads the bytes as text, and a shell exports that as a
 * variable: bytes that are no UTF-8 become U+FFFD, NUL bytes vanish, line feeds at the end fall off (run with the operator's
 * own start script; so did every other step of it).
 */
export interface WalgValue {
  text: string;
  /** Some bytes were no text and reach WAL-G as others. */
  isAltered: boolean;
  /** How many line feeds fall off the end. */
  lostNewlines: number;
}

export function walgValue(bytes: Uint8Array): WalgValue {
  const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const isAltered = decoded.includes('\0') || utf8(bytes) === undefined;
  const whole = decoded.replaceAll('\0', '');
  const text = withoutFinalFeeds(whole);
  return { text, isAltered, lostNewlines: whole.length - text.length };
}
