/**
 * Lays a backup out as a data directory, as `wal-g backup-fetch` does, with one difference: tablespaces go to a folder
 * inside the target, so that nothing is written outside of it.
 */

import type { DirectorySink } from '../../sinks/directory.ts';
import { sinkPath, splitTablespace, tablespacesFolder } from './place.ts';
import type { Tablespace } from './sentinel.ts';
import { controlFile, labelFile, mapFile, type TarResult } from './tarCheck.ts';

export type KeptFile = TarResult['kept'][number];

export class DataDirectory {
  readonly #sink: DirectorySink;
  /** OIDs of those that were recorded, and of those that have files. */
  readonly #tablespaces = new Map<string, string | undefined>();
  readonly #modes = new Map<string, number>();
  /** What a user must know of the result. */
  readonly notes: string[] = [];

  constructor(sink: DirectorySink, tablespaces: readonly Tablespace[]) {
    this.#sink = sink;
    for (const { oid, location } of tablespaces) this.#tablespaces.set(oid, location);
  }

  folder(path: string, mode: number): void {
    this.file(path);
    this.#modes.set(path, mode);
    this.#sink.folder(sinkPath(path), mode);
  }

  /** A file that another thread has written. */
  file(path: string): void {
    const { tablespace } = splitTablespace(path);
    if (tablespace !== undefined && !this.#tablespaces.has(tablespace)) this.#tablespaces.set(tablespace, undefined);
  }

  /** What must be there only when all the rest is: links, labels, and the control file as the very last. */
  finish(kept: ReadonlyMap<string, KeptFile>): void {
    const hasTablespaces = this.#tablespaces.size > 0;
    for (const [oid, location] of this.#tablespaces) {
      const place = `pg_tblspc/${oid}`;
      this.#sink.folder(sinkPath(place), this.#modes.get(place) ?? 0o700);
      this.#sink.link(Buffer.from(place), Buffer.from(`../${tablespacesFolder}/${oid}`));
      this.notes.push(
        `Tablespace ${oid}${location ? ` (${location})` : ''} lies in ${tablespacesFolder}/${oid} below the target.`,
      );
    }
    // With the map, PostgreSQL would make the links anew, to the places on the source.
    for (const path of [labelFile, ...(hasTablespaces ? [] : [mapFile]), controlFile]) {
      const file = kept.get(path);
      if (!file) continue;
      const writer = this.#sink.file(sinkPath(path), { mode: file.mode });
      writer.write(file.contents);
      writer.finish();
    }
    this.notes.push(
      'As after wal-g backup-fetch, nothing tells PostgreSQL to recover: before it is started, create recovery.signal and set restore_command.',
    );
  }
}
