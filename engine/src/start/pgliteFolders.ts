/**
 * Where PGlite keeps its databases: on the disk, for in memory they would take several times the dump's size. Nobody else may
 * look into the folder, and it is removed whatever happens: by `remove`, and by the watchman when this process has died.
 */

import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, realpathSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ioFailure } from '../files/source.ts';
import { checkRoom, startWatchman } from './workplace.ts';

export class PgliteFolders {
  readonly #folder: string;
  readonly #watchman: ChildProcess;
  /** A data directory as initdb leaves it: to copy it takes a tenth of the time that initdb takes. */
  #pristine: string | undefined;
  #made = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#watchman = startWatchman(folder);
  }

  /**
   * @param bytes that will be written: refused at once where there is no room for them
   * @throws RestoreError `io` without room or permission
   */
  static open({ within = tmpdir(), bytes = 0 }: { within?: string | undefined; bytes?: number }): PgliteFolders {
    try {
      const parent = realpathSync(within);
      checkRoom(parent, bytes);
      return new PgliteFolders(mkdtempSync(path.join(parent, 'restorable-start-')));
    } catch (error) {
      throw ioFailure(error, within, 'start');
    }
  }

  /**
   * A new data directory.
   *
   * @param initdb fills one that is not there yet
   */
  async next(initdb: (folder: string) => Promise<void>): Promise<string> {
    if (this.#pristine === undefined) {
      const made = path.join(this.#folder, 'pristine');
      await initdb(made);
      this.#pristine = made;
    }
    const folder = path.join(this.#folder, `data-${++this.#made}`);
    try {
      await cp(this.#pristine, folder, { recursive: true });
    } catch (error) {
      throw ioFailure(error, this.#folder, 'start');
    }
    return folder;
  }

  /** Of a database that is not needed any more. */
  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Removes every trace. All databases must be closed. */
  async remove(): Promise<void> {
    await this.discard(this.#folder);
    this.#watchman.stdin?.end('done\n');
  }
}
