/** What a value in base64 holds, said at its end: kind and length, never a part of it. */

import { contains, type Place } from '../part.ts';
import { confOfEntry } from '../pgbackrest/conf.ts';
import { ConfigMapResource, SecretResource } from '../resources/secret.ts';
import type { Workspace } from '../workspace.ts';
import { describeBytes } from './entryText.ts';
import { count } from './optionText.ts';

export interface Inlay {
  at: Place;
  text: string;
}

/** Of the entries that touch the stretch, in offsets of the file. */
export function inlays(workspace: Workspace, uri: string, start: number, end: number): Inlay[] {
  const found: Inlay[] = [];
  for (const { part, resources } of workspace.units(uri)) {
    if (part.start > end || part.start + part.text.length < start) continue;
    for (const secret of resources) {
      if (!(secret instanceof SecretResource || secret instanceof ConfigMapResource)) continue;
      for (const entry of secret.entries) {
        const place = entry.node?.usePlace;
        if (!place || place.part !== part || entry.isOpaque || entry.problem || !entry.bytes) continue;
        const from = part.start + place.start;
        if (from > end || part.start + place.end < start) continue;
        const text = describe(entry, secret instanceof SecretResource);
        if (text !== undefined) found.push({ at: endOfFirstLine(place), text });
      }
    }
  }
  return found;
}

function describe(entry: SecretResource['entries'][number], isSecret: boolean): string | undefined {
  const isEncoded = entry.container === 'data' || entry.container === 'binaryData';
  const conf = confOfEntry(entry);
  if (conf) return isEncoded ? `pgBackRest configuration, ${count(conf.settings.length, 'option')}` : undefined;
  if (isEncoded) return describeBytes(entry.bytes!);
  // Readable text speaks for itself, but for keys, whose length is what counts.
  if (!isSecret) return undefined;
  const shown = describeBytes(entry.bytes!);
  return /hex digits|^base64 of|line break at the end/.test(shown) ? shown : undefined;
}

/** Of a value over several lines, the end of its first: there the eye is. */
function endOfFirstLine({ part, start, end }: Place): Place {
  const newline = part.text.indexOf('\n', start);
  const at = newline < 0 || newline > end ? end : newline - (part.text[newline - 1] === '\r' ? 1 : 0);
  const place = part.place(Math.max(start, at), Math.max(start, at));
  return contains(part.whole, place.start) ? place : part.place(end, end);
}
