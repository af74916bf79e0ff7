/**
 * The language server: what the client says becomes texts of the workspace, what it asks becomes queries of core, and what
 * they answer becomes LSP again. Works with a client that says nothing about itself.
 */

import {
  type CancellationToken,
  type ClientCapabilities,
  type CodeAction,
  CodeActionKind,
  type CodeActionParams,
  type Command,
  type Connection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  DocumentFormattingRequest,
  DocumentHighlightKind,
  DocumentRangeFormattingRequest,
  ErrorCodes,
  type ExecuteCommandParams,
  ExecuteCommandRequest,
  type InitializeParams,
  type InitializeResult,
  InsertTextMode,
  LSPErrorCodes,
  type Position,
  PositionEncodingKind,
  type ProgressToken,
  ResponseError,
  SymbolKind,
  TextDocumentSyncKind,
  type WorkspaceEdit,
} from 'vscode-languageserver';
import type { Finding } from '../core/finding.ts';
import { type Edit, inFile } from '../core/part.ts';
import { completion } from '../core/queries/completion.ts';
import { entryOf, inHost, inView, viewFindings } from '../core/queries/entryView.ts';
import { fixAll } from '../core/queries/fixAll.ts';
import { hover } from '../core/queries/hover.ts';
import { ignoreFix } from '../core/queries/ignoreFix.ts';
import { lenses } from '../core/queries/lenses.ts';
import { definition, highlights, references } from '../core/queries/mentions.ts';
import { refactorings } from '../core/queries/refactorings.ts';
import { prepareRename, rename } from '../core/queries/rename.ts';
import { findObjects, outline } from '../core/queries/symbols.ts';
import { valueHint } from '../core/queries/valueHint.ts';
import type { SecretEntry } from '../core/resources/secret.ts';
import { allRules } from '../core/rules/all.ts';
import { Workspace } from '../core/workspace.ts';
import { examinePending } from '../keyExaminer.ts';
import type { PositionEncoding } from '../lineIndex.ts';
import { COMMANDS } from '../protocol.ts';
import { canonicalUri, toUri } from '../uris.ts';
import { ClientFiles } from './clientFiles.ts';
import { addressOfView, executeCommand } from './commands.ts';
import { type ClientAbilities, Converter } from './convert.ts';
import { Documents } from './documents.ts';
import { Files, turn } from './files.ts';
import type { Machine, PastOfFolders } from './machine.ts';
import { Publisher } from './publisher.ts';
import { defaultSettings, readSettings, type Settings } from './settings.ts';
import { answerTextFeatures, diagnosticCapability, textCapabilities } from './textFeatures.ts';

export interface ServerOptions {
  version?: string;
  /** Absent in a browser: files come from the client then, and archives are not opened. */
  machine?: Machine;
}

/** How long keystrokes are gathered before the findings are made. */
const pauseMs = 40;

/**
 * How long findings that depend on other files wait for the first look at the folders: what is not read yet seems to be
 * missing. A folder that is never read to its end (a share that hangs) must not hold them back for ever.
 */
const firstLookMs = 60_000;
/** A client that does not say its settings, although it said that it would, gets its findings without them. */
const settingsMs = 5_000;

/** Of so many documents that are opened in a row findings are told before all are read. */
const mostToldFirst = 10;

/** How long a client that asks for findings waits for that; then it gets the others. */
const pulledFirstLookMs = 3_000;

const FIX_ALL = `${CodeActionKind.SourceFixAll}.restorable`;

const REFACTORINGS = [CodeActionKind.RefactorExtract, CodeActionKind.RefactorRewrite];

const CODE_ACTION_KINDS = [CodeActionKind.QuickFix, ...REFACTORINGS, FIX_ALL];

/** For clients without watchers. */
const betweenLooksMs = 1_000;

const WATCHED = [
  '**/*.{yaml,yml,json,conf,sh,bash}',
  '**/*.conf.{example,sample,dist}',
  '**/Kustomization',
  '**/.restorablerc',
];

/** Wires the server to a connection and listens. */
export function startServer(connection: Connection, options: ServerOptions = {}): Server {
  const server = new Server(connection, options);
  connection.listen();
  return server;
}

export class Server {
  readonly workspace = new Workspace(allRules);
  readonly #documents = new Documents(this.workspace);
  readonly #files = new Files(
    this.workspace,
    this.#documents,
    () => this.#soon(),
    (problem) => this.#connection.console.warn(problem.message),
  );
  readonly #machine: Machine | undefined;
  readonly #past: PastOfFolders | undefined;
  readonly #connection: Connection;
  #abilities: ClientAbilities = abilitiesOf({}, undefined);
  #convert = new Converter(this.#documents, this.#abilities);
  #publisher = this.#newPublisher();
  #settings: Settings = defaultSettings;
  #capabilities: ClientCapabilities = {};
  #isWatching = false;
  #isInitialized = false;
  #isShutDown = false;
  #timer: NodeJS.Timeout | undefined;
  #isFirstLook = true;
  #firstLookEnds = Number.POSITIVE_INFINITY;
  #lookedAt = 0;
  /** Open documents of which the findings that are certain are to be told. */
  readonly #toTellCertain = new Set<string>();
  /** How many were told so since all findings were made. */
  #toldFirst = 0;
  /** The client's answer about its settings: severities are among them. */
  #settingsAsked: Promise<void> = Promise.resolve();
  #settingsSent = '';
  /** Counts the analyses: an older one that still waits for keys gives way to a newer. */
  #run = 0;

  constructor(connection: Connection, options: ServerOptions) {
    this.#connection = connection;
    this.#machine = options.machine;
    this.#past = options.machine?.past(this.workspace);
    if (options.machine) this.#files.use(options.machine.disk);
    this.#publisher = this.#newPublisher();
    connection.onInitialize((params) => this.#initialize(params, options));
    connection.onInitialized(() => void this.#initialized());
    connection.onShutdown(() => {
      this.#isShutDown = true;
      clearTimeout(this.#timer);
      this.#files.stop();
    });
    this.#listenToDocuments();
    this.#listenToWorkspace();
    this.#answer();
    this.#answerMore();
    answerTextFeatures({
      connection,
      workspace: this.workspace,
      documents: this.#documents,
      convert: () => this.#convert,
      isRule: (id) => allRules.some((it) => it.id === id),
      in: (params, nothing, ask) => this.#in(params, nothing, ask),
      findings: () => this.#pulledFindings(),
    });
  }

  #initialize(params: InitializeParams, options: ServerOptions): InitializeResult {
    this.#isInitialized = true;
    const capabilities = params.capabilities ?? {};
    this.#capabilities = capabilities;
    const initial = record(params.initializationOptions);
    this.#abilities = abilitiesOf(capabilities, initial?.clientCommands);
    this.#convert = new Converter(this.#documents, this.#abilities);
    this.#publisher = this.#newPublisher();
    this.#applySettings(initial?.settings);
    this.#prefersPull = initial?.diagnostics === 'pull';
    if (initial?.readsFiles === true) this.#files.use(new ClientFiles(this.#connection));
    const encoding = encodingOf(capabilities);
    this.#documents.encoding = encoding;
    this.#roots = rootsOf(params);
    this.#firstLookEnds = Date.now() + firstLookMs;
    return {
      serverInfo: { name: 'restorable', ...(options.version !== undefined && { version: options.version }) },
      capabilities: {
        positionEncoding: encoding,
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: { includeText: false } },
        definitionProvider: true,
        referencesProvider: true,
        documentHighlightProvider: true,
        renameProvider: capabilities.textDocument?.rename?.prepareSupport ? { prepareProvider: true } : true,
        hoverProvider: true,
        completionProvider: { triggerCharacters: ['=', '[', '-', ' '] },
        signatureHelpProvider: { triggerCharacters: ['=', ':'] },
        documentSymbolProvider: true,
        workspaceSymbolProvider: true,
        codeLensProvider: {},
        codeActionProvider: this.#abilities.codeActionLiterals ? { codeActionKinds: CODE_ACTION_KINDS } : true,
        executeCommandProvider: { commands: Object.values(COMMANDS) },
        ...textCapabilities,
        ...(!this.#registersFormatting && { documentFormattingProvider: true, documentRangeFormattingProvider: true }),
        ...(this.#isPulled && { diagnosticProvider: diagnosticCapability }),
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  }

  /** A client that can be told for which files we format; another one gets no edits for YAML. */
  get #registersFormatting(): boolean {
    return this.#capabilities.textDocument?.formatting?.dynamicRegistration === true;
  }

  /** Telling is better where the client listens: findings of one file come from changes of another. */
  get #isPulled(): boolean {
    const { textDocument } = this.#capabilities;
    return (
      textDocument?.diagnostic !== undefined && (this.#prefersPull || textDocument.publishDiagnostics === undefined)
    );
  }

  #prefersPull = false;
  #roots: string[] = [];
  /** The jobs that run, by the token of their progress. */
  readonly #stops = new Map<ProgressToken, AbortController>();

  /** Nothing waits for the client's answers: some never come. */
  async #initialized(): Promise<void> {
    const { workspace } = this.#capabilities;
    if (workspace?.didChangeWatchedFiles?.dynamicRegistration) {
      this.#isWatching = true;
      const watchers = WATCHED.map((globPattern) => ({ globPattern }));
      void this.#guard('watchers', () =>
        this.#connection.client.register(DidChangeWatchedFilesNotification.type, { watchers }),
      );
    }
    if (this.#registersFormatting) {
      const documentSelector = [{ language: 'pgbackrest-conf' }, { pattern: '**/pgbackrest*.conf' }];
      void this.#guard('formatting', async () => {
        await this.#connection.client.register(DocumentFormattingRequest.type, { documentSelector });
        await this.#connection.client.register(DocumentRangeFormattingRequest.type, { documentSelector });
      });
    }
    if (workspace?.didChangeConfiguration?.dynamicRegistration) {
      void this.#guard('settings', () =>
        this.#connection.client.register(DidChangeConfigurationNotification.type, { section: 'restorable' }),
      );
    }
    // Here, behind the library's own handling of initialize, which would take the notification for itself.
    this.#connection.onNotification('window/workDoneProgress/cancel', (params: { token?: ProgressToken }) => {
      if (params?.token !== undefined) this.#stops.get(params.token)?.abort();
    });
    this.#settingsAsked = this.#askSettings();
    await this.#guard('folders', () => this.#files.add(this.#roots));
    await withoutWaitingLongerThan(settingsMs, this.#settingsAsked);
    this.#isFirstLook = false;
    this.#lookedAt = Date.now();
    this.#soon(0);
  }

  #listenToDocuments(): void {
    const connection = this.#connection;
    connection.onDidOpenTextDocument((params) =>
      this.#guard('didOpen', () => {
        const { uri, languageId, version, text } = params.textDocument;
        if (typeof uri !== 'string' || typeof text !== 'string') return;
        this.#documents.open(uri, languageId, version, text);
        this.#publisher.forget(canonicalUri(uri), uri);
        this.#soon();
        // Where all files are shown, the other findings of this one stand there already.
        if (this.#isLookingFirst || this.#settings.scope !== 'workspace') this.#tellCertain([canonicalUri(uri)]);
        this.#lookAgain();
      }),
    );
    connection.onDidChangeTextDocument((params) =>
      this.#guard('didChange', () => {
        const { uri, version } = params.textDocument;
        if (this.#documents.change(uri, version, params.contentChanges)) this.#soon();
        else connection.console.warn(`a change of a document that is not open was passed over: ${uri}`);
      }),
    );
    connection.onDidCloseTextDocument((params) =>
      this.#guard('didClose', async () => {
        const { uri } = params.textDocument;
        const canonical = canonicalUri(uri);
        // Cleared under the name that the client knows; what the disk says comes under ours.
        this.#publisher.clear(canonical);
        if (this.#documents.close(uri)) await this.#files.look([canonical]);
      }),
    );
    connection.onDidSaveTextDocument(() =>
      this.#guard('didSave', () => {
        this.#past?.expire();
        this.#lookAgain();
      }),
    );
  }

  #listenToWorkspace(): void {
    const connection = this.#connection;
    connection.onDidChangeWatchedFiles((params) =>
      this.#guard('didChangeWatchedFiles', () => this.#files.look(params.changes.map((it) => it.uri))),
    );
    connection.onDidChangeConfiguration((params) =>
      this.#guard('didChangeConfiguration', async () => {
        if (!record(params?.settings)) return await this.#askSettings();
        this.#applySettings(params.settings);
        this.#soon();
      }),
    );
    connection.onNotification('workspace/didChangeWorkspaceFolders', (params: unknown) =>
      this.#guard('didChangeWorkspaceFolders', async () => {
        const event = record(record(params)?.event);
        this.#files.remove(urisOf(event?.removed));
        await this.#files.add(urisOf(event?.added));
        this.#soon();
      }),
    );
  }

  #answer(): void {
    const connection = this.#connection;
    connection.onDefinition((params) =>
      this.#at(params, [], (uri, offset) => {
        const host = this.#throughView(uri, offset);
        return this.#convert.locations(definition(this.workspace, host.uri, host.offset));
      }),
    );
    connection.onReferences((params) =>
      this.#at(params, [], (uri, offset) => {
        const includeDefinitions = params.context?.includeDeclaration !== false;
        return this.#convert.locations(references(this.workspace, uri, offset, { includeDefinitions }));
      }),
    );
    connection.onDocumentHighlight((params) =>
      this.#at(params, [], (uri, offset) =>
        highlights(this.workspace, uri, offset).flatMap(({ at, isDefinition }) => {
          const range = this.#convert.rangeOf(at);
          return range
            ? [{ range, kind: isDefinition ? DocumentHighlightKind.Write : DocumentHighlightKind.Read }]
            : [];
        }),
      ),
    );
    connection.onPrepareRename((params) =>
      this.#at(params, null, (uri, offset) => {
        const found = prepareRename(this.workspace, uri, offset);
        const range = found && this.#convert.rangeOf(found.at);
        return found && range ? { range, placeholder: found.name } : null;
      }),
    );
    connection.onRenameRequest((params) =>
      this.#at<WorkspaceEdit | null>(params, null, (uri, offset) => {
        if (typeof params.newName !== 'string') throw new ResponseError(ErrorCodes.InvalidParams, 'newName is missing');
        const result = rename(this.workspace, uri, offset, params.newName);
        if ('problem' in result) throw new ResponseError(LSPErrorCodes.RequestFailed, result.problem);
        return this.#ifUnchanged(result.edits, this.#convert.workspaceEdit(result.edits));
      }),
    );
  }

  #answerMore(): void {
    const connection = this.#connection;
    connection.onHover((params) =>
      this.#at(params, null, (uri, offset) => {
        const host = this.#throughView(uri, offset);
        const found = hover(this.workspace, host.uri, host.offset);
        if (!found) return null;
        const at = host.entry ? inView(found.at, host.entry, uri) : found.at;
        return this.#convert.hover({ ...found, at: at ?? found.at });
      }),
    );
    connection.onSignatureHelp((params) =>
      this.#at(params, null, (uri, offset) => {
        const host = this.#throughView(uri, offset);
        const hint = valueHint(this.workspace, host.uri, host.offset);
        return hint ? this.#convert.signatureHelp(hint) : null;
      }),
    );
    connection.onCompletion((params) =>
      this.#at(params, null, (uri, offset) => {
        const items = completion(this.workspace, uri, offset).toSorted((a, b) => a.rank - b.rank);
        return {
          // In base64 the choice is made here, by what is typed so far.
          isIncomplete: items.some((it) => it.filterText !== undefined),
          items: items.map((it, i) => this.#convert.completionItem(it, i)).filter((it) => it !== undefined),
        };
      }),
    );
    connection.onDocumentSymbol((params) =>
      this.#in(params, [], (uri) => {
        const items = outline(this.workspace, uri);
        return this.#abilities.nestedSymbols ? this.#convert.outline(items) : this.#convert.flatOutline(items);
      }),
    );
    connection.onWorkspaceSymbol((params) =>
      this.#guard('workspace/symbol', () => {
        this.#demandRunning();
        this.#documents.read();
        return findObjects(this.workspace, String(params.query ?? '')).flatMap(({ name, kind, at }) => {
          const location = this.#convert.location(at);
          return location ? [{ name, containerName: kind, kind: SymbolKind.Object, location }] : [];
        });
      }, []),
    );
    connection.onCodeLens((params) =>
      this.#in(params, [], (uri) =>
        lenses(this.workspace, uri)
          .map((it) => this.#convert.lens(it))
          .filter((it) => it !== undefined),
      ),
    );
    connection.onCodeAction((params) => this.#in(params, [], (uri) => this.#codeActions(uri, params)));
    // Not onExecuteCommand: that takes the progress token away, and its reporter cannot carry bytes.
    connection.onRequest(ExecuteCommandRequest.method, (params: ExecuteCommandParams, token: CancellationToken) =>
      this.#guard(
        String(params?.command),
        () => {
          this.#demandRunning();
          this.#documents.read();
          const context = {
            connection,
            workspace: this.workspace,
            documents: this.#documents,
            convert: this.#convert,
            canApplyEdits: this.#capabilities.workspace?.applyEdit === true,
            archives: this.#machine?.archives,
          };
          return executeCommand(context, params, token, this.#stops);
        },
        Promise.resolve<unknown>(null),
      ),
    );
  }

  /**
   * What was typed while the answer was being made is in the queue behind the question: edits of an older text would land in
   * the wrong places, and not every client looks at their version.
   */
  async #ifUnchanged<T>(edits: readonly Edit[], answer: T): Promise<T> {
    const versions = new Map(edits.map(({ at }) => [at.part.uri, this.#documents.version(at.part.uri)]));
    // The library takes one message a turn: behind the second, the next in the queue has been read.
    for (let turn = 0; turn < 2; turn++) await nextTurn();
    for (const [uri, version] of versions) {
      if (this.#documents.version(uri) === version) continue;
      throw new ResponseError(
        LSPErrorCodes.ContentModified,
        'the text has changed in the meantime: nothing was renamed',
      );
    }
    return answer;
  }

  #codeActions(uri: string, { range, context }: CodeActionParams): (CodeAction | Command)[] {
    const lines = this.#documents.lines(uri);
    if (!lines || !range) return [];
    const wants = (kind: string) =>
      !context?.only || context.only.some((it) => kind === it || kind.startsWith(`${it}.`));
    const findings = this.#withViews(this.workspace.findings()).get(uri) ?? [];
    const start = lines.offset(range.start);
    const end = lines.offset(range.end);
    const actions: CodeAction[] = [];
    if (wants(CodeActionKind.QuickFix)) {
      for (const finding of findings) {
        const at = inFile(finding.at);
        if (at.end < start || at.start > end) continue;
        const diagnostic = this.#convert.diagnostic(finding);
        // Last, behind the cures.
        const silence = ignoreFix(this.workspace, finding);
        for (const fix of [...finding.fixes, ...(silence ? [silence] : [])]) {
          const action = this.#convert.quickFix(finding, fix, diagnostic ? [diagnostic] : []);
          if (action) actions.push(action);
        }
      }
    }
    if (context?.only?.some((it) => FIX_ALL === it || FIX_ALL.startsWith(`${it}.`))) {
      const edits = fixAll(findings);
      if (edits.length > 0) {
        actions.push({ title: 'Fix all safe findings', kind: FIX_ALL, edit: this.#convert.workspaceEdit(edits) });
      }
    }
    if (REFACTORINGS.some(wants)) {
      for (const it of refactorings(this.workspace, uri, start)) {
        const action = this.#convert.refactoring(it);
        if (action?.kind && wants(action.kind)) actions.push(action);
      }
    }
    if (this.#abilities.codeActionLiterals) return actions;
    // Such a client only runs commands.
    return actions.flatMap((it) => (it.command ? [it.command] : []));
  }

  /** A question about a place. `nothing` is the answer for documents that nobody knows, and when we fail. */
  #at<T>(
    params: { textDocument: { uri: string }; position: Position },
    nothing: T,
    ask: (uri: string, offset: number) => T | Promise<T>,
  ): T | Promise<T> {
    return this.#in(params, nothing, (uri) => {
      if (typeof params.position?.line !== 'number' || typeof params.position.character !== 'number') {
        throw new ResponseError(ErrorCodes.InvalidParams, 'position is missing');
      }
      const lines = this.#documents.lines(uri);
      return lines ? ask(uri, lines.offset(params.position)) : nothing;
    });
  }

  /** What a view's text means is known where it stands: in its Secret, mounted by its cluster. */
  #throughView(uri: string, offset: number): { uri: string; offset: number; entry?: SecretEntry } {
    const entry = this.#viewed(uri);
    const inside = entry && inHost(entry, offset);
    return entry && inside !== undefined ? { uri: entry.secret.part.uri, offset: inside, entry } : { uri, offset };
  }

  /** The entry that a document is a view of; undefined also while one of them is ahead of the other: places would be wrong. */
  #viewed(uri: string): SecretEntry | undefined {
    const address = addressOfView(uri);
    const entry = address && entryOf(this.workspace, address);
    return entry?.text?.text === this.workspace.text(uri) ? entry : undefined;
  }

  /** A question about a document. */
  #in<T>(params: { textDocument: { uri: string } }, nothing: T, ask: (uri: string) => T | Promise<T>): T | Promise<T> {
    return this.#guard<T | Promise<T>>(
      'request',
      () => {
        this.#demandRunning();
        if (typeof params?.textDocument?.uri !== 'string') {
          throw new ResponseError(ErrorCodes.InvalidParams, 'textDocument.uri is missing');
        }
        this.#documents.read();
        return ask(canonicalUri(params.textDocument.uri));
      },
      nothing,
    );
  }

  #demandRunning(): void {
    if (this.#isShutDown) throw new ResponseError(ErrorCodes.InvalidRequest, 'the server has been shut down');
    if (!this.#isInitialized) throw new ResponseError(ErrorCodes.ServerNotInitialized, 'initialize comes first');
  }

  /** The edge: nothing that goes wrong behind it reaches the client, but for what is said to it on purpose. */
  #guard(what: string, act: () => unknown): Promise<void>;
  #guard<T>(what: string, act: () => T, nothing: T): T;
  #guard<T>(what: string, act: () => T | Promise<T>, nothing?: T): T | Promise<T | undefined> | undefined {
    const failed = (error: unknown): T => {
      if (error instanceof ResponseError) throw error;
      this.#connection.console.error(`${what}: ${withoutContents(error)}`);
      return nothing as T;
    };
    try {
      const result = act();
      return result instanceof Promise ? result.catch(failed) : result;
    } catch (error) {
      return failed(error);
    }
  }

  /** Makes the findings when the typing pauses. */
  #soon(wait = pauseMs): void {
    if (this.#isShutDown) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#analyse(), wait);
  }

  get #isLookingFirst(): boolean {
    return this.#isInitialized && this.#isFirstLook && Date.now() < this.#firstLookEnds;
  }

  /**
   * Tells of open documents at once what no other file can change; the rest follows when all are read. Of hundreds that are
   * opened in a row, only the first few: the others would be judged twice.
   */
  #tellCertain(uris: readonly string[]): void {
    if (this.#isPulled) return;
    const isTelling = this.#toTellCertain.size > 0;
    for (const it of uris) {
      if (this.#toldFirst >= mostToldFirst) break;
      this.#toldFirst++;
      this.#toTellCertain.add(it);
    }
    if (isTelling || this.#toTellCertain.size === 0) return;
    void this.#guard('first findings', async () => {
      await turn();
      await this.#settingsAsked;
      await this.#files.readSettingsAbove([...this.#toTellCertain]);
      const told = [...this.#toTellCertain].filter((it) => this.#documents.isOpen(it));
      this.#toTellCertain.clear();
      if (this.#isShutDown) return;
      this.#documents.read();
      for (const it of told) this.#publisher.publishFirst(it, this.workspace.certainFindings(it));
    }).then(() => this.#toTellCertain.clear());
  }

  async #analyse(): Promise<void> {
    this.#toldFirst = 0;
    if (this.#isLookingFirst) {
      this.#tellCertain(this.#documents.openUris);
      this.#soon(this.#firstLookEnds - Date.now());
      return;
    }
    const run = ++this.#run;
    await this.#guard('findings', async () => {
      await this.#tellPast();
      if (run !== this.#run || this.#isShutDown) return;
      this.#publish();
      while (await examinePending(this.workspace)) {
        if (run !== this.#run || this.#isShutDown) return;
        this.#publish();
      }
    });
  }

  /** The texts as they are now, held against the last commit. */
  async #tellPast(): Promise<void> {
    if (this.#isFirstLook) return;
    this.#documents.read();
    await this.#past?.tell(this.#files.folders);
  }

  #publish(): void {
    this.#documents.read();
    if (this.#isPulled) {
      const findings = this.workspace.findings();
      if (this.#capabilities.workspace?.diagnostics?.refreshSupport) this.#refreshPulled(findings);
      return;
    }
    this.#publisher.publish(this.#withViews(this.workspace.findings()), (uri) => this.#isShown(uri));
  }

  /** What is said about an entry is also said where the entry is open as what it holds. */
  #withViews(findings: Map<string, Finding[]>): Map<string, Finding[]> {
    for (const uri of this.#documents.openUris) {
      const entry = this.#viewed(uri);
      if (entry) findings.set(uri, viewFindings(findings.get(entry.secret.part.uri) ?? [], entry, uri));
    }
    return findings;
  }

  #isShown(uri: string): boolean {
    return this.#settings.scope === 'workspace' || this.#documents.isOpen(uri);
  }

  /** The findings that the client was asked to come for last. */
  #pulled: readonly (readonly Finding[])[] = [];

  /** Asks the client to ask again, when something is other than before. */
  #refreshPulled(findings: ReadonlyMap<string, readonly Finding[]>): void {
    const lists = [...findings.values()];
    const isSame =
      lists.length === this.#pulled.length &&
      lists.every(
        (it, i) => it.length === this.#pulled[i]!.length && it.every((one, k) => one === this.#pulled[i]![k]),
      );
    if (isSame) return;
    this.#pulled = lists;
    void this.#guard('refresh', async () => this.#connection.languages.diagnostics.refresh());
  }

  /** With everything that the keys tell. */
  async #pulledFindings(): Promise<Map<string, readonly Finding[]>> {
    this.#demandRunning();
    // What is not read yet seems to be missing.
    const end = Date.now() + pulledFirstLookMs;
    while (this.#isLookingFirst && Date.now() < end) await new Promise((go) => setTimeout(go, pauseMs));
    if (this.#isLookingFirst) {
      this.#documents.read();
      return new Map(this.#documents.openUris.map((it) => [it, this.workspace.certainFindings(it)]));
    }
    await this.#tellPast();
    this.#documents.read();
    let found = this.workspace.findings();
    while (await examinePending(this.workspace)) found = this.workspace.findings();
    found = this.#withViews(found);
    return new Map([...found].map(([uri, it]) => [uri, this.#isShown(uri) ? it : []]));
  }

  #newPublisher(): Publisher {
    return new Publisher(this.#documents, this.#convert, (params) => void this.#connection?.sendDiagnostics(params));
  }

  /** A client without watchers does not tell when another program changes a file: look when the user does something. */
  #lookAgain(): void {
    if (this.#isWatching || this.#isFirstLook || this.#files.isScanning) return;
    if (Date.now() - this.#lookedAt < betweenLooksMs) return;
    this.#lookedAt = Date.now();
    void this.#guard('folders', () => this.#files.again());
  }

  async #askSettings(): Promise<void> {
    if (!this.#capabilities.workspace?.configuration) return;
    await this.#guard('settings', async () => {
      const settings: unknown = await this.#connection.workspace.getConfiguration('restorable');
      if (!record(settings)) return;
      this.#applySettings(settings);
      this.#soon();
    });
  }

  #applySettings(sent: unknown): void {
    // The same again must not have everything judged again.
    const settings = JSON.stringify(sent ?? {});
    if (settings === this.#settingsSent) return;
    this.#settingsSent = settings;
    this.#settings = readSettings(sent);
    this.workspace.setSettings(this.#settings);
  }
}

function withoutWaitingLongerThan(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((go) => {
    const timer = setTimeout(go, ms);
    void work.then(() => {
      clearTimeout(timer);
      go();
    });
  });
}

function nextTurn(): Promise<void> {
  return new Promise((go) => (typeof setImmediate === 'function' ? setImmediate(go) : setTimeout(go)));
}

/** Class and places of an error, without its message: that may quote a document. */
function withoutContents(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const frames = (error.stack ?? '').split('\n').filter((it) => /^\s+at /.test(it));
  return [error.name, ...frames.slice(0, 8)].join('\n');
}

function encodingOf(capabilities: ClientCapabilities): PositionEncoding {
  const offered = capabilities.general?.positionEncodings;
  if (!Array.isArray(offered) || offered.length === 0 || offered.includes(PositionEncodingKind.UTF16)) return 'utf-16';
  if (offered.includes(PositionEncodingKind.UTF8)) return 'utf-8';
  return offered.includes(PositionEncodingKind.UTF32) ? 'utf-32' : 'utf-16';
}

function rootsOf(params: InitializeParams): string[] {
  const folders = urisOf(params.workspaceFolders);
  if (folders.length > 0) return folders;
  if (typeof params.rootUri === 'string') return [params.rootUri];
  return typeof params.rootPath === 'string' && params.rootPath !== '' ? [toUri(params.rootPath)] : [];
}

function urisOf(folders: unknown): string[] {
  if (!Array.isArray(folders)) return [];
  return folders.map((it) => record(it)?.uri).filter((it) => typeof it === 'string');
}

function abilitiesOf(capabilities: ClientCapabilities, clientCommands: unknown): ClientAbilities {
  const { textDocument, workspace } = capabilities;
  const edit = workspace?.workspaceEdit;
  const publish = textDocument?.publishDiagnostics;
  return {
    documentChanges: edit?.documentChanges === true,
    createFile: edit?.resourceOperations?.includes('create') === true,
    changeAnnotations: edit?.changeAnnotationSupport !== undefined,
    snippets: textDocument?.completion?.completionItem?.snippetSupport === true,
    additionalEdits:
      textDocument?.completion?.completionItem?.resolveSupport?.properties?.includes('additionalTextEdits') === true,
    insertsAsIs:
      textDocument?.completion?.completionItem?.insertTextModeSupport?.valueSet?.includes(InsertTextMode.asIs) === true,
    markdownHover: textDocument?.hover?.contentFormat?.includes('markdown') === true,
    markdownSignature:
      textDocument?.signatureHelp?.signatureInformation?.documentationFormat?.includes('markdown') === true,
    labelOffsets: textDocument?.signatureHelp?.signatureInformation?.parameterInformation?.labelOffsetSupport === true,
    markdownCompletion: textDocument?.completion?.completionItem?.documentationFormat?.includes('markdown') === true,
    relatedInformation: publish?.relatedInformation === true,
    codeDescription: publish?.codeDescriptionSupport === true,
    diagnosticTags: publish?.tagSupport?.valueSet ?? [],
    diagnosticData: publish?.dataSupport === true,
    codeActionLiterals:
      textDocument?.codeAction?.codeActionLiteralSupport?.codeActionKind?.valueSet?.includes(
        CodeActionKind.QuickFix,
      ) === true,
    clientCommands: Array.isArray(clientCommands) ? clientCommands.filter((it) => typeof it === 'string') : [],
    nestedSymbols: textDocument?.documentSymbol?.hierarchicalDocumentSymbolSupport === true,
  };
}

function record(it: unknown): Record<string, unknown> | undefined {
  return typeof it === 'object' && it !== null && !Array.isArray(it) ? (it as Record<string, unknown>) : undefined;
}
