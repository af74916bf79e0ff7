/** What reporters need to know of the texts behind findings: names, lines and columns, and lines fit to be shown. */

import { isAbsolute, relative, sep } from 'node:path';
import { inFile, type Place } from '../core/part.ts';
import type { Workspace } from '../core/workspace.ts';
import { LineIndex, type Position } from '../lineIndex.ts';
import { toPath } from '../uris.ts';
import { type Excerpt, excerptOf } from './excerpt.ts';

/** Lines and characters from 0, in UTF-16 units, as in LSP. */
export interface Range {
  start: Position;
  end: Position;
}

export class Sources {
  readonly #lines = new Map<string, LineIndex>();

  constructor(
    readonly workspace: Workspace,
    private readonly options: {
      folder: string;
      /** Names for what is no file: the standard input. */
      names?: ReadonlyMap<string, string>;
    },
  ) {}

  get count(): number {
    return this.workspace.uris.length;
  }

  /** Relative to the current folder where it lies below it, with slashes on every system. */
  name(uri: string): string {
    const given = this.options.names?.get(uri);
    if (given !== undefined) return given;
    const path = toPath(uri);
    if (path === undefined) return uri;
    const below = relative(this.options.folder, path);
    return (below.startsWith('..') || isAbsolute(below) ? path : below).split(sep).join('/');
  }

  range(place: Place): Range {
    const { uri, start, end } = inFile(place);
    return { start: this.#position(uri, start), end: this.#position(uri, end) };
  }

  /** The line of a place with everything secret taken out. */
  excerpt(place: Place): Excerpt {
    return excerptOf(this.workspace, place);
  }

  #position(uri: string, offset: number): Position {
    let lines = this.#lines.get(uri);
    if (!lines) {
      lines = new LineIndex(this.workspace.text(uri) ?? '');
      this.#lines.set(uri, lines);
    }
    const { line, character } = lines.position(offset);
    // Editors do not count a byte-order mark.
    const hidden = line === 0 && lines.text.startsWith('\uFEFF') ? 1 : 0;
    return { line, character: Math.max(0, character - hidden) };
  }
}
