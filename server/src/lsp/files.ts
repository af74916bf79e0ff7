import type { Workspace } from '../core/workspace.ts';
import {
  canonicalUri,
  isCandidate,
  isOurs,
  type LoadProblem,
  loadBatches,
  readText,
  toPath,
  toUri,
} from '../loader.ts';
import type { Documents } from './documents.ts';

/**
 * What lies on the disk in the workspace's folders, as far as nobody has it open: read in the background at the start, and
 * again when somebody says that it changed.
 */
export class Files {
  /** Canonical URIs without a slash at the end. */
  readonly #folders = new Set<string>();
  readonly #stop = new AbortController();
  #scans = 0;

  constructor(
    private readonly workspace: Workspace,
    private readonly documents: Documents,
    private readonly changed: () => void,
    private readonly warn: (problem: LoadProblem) => void,
  ) {}

  get folders(): string[] {
    return [...this.#folders];
  }

  get isScanning(): boolean {
    return this.#scans > 0;
  }

  /** Reads the folders and everything below. Never rejects. */
  async add(folders: readonly string[]): Promise<void> {
    const added = folders.map(folderUri).filter((it) => it !== undefined && !this.#folders.has(it));
    for (const it of added) this.#folders.add(it!);
    await this.#scan(added as string[]);
  }

  /** Forgets what was read from the folders, but for what is open or lies in another folder too. */
  remove(folders: readonly string[]): void {
    for (const it of folders) this.#folders.delete(folderUri(it) ?? it);
    this.#forget((uri) => !this.#isInFolders(uri));
  }

  /** Everything once more, for clients that do not tell what changes on the disk. */
  async again(): Promise<void> {
    const known = new Set(this.workspace.uris);
    await this.#scan([...this.#folders], known);
    // What was not found any more has been deleted.
    this.#forget((uri) => known.has(uri) && this.#isInFolders(uri));
  }

  /** The disk's state of single files: read, read again, or forgotten. A folder's URI stands for all below. */
  async look(uris: readonly string[]): Promise<void> {
    for (const it of uris) {
      const uri = canonicalUri(it);
      const path = toPath(uri);
      if (this.documents.isOpen(uri)) continue;
      const loaded = path !== undefined && this.#isInFolders(uri) ? await readText(path) : undefined;
      // Somebody may have opened it while it was being read.
      if (this.documents.isOpen(uri)) continue;
      if (loaded && 'text' in loaded && isCandidate(loaded.path) && isOurs(uri, loaded.text)) {
        this.workspace.setFile(uri, loaded.text);
      } else {
        this.#forget((other) => other === uri || other.startsWith(`${uri}/`));
      }
    }
    this.changed();
  }

  stop(): void {
    this.#stop.abort();
  }

  async #scan(folders: readonly string[], missing?: Set<string>): Promise<void> {
    this.#scans++;
    try {
      for (const folder of folders) {
        const path = toPath(folder);
        if (path === undefined) continue;
        for await (const batch of loadBatches(path, { signal: this.#stop.signal })) {
          if (!this.#folders.has(folder)) break;
          for (const { uri, text } of batch.files) {
            missing?.delete(uri);
            if (!this.documents.isOpen(uri)) this.workspace.setFile(uri, text);
          }
          for (const it of batch.problems) this.warn(it);
          // Parsing is work, too: let requests in between.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    } finally {
      this.#scans--;
      this.changed();
    }
  }

  #forget(which: (uri: string) => boolean): void {
    for (const uri of this.workspace.uris) {
      if (which(uri) && !this.documents.isOpen(uri)) this.workspace.deleteFile(uri);
    }
  }

  #isInFolders(uri: string): boolean {
    return [...this.#folders].some((it) => uri.startsWith(`${it}/`));
  }
}

function folderUri(uri: string): string | undefined {
  const path = toPath(uri);
  return path === undefined ? undefined : toUri(path).replace(/\/$/, '');
}
