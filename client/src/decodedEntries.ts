import {
  commands,
  Disposable,
  EventEmitter,
  type FileChangeEvent,
  FileChangeType,
  type FileStat,
  FileSystemError,
  type FileSystemProvider,
  FileType,
  l10n,
  languages,
  type TextDocument,
  TextDocumentSaveReason,
  Uri,
  window,
  workspace,
} from 'vscode';
import { COMMANDS, ENTRY_SCHEME, type EntryAddress, type EntryContents } from '../../server/src/protocol.ts';
import { showFailure } from './failureMessage.ts';
import type { LanguageServer } from './languageServer.ts';
import { inTrustedWorkspace } from './trust.ts';

/**
 * How soon a change of the decoded text goes into the host document. Well below the second after which VS Code writes a
 * backup of what is unsaved: the decoded text is never unsaved for that long, so no backup of it is made.
 */
const syncMs = 150;

/**
 * "Edit decoded": an entry of a Secret or ConfigMap as a document of its own, held in memory. What is typed goes into the
 * host document at once, encoded as the entry was; saving the decoded document saves the host. So hot exit and backups only
 * ever see the host's own form, and closing the tab loses nothing.
 */
export function registerDecodedEntries(server: LanguageServer): Disposable {
  const entries = new DecodedEntries(server);
  return Disposable.from(
    workspace.registerFileSystemProvider(ENTRY_SCHEME, entries, { isCaseSensitive: true }),
    commands.registerCommand(
      'restorable.editDecoded',
      inTrustedWorkspace(async (where?: unknown) => await showFailure(() => entries.open(where))),
    ),
    workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length === 0) return;
      if (document.uri.scheme === ENTRY_SCHEME) entries.typed(document);
      else entries.hostChanged(document);
    }),
    workspace.onWillSaveTextDocument(({ document, reason }) => {
      if (document.uri.scheme === ENTRY_SCHEME && reason === TextDocumentSaveReason.Manual)
        entries.saving(document.uri);
    }),
    workspace.onDidCloseTextDocument((document) => {
      if (document.uri.scheme === ENTRY_SCHEME) entries.closed(document.uri);
    }),
    entries,
  );
}

interface OpenEntry {
  address: EntryAddress;
  bytes: Uint8Array;
  /** What the host holds as far as we know. */
  was: string;
  modifiedAt: number;
  timer: NodeJS.Timeout | undefined;
  /** true while the save comes from us, to keep the text from being unsaved: the host is not saved then. */
  isSyncing: boolean;
  /** A save by the user waits for the host to have the text. */
  wantsSave: boolean;
  /** Changes run one after the other. */
  queue: Promise<void>;
}

class DecodedEntries implements FileSystemProvider, Disposable {
  readonly #open = new Map<string, OpenEntry>();
  readonly #changed = new EventEmitter<FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;

  constructor(private readonly server: LanguageServer) {}

  /** @param where `{uri, position}` of a lens, or nothing for the cursor */
  async open(where: unknown): Promise<void> {
    const editor = window.activeTextEditor;
    const given = where as { uri?: string; position?: { line: number; character: number } } | undefined;
    const request =
      typeof given?.uri === 'string' && given.position
        ? given
        : editor && { uri: this.server.uri(editor.document.uri), position: editor.selection.active };
    if (!request) {
      void window.showWarningMessage(l10n.t('Put the cursor on an entry of a Secret first.'));
      return;
    }
    const contents = await this.server.execute<EntryContents>(COMMANDS.readEntry, [request]);
    const uri = uriOf(contents.address);
    this.#keep(uri, contents);
    const document = await workspace.openTextDocument(uri);
    if (document.languageId !== contents.language) await languages.setTextDocumentLanguage(document, contents.language);
    await window.showTextDocument(document, { preview: false });
  }

  /** The decoded text was changed by hand. */
  typed(document: TextDocument): void {
    const entry = this.#open.get(document.uri.toString());
    if (!entry) return;
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => void this.#settle(document, entry), syncMs);
  }

  /** The next write comes from the user's own save. */
  saving(uri: Uri): void {
    const entry = this.#open.get(uri.toString());
    if (entry && !entry.isSyncing) entry.wantsSave = true;
  }

  closed(uri: Uri): void {
    const entry = this.#open.get(uri.toString());
    // A change of language closes a document and opens it again.
    if (!entry || workspace.textDocuments.some((it) => it.uri.toString() === uri.toString())) return;
    clearTimeout(entry.timer);
    this.#open.delete(uri.toString());
    void entry.queue.finally(() => entry.bytes.fill(0));
  }

  /** Somebody changed the host: what is open of it is read again, unless it is the change that we made. */
  hostChanged(document: TextDocument): void {
    const host = this.server.uri(document.uri);
    for (const [key, entry] of this.#open) {
      if (entry.address.uri !== host) continue;
      entry.queue = entry.queue.then(() => this.#readAgain(Uri.parse(key, true), entry));
    }
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    return (await this.#entry(uri)).bytes;
  }

  async stat(uri: Uri): Promise<FileStat> {
    const { bytes, modifiedAt } = await this.#entry(uri);
    return { type: FileType.File, ctime: 0, mtime: modifiedAt, size: bytes.length };
  }

  /** Into memory, and from there into the host document. */
  async writeFile(uri: Uri, content: Uint8Array): Promise<void> {
    const entry = await this.#entry(uri);
    const saveHost = entry.wantsSave;
    entry.wantsSave = false;
    entry.bytes = Uint8Array.from(content);
    entry.modifiedAt = Date.now();
    entry.queue = entry.queue.then(() => this.#write(entry, saveHost));
    // A save that the user asked for ends when the host is saved; our own must not wait for itself.
    if (saveHost) await entry.queue;
  }

  watch(): Disposable {
    return new Disposable(() => {});
  }

  readDirectory(): [string, FileType][] {
    return [];
  }

  createDirectory(uri: Uri): void {
    throw FileSystemError.NoPermissions(uri);
  }

  delete(uri: Uri): void {
    throw FileSystemError.NoPermissions(uri);
  }

  rename(uri: Uri): void {
    throw FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    for (const it of this.#open.values()) {
      clearTimeout(it.timer);
      it.bytes.fill(0);
    }
    this.#open.clear();
    this.#changed.dispose();
  }

  #keep(uri: Uri, { address, text }: EntryContents): OpenEntry {
    const entry: OpenEntry = this.#open.get(uri.toString()) ?? {
      address,
      bytes: new Uint8Array(),
      was: text,
      modifiedAt: Date.now(),
      timer: undefined,
      isSyncing: false,
      wantsSave: false,
      queue: Promise.resolve(),
    };
    entry.bytes = new TextEncoder().encode(text);
    entry.was = text;
    entry.modifiedAt = Date.now();
    this.#open.set(uri.toString(), entry);
    return entry;
  }

  /** After a window was loaded again, its tabs ask for entries that this window has not read yet. */
  async #entry(uri: Uri): Promise<OpenEntry> {
    const known = this.#open.get(uri.toString());
    if (known) return known;
    const address = addressOf(uri);
    if (!address) throw FileSystemError.FileNotFound(uri);
    try {
      await workspace.openTextDocument(Uri.parse(address.uri, true));
      return this.#keep(uri, await this.server.execute<EntryContents>(COMMANDS.readEntry, [address]));
    } catch {
      throw FileSystemError.FileNotFound(uri);
    }
  }

  async #settle(document: TextDocument, entry: OpenEntry): Promise<void> {
    if (document.isClosed || !document.isDirty) return;
    entry.isSyncing = true;
    try {
      await document.save();
    } finally {
      entry.isSyncing = false;
    }
  }

  async #write(entry: OpenEntry, saveHost: boolean): Promise<void> {
    const text = new TextDecoder().decode(entry.bytes);
    const hostUri = Uri.parse(entry.address.uri, true);
    await showFailure(async () => {
      const host = await workspace.openTextDocument(hostUri);
      if (text !== entry.was) {
        await this.server.execute(COMMANDS.writeEntry, [{ address: entry.address, text, was: entry.was }]);
        entry.was = text;
      }
      if (saveHost && host.isDirty && !(await host.save())) {
        throw new Error(l10n.t('{0} could not be saved', workspace.asRelativePath(hostUri)));
      }
    });
  }

  async #readAgain(uri: Uri, entry: OpenEntry): Promise<void> {
    const contents = await this.server
      .execute<EntryContents>(COMMANDS.readEntry, [entry.address])
      .catch(() => undefined);
    if (!contents || contents.text === entry.was) return;
    const document = workspace.textDocuments.find((it) => it.uri.toString() === uri.toString());
    // What is being typed here comes later than what was changed there; `was` makes sure that it is noticed.
    if (document?.isDirty) return;
    this.#keep(uri, contents);
    this.#changed.fire([{ type: FileChangeType.Changed, uri }]);
  }
}

function uriOf(address: EntryAddress): Uri {
  return Uri.from({ scheme: ENTRY_SCHEME, path: `/${address.name}/${address.entry}`, query: JSON.stringify(address) });
}

function addressOf({ query }: Uri): EntryAddress | undefined {
  try {
    const address = JSON.parse(query) as EntryAddress;
    return typeof address.uri === 'string' && typeof address.entry === 'string' ? address : undefined;
  } catch {
    return undefined;
  }
}
