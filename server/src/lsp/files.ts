import type { LoadProblem } from '../candidates.ts';
import { SETTINGS_NAMES } from '../core/settings.ts';
import type { Workspace } from '../core/workspace.ts';
import { canonicalUri } from '../uris.ts';
import type { Documents } from './documents.ts';
import type { FileSource } from './fileSource.ts';

/**
 * What lies in the workspace's folders, as far as nobody has it open: read in the background at the start, and again when
 * somebody says that it changed.
 */
export class Files {
  /** By canonical URI without a slash at the end: who reads what is below. */
  readonly #folders = new Map<string, FileSource>();
  readonly #sources: FileSource[] = [];
  readonly #stop = new AbortController();
  #scans = 0;

  constructor(
    private readonly workspace: Workspace,
    private readonly documents: Documents,
    private readonly changed: () => void,
    private readonly warn: (problem: LoadProblem) => void,
  ) {}

  /** Folders that none of the sources before can read are asked of this one. */
  use(source: FileSource): void {
    this.#sources.push(source);
  }

  get folders(): string[] {
    return [...this.#folders.keys()];
  }

  get isScanning(): boolean {
    return this.#scans > 0;
  }

  /** Reads the folders and everything below. Never rejects. */
  async add(folders: readonly string[]): Promise<void> {
    const added: string[] = [];
    for (const it of folders) {
      const found = this.#sourceOf(it);
      if (!found || this.#folders.has(found.folder)) continue;
      this.#folders.set(found.folder, found.source);
      added.push(found.folder);
    }
    await this.#scan(added);
  }

  /** Forgets what was read from the folders, but for what is open or lies in another folder too. */
  remove(folders: readonly string[]): void {
    for (const it of folders) this.#folders.delete(this.#sourceOf(it)?.folder ?? it);
    this.#forget((uri) => this.#reader(uri) === undefined);
  }

  /** Everything once more, for clients that do not tell what changes on the disk. */
  async again(): Promise<void> {
    const known = new Set(this.workspace.uris);
    await this.#scan([...this.#folders.keys()], known);
    // What was not found any more has been deleted.
    this.#forget((uri) => known.has(uri) && this.#reader(uri) !== undefined);
  }

  /** The disk's state of single files: read, read again, or forgotten. A folder's URI stands for all below. */
  async look(uris: readonly string[]): Promise<void> {
    for (const it of uris) {
      const uri = canonicalUri(it);
      if (this.documents.isOpen(uri)) continue;
      const text = await this.#reader(uri)?.read(uri);
      // Somebody may have opened it while it was being read.
      if (this.documents.isOpen(uri)) continue;
      if (text !== undefined) this.workspace.setFile(uri, text);
      else this.#forget((other) => other === uri || other.startsWith(`${uri}/`));
    }
    this.changed();
  }

  /** Reads the settings files in the folders of some files and above, as far as the workspace's folders go. Never rejects. */
  async readSettingsAbove(uris: readonly string[]): Promise<void> {
    for (const it of settingsAbove(uris, [...this.#folders.keys()])) {
      if (this.documents.isOpen(it) || this.workspace.text(it) !== undefined) continue;
      const text = await this.#reader(it)?.read(it);
      if (text !== undefined && !this.documents.isOpen(it)) this.workspace.setFile(it, text);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async #scan(folders: readonly string[], missing?: Set<string>): Promise<void> {
    this.#scans++;
    try {
      for (const folder of folders) {
        const source = this.#folders.get(folder);
        if (!source) continue;
        for await (const batch of source.below(folder, this.#stop.signal)) {
          if (!this.#folders.has(folder)) break;
          for (const { uri, text } of batch.files) {
            missing?.delete(uri);
            if (!this.documents.isOpen(uri)) this.workspace.setFile(uri, text);
          }
          for (const it of batch.problems) this.warn(it);
          // Parsing is work, too: let requests in between.
          await turn();
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

  /** Who reads a file; undefined outside of the folders. */
  #reader(uri: string): FileSource | undefined {
    for (const [folder, source] of this.#folders) if (uri.startsWith(`${folder}/`)) return source;
    return undefined;
  }

  #sourceOf(uri: string): { source: FileSource; folder: string } | undefined {
    for (const source of this.#sources) {
      const folder = source.folder(uri);
      if (folder !== undefined) return { source, folder };
    }
    return undefined;
  }
}

/** Every address that a settings file of these files can have. */
function settingsAbove(uris: readonly string[], folders: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const uri of uris) {
    const root = folders.find((it) => uri.startsWith(`${it}/`));
    if (root === undefined) continue;
    for (let folder = uri; folder.length > root.length; ) {
      folder = folder.slice(0, folder.lastIndexOf('/'));
      for (const name of SETTINGS_NAMES) found.add(`${folder}/${name}`);
    }
  }
  return found;
}

/** Lets other events in between. A browser has no setImmediate. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve);
  });
}
