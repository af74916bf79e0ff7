import { type Index, Query } from './index.ts';
import type { Part } from './part.ts';

/**
 * What the version control system and the file system say about a file besides its text. Core asks neither: the owner of the
 * workspace tells it (server/src/checkout.ts does).
 */
export interface FileRecord {
  /** The file is part of the revision that the workspace is compared with. */
  isTracked: boolean;
  /** The permission bits of a file outside of any checkout; inside, they are git's and mean nothing. */
  mode?: number | undefined;
}

/** What a rule may ask about the past. What is asked decides when the rule runs again. */
export interface History {
  /**
   * Questions to the committed state of the files that differ from it: changed, moved or deleted ones. A file that is as it
   * was committed is not in it, so an answer always means a change. Places in it point into texts that nobody has open.
   */
  before: Query;
  /** Undefined where nobody said anything about the file. */
  record(part: Part): FileRecord | undefined;
}

/** The questions of one run of the rules about one part. */
export class AskedHistory implements History {
  readonly before: Query;
  #recordsAsked = 0;

  constructor(
    index: Index,
    private readonly records: ReadonlyMap<string, FileRecord>,
  ) {
    this.before = new Query(index);
  }

  record(part: Part): FileRecord | undefined {
    this.#recordsAsked++;
    return this.records.get(part.uri);
  }

  /** How often something was asked, the same again included. */
  get questions(): number {
    return this.before.questions + this.#recordsAsked;
  }

  isCurrent(): boolean {
    return this.before.isCurrent();
  }
}
