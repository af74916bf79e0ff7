/**
 * Text whose every character is one byte. Names in a manifest are whatever bytes the file system held, often UTF-8 but
 * not always; kept like this they sort as pgBackRest sorts them, lose nothing, and become paths again unchanged.
 */
export type ByteText = string;

export function toByteText(bytes: Uint8Array): ByteText {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function toBytes(text: ByteText): Buffer {
  return Buffer.from(text, 'latin1');
}

/** For people: UTF-8 is decoded, and nothing can move the cursor of a terminal or break a line. */
export function readable(text: ByteText): string {
  const decoded = /[\x80-\xff]/.test(text) ? toBytes(text).toString('utf8') : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return decoded.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (it) => {
    return `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
