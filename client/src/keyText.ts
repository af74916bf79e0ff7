import { type GenerateKeyAtRequest, KEY_PLACEHOLDER, type KeyTemplate } from '../../server/src/protocol.ts';

/**
 * Puts a key where the server's template has its placeholder. A key of several lines (OpenPGP) gets the template's
 * indentation in front of every line but the first, whose place the template already indents.
 *
 * @param key no newline at its end is kept: a Secret's entry must be the key and nothing else
 */
export function fillTemplate({ text, indent }: Pick<KeyTemplate, 'text' | 'indent'>, key: string): string {
  // A function, since `$&` in a replacement text would be read as a pattern.
  return text.replaceAll(KEY_PLACEHOLDER, () => indentKey(key, indent));
}

/** What replaces the request's range. @see GenerateKeyAtRequest */
export function wrapKey(
  key: string,
  { wrap = 'none', indent = '', before = '', after = '' }: Partial<GenerateKeyAtRequest>,
): string {
  const text = `${before}${indentKey(key, wrap === 'base64' ? '' : indent)}${after}`;
  return wrap === 'base64' ? Buffer.from(text, 'utf8').toString('base64') : text;
}

function indentKey(key: string, indent: string): string {
  return key
    .replace(/[\r\n]+$/, '')
    .split(/\r?\n/)
    .map((line, index) => (index === 0 || line === '' ? line : indent + line))
    .join('\n');
}
