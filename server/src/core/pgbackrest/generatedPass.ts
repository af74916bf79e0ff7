import type { Fix } from '../finding.ts';
import type { Edit } from '../part.ts';

/** Stands where the key will; part of edits that are never applied. */
export const passMark = '\u27e8pass\u27e9';

/**
 * A fix that puts a freshly generated pass where an edit's text holds `passMark`. The editor's front makes the key, so that
 * it never travels over the protocol; that cannot be done inside base64 or quotes, where the text must be encoded first:
 * then undefined.
 */
export function generatePass(title: string, edits: readonly Edit[]): Fix | undefined {
  const [edit] = edits;
  if (!edit || edits.length !== 1 || edit.isRewrite) return undefined;
  const parts = edit.newText.split(passMark);
  if (parts.length !== 2) return undefined;
  const [before = '', after = ''] = parts;
  return {
    title,
    edits: [],
    command: { id: 'generateKeyAt', arguments: { key: 'pgbackrest', at: edit.at, before, after } },
  };
}
