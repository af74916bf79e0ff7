/** The WAL folder of an archive: finds files under whichever codec they were stored, in the order in which WAL-G looks. */

import type { Compression } from '../../compress/compression.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { splitExtension, storedNames, walKind } from './names.ts';

export interface StoredWal {
  /** `000000010000000000000007`. */
  file: string;
  /** The object, relative to the archive's root. */
  object: string;
  compression: Compression;
}

export class WalArchive {
  readonly folder: string;
  readonly #names: ReadonlySet<string>;

  private constructor(folder: string, names: readonly string[]) {
    this.folder = folder;
    this.#names = new Set(names);
  }

  /** undefined when there is no such folder. */
  static async open(files: BucketFiles, folder: string | undefined): Promise<WalArchive | undefined> {
    const names = folder === undefined ? undefined : await files.list(folder);
    return folder === undefined || names === undefined ? undefined : new WalArchive(folder, names);
  }

  /** All objects of a WAL file: more than one where the codec was changed and the file pushed again. */
  find(file: string): StoredWal[] {
    return storedNames(file)
      .filter(({ name }) => this.#names.has(name))
      .map(({ name, compression }) => ({ file, object: `${this.folder}/${name}`, compression }));
  }

  /** Names of the segments of a timeline, ascending, each once. */
  segments(timeline?: number): string[] {
    const prefix = timeline?.toString(16).toUpperCase().padStart(8, '0') ?? '';
    const found = new Set<string>();
    for (const name of this.#names) {
      const { base } = splitExtension(name);
      if (base.startsWith(prefix) && walKind(base) === 'segment') found.add(base);
    }
    return [...found].sort();
  }

  /** Everything in the folder that is not a segment and not JSON, by kind. */
  others(): {
    histories: StoredWal[];
    partials: StoredWal[];
    marks: StoredWal[];
    deltas: StoredWal[];
    unknown: string[];
  } {
    const found = { histories: [], partials: [], marks: [], deltas: [], unknown: [] } as ReturnType<
      WalArchive['others']
    >;
    for (const name of [...this.#names].sort()) {
      const { base, compression } = splitExtension(name);
      const stored = { file: base, object: `${this.folder}/${name}`, compression };
      const kind = walKind(base);
      if (kind === 'history') found.histories.push(stored);
      else if (kind === 'partial') found.partials.push(stored);
      else if (kind === 'mark') found.marks.push(stored);
      else if (kind === 'delta') found.deltas.push(stored);
      else if (kind === 'other') found.unknown.push(stored.object);
    }
    return found;
  }
}
