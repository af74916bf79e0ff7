/** What reporters need to know of the texts behind findings: names, lines and columns, and lines fit to be shown. */

import { isAbsolute, relative, sep } from 'node:path';
import { inFile, type Place } from '../core/part.ts';
import type { Workspace } from '../core/workspace.ts';
import { toPath } from '../loader.ts';
import { type Excerpt, excerptOf } from './excerpt.ts';

/** From 0, in UTF-16 units, as in LSP. */
export interface Position {
  line: number;
  character: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export class Sources {
  readonly #lineStarts = new Map<string, number[]>();

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
    const starts = this.#startsOf(uri);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    // Editors do not count a byte-order mark.
    const hidden = low === 0 && this.workspace.text(uri)?.startsWith('\uFEFF') ? 1 : 0;
    return { line: low, character: Math.max(0, offset - starts[low]! - hidden) };
  }

  #startsOf(uri: string): number[] {
    let starts = this.#lineStarts.get(uri);
    if (!starts) {
      starts = [0];
      for (const it of (this.workspace.text(uri) ?? '').matchAll(/\r\n|\n|\r/g)) starts.push(it.index + it[0].length);
      this.#lineStarts.set(uri, starts);
    }
    return starts;
  }
}
