/** Between core's offsets and LSP's lines: the only place that knows both. Decides nothing. */

import {
  type CodeAction,
  CodeActionKind,
  type CodeLens,
  type Command,
  type CompletionItem,
  CompletionItemKind,
  type CreateFile,
  type Diagnostic,
  DiagnosticSeverity,
  DiagnosticTag,
  type DocumentSymbol,
  InsertTextFormat,
  InsertTextMode,
  type Location,
  type Hover as LspHover,
  type MarkupContent,
  MarkupKind,
  type Range,
  type SignatureHelp,
  type SymbolInformation,
  SymbolKind,
  type TextDocumentEdit,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver';
import type { Finding, Fix } from '../core/finding.ts';
import { type Edit, inFile, type Place } from '../core/part.ts';
import { type Completion, withoutPlaces } from '../core/queries/completion.ts';
import type { Hover } from '../core/queries/hover.ts';
import type { Lens } from '../core/queries/lenses.ts';
import type { Refactoring } from '../core/queries/refactorings.ts';
import type { OutlineItem } from '../core/queries/symbols.ts';
import type { ValueHint } from '../core/queries/valueHint.ts';
import { CLIENT_COMMANDS, type GenerateKeyAtRequest, type TestRestoreRequest } from '../protocol.ts';
import { rulePage } from '../rulePage.ts';
import type { Documents } from './documents.ts';

/** What the client said it can do, as far as answers depend on it. */
export interface ClientAbilities {
  documentChanges: boolean;
  createFile: boolean;
  changeAnnotations: boolean;
  snippets: boolean;
  /** Changes beside that of a completion. Nothing says it plainly; who resolves them later knows them. */
  additionalEdits: boolean;
  /** The indentation of a completion of several lines is left as it is. */
  insertsAsIs: boolean;
  markdownHover: boolean;
  markdownCompletion: boolean;
  markdownSignature: boolean;
  /** Parts of a signature by their places in it; else by their text. */
  labelOffsets: boolean;
  relatedInformation: boolean;
  codeDescription: boolean;
  diagnosticTags: readonly number[];
  diagnosticData: boolean;
  codeActionLiterals: boolean;
  /** Commands that run in the client (protocol.ts `CLIENT_COMMANDS`). */
  clientCommands: readonly string[];
  nestedSymbols: boolean;
}

const SEVERITY = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
} as const;

const TAG = { unnecessary: DiagnosticTag.Unnecessary, deprecated: DiagnosticTag.Deprecated } as const;

const COMPLETION_KIND = {
  option: CompletionItemKind.Property,
  value: CompletionItemKind.EnumMember,
  section: CompletionItemKind.Module,
  field: CompletionItemKind.Field,
  name: CompletionItemKind.Reference,
  snippet: CompletionItemKind.Snippet,
} as const;

const SYMBOL_KIND = {
  object: SymbolKind.Object,
  entry: SymbolKind.Key,
  section: SymbolKind.Namespace,
  option: SymbolKind.Property,
  repository: SymbolKind.Module,
} as const;

const REFACTORING_KIND = {
  extract: CodeActionKind.RefactorExtract,
  rewrite: CodeActionKind.RefactorRewrite,
} as const;

/** Markdown for clients that show it as it is. */
export function plainText(markdown: string): string {
  return markdown
    .replace(/^(`{3,}).*$\n?/gm, '')
    .replace(/\*\*([^*\n]+)\*\*/g, '$1')
    .replace(/(`+) ?([^`\n]+?) ?\1/g, '$2')
    .replace(/\n{3,}/g, '\n\n');
}

export class Converter {
  constructor(
    private readonly documents: Documents,
    private readonly abilities: ClientAbilities,
  ) {}

  /** undefined for a place in a file that has gone in the meantime. */
  location(place: Place): Location | undefined {
    const { uri, start, end } = inFile(place);
    const range = this.range(uri, start, end);
    return range && { uri: this.documents.clientUri(uri), range };
  }

  locations(places: readonly Place[]): Location[] {
    return places.map((it) => this.location(it)).filter((it) => it !== undefined);
  }

  range(uri: string, start: number, end: number): Range | undefined {
    const lines = this.documents.lines(uri);
    return lines && { start: lines.position(start), end: lines.position(end) };
  }

  rangeOf(place: Place): Range | undefined {
    const { uri, start, end } = inFile(place);
    return this.range(uri, start, end);
  }

  diagnostic(finding: Finding): Diagnostic | undefined {
    const range = this.rangeOf(finding.at);
    if (!range) return undefined;
    const diagnostic: Diagnostic = {
      range,
      severity: SEVERITY[finding.severity],
      code: finding.rule,
      source: 'restorable',
      message: finding.message,
    };
    if (this.abilities.codeDescription) diagnostic.codeDescription = { href: rulePage(finding.rule) };
    const tags = finding.tags.map((it) => TAG[it]).filter((it) => this.abilities.diagnosticTags.includes(it));
    if (tags.length > 0) diagnostic.tags = tags;
    if (this.abilities.relatedInformation && finding.related.length > 0) {
      diagnostic.relatedInformation = finding.related.flatMap((it) => {
        const location = this.location(it.at);
        return location ? [{ location, message: it.message }] : [];
      });
    }
    if (this.abilities.diagnosticData) diagnostic.data = { rule: finding.rule, hasFix: finding.fixes.length > 0 };
    return diagnostic;
  }

  /** Edits by file; in the order of the text, as some clients apply them one after the other. */
  textEdits(edits: readonly Edit[]): Map<string, TextEdit[]> {
    const byUri = new Map<string, { start: number; edit: TextEdit }[]>();
    for (const it of edits) {
      const { uri, start, end } = inFile(it.at);
      const range = this.range(uri, start, end);
      if (!range) continue;
      const list = byUri.get(uri) ?? [];
      list.push({ start, edit: { range, newText: this.withLineBreaks(uri, it.newText) } });
      byUri.set(uri, list);
    }
    return new Map(
      [...byUri].map(([uri, list]) => [uri, list.toSorted((a, b) => a.start - b.start).map((it) => it.edit)]),
    );
  }

  workspaceEdit(edits: readonly Edit[], newFile?: { uri: string; text: string }): WorkspaceEdit {
    const byUri = this.textEdits(edits);
    if (!this.abilities.documentChanges) {
      return { changes: Object.fromEntries([...byUri].map(([uri, it]) => [this.documents.clientUri(uri), it])) };
    }
    const documentChanges: (CreateFile | TextDocumentEdit)[] = [];
    if (newFile) {
      const start = { line: 0, character: 0 };
      documentChanges.push(
        { kind: 'create', uri: newFile.uri, options: { ignoreIfExists: false, overwrite: false } },
        {
          textDocument: { uri: newFile.uri, version: null },
          edits: [{ range: { start, end: start }, newText: newFile.text }],
        },
      );
    }
    for (const [uri, list] of byUri) {
      documentChanges.push({
        textDocument: { uri: this.documents.clientUri(uri), version: this.documents.version(uri) },
        edits: list,
      });
    }
    return { documentChanges };
  }

  /** undefined where the client cannot do what the fix asks for. */
  quickFix(finding: Finding, fix: Fix, diagnostics: Diagnostic[]): CodeAction | undefined {
    const action: CodeAction = { title: fix.title, kind: CodeActionKind.QuickFix };
    if (diagnostics.length > 0) action.diagnostics = diagnostics;
    if (fix.isSafe && finding.fixes.length === 1) action.isPreferred = true;
    if (fix.newFile && !(this.abilities.documentChanges && this.abilities.createFile)) return undefined;
    if (fix.edits.length > 0 || fix.newFile) action.edit = this.workspaceEdit(fix.edits, fix.newFile);
    if (fix.command) {
      const command = this.generateKeyAt(fix.title, fix.command.arguments);
      if (!command) return undefined;
      action.command = command;
    }
    return action.edit || action.command ? action : undefined;
  }

  /** The client's command that puts a new key into a place; undefined where the client has no such command. */
  generateKeyAt(
    title: string,
    { key, at, before, after, wrap, indent }: NonNullable<Fix['command']>['arguments'],
  ): Command | undefined {
    const { uri } = inFile(at);
    const range = this.rangeOf(at);
    if (!range || !this.abilities.clientCommands.includes(CLIENT_COMMANDS.generateKeyAt)) return undefined;
    const request: GenerateKeyAtRequest = {
      key: key === 'sodium-hex' || key === 'sodium-base64' ? 'sodium' : key,
      uri: this.documents.clientUri(uri),
      range,
    };
    if (key === 'sodium-hex') request.encoding = 'hex';
    if (key === 'sodium-base64') request.encoding = 'base64';
    if (before) request.before = before;
    if (after) request.after = after;
    if (wrap) request.wrap = wrap;
    if (indent) request.indent = indent;
    const version = this.documents.version(uri);
    if (version !== null) request.version = version;
    return { title, command: CLIENT_COMMANDS.generateKeyAt, arguments: [request] };
  }

  /**
   * One step, named where the client shows names of changes. undefined where the client cannot do all of it: half of a move is
   * a loss.
   */
  refactoring({ title, kind, edits, newFile, command }: Refactoring): CodeAction | undefined {
    const action: CodeAction = { title, kind: REFACTORING_KIND[kind] };
    const front = command && this.generateKeyAt(title, command.arguments);
    if (front) return { ...action, command: front };
    if (newFile && !(this.abilities.documentChanges && this.abilities.createFile)) return undefined;
    return { ...action, edit: this.#annotated(this.workspaceEdit(edits, newFile), title) };
  }

  #annotated(edit: WorkspaceEdit, label: string): WorkspaceEdit {
    if (!edit.documentChanges || !this.abilities.changeAnnotations) return edit;
    const annotationId = 'refactoring';
    const documentChanges = edit.documentChanges.map((it) =>
      'edits' in it ? { ...it, edits: it.edits.map((one) => ({ ...one, annotationId })) } : { ...it, annotationId },
    );
    return { documentChanges, changeAnnotations: { [annotationId]: { label } } };
  }

  hover({ at, text }: Hover): LspHover | null {
    const range = this.rangeOf(at);
    return { contents: this.#prose(text, this.abilities.markdownHover), ...(range && { range }) };
  }

  signatureHelp({ label, documentation, parts, active }: ValueHint): SignatureHelp {
    const parameters = parts.map(({ start, end }) => ({
      label: this.abilities.labelOffsets ? ([start, end] as [number, number]) : label.slice(start, end),
    }));
    const signature = {
      label,
      documentation: this.#prose(documentation, this.abilities.markdownSignature),
      parameters,
    };
    return { signatures: [signature], activeSignature: 0, activeParameter: active };
  }

  completionItem(it: Completion, order: number): CompletionItem | undefined {
    const range = this.rangeOf(it.at);
    if (!range || range.start.line !== range.end.line) return undefined;
    if (it.more && !this.abilities.additionalEdits) return undefined;
    const isSnippet = it.isSnippet && this.abilities.snippets;
    const text = it.isSnippet && !isSnippet ? withoutPlaces(it.newText) : it.newText;
    const item: CompletionItem = {
      label: it.label,
      kind: COMPLETION_KIND[it.kind],
      sortText: String(order).padStart(5, '0'),
      textEdit: { range, newText: this.withLineBreaks(it.at.part.uri, text) },
    };
    if (isSnippet) item.insertTextFormat = InsertTextFormat.Snippet;
    if (text.includes('\n') && this.abilities.insertsAsIs) item.insertTextMode = InsertTextMode.asIs;
    if (it.more) item.additionalTextEdits = this.textEdits(it.more).get(inFile(it.at).uri) ?? [];
    if (it.detail) item.detail = it.detail;
    if (it.documentation) item.documentation = this.#prose(it.documentation, this.abilities.markdownCompletion);
    if (it.filterText !== undefined) item.filterText = it.filterText;
    return item;
  }

  /** undefined for what this client cannot show or do. */
  lens({ at, title, action }: Lens): CodeLens | undefined {
    const range = this.rangeOf(at);
    if (!range) return undefined;
    switch (action?.kind) {
      case 'generateKey': {
        const command = this.generateKeyAt(title, action.where);
        return command && { range, command };
      }
      case 'editDecoded': {
        const where = this.rangeOf(action.place);
        if (!where || !this.abilities.clientCommands.includes(CLIENT_COMMANDS.editDecoded)) return undefined;
        const argument = { uri: this.documents.clientUri(action.place.part.uri), position: where.start };
        return { range, command: { title, command: CLIENT_COMMANDS.editDecoded, arguments: [argument] } };
      }
      case 'testRestore': {
        if (!this.abilities.clientCommands.includes(CLIENT_COMMANDS.testRestore)) return undefined;
        const request: Partial<TestRestoreRequest> = {
          configuration: action.uris.map((it) => this.documents.clientUri(it)),
        };
        if (action.archive !== undefined) request.archive = action.archive;
        if (action.stanza !== undefined) request.stanza = action.stanza;
        return { range, command: { title, command: CLIENT_COMMANDS.testRestore, arguments: [request] } };
      }
      case 'references': {
        const argument = [this.documents.clientUri(inFile(at).uri), range.start, this.locations(action.places)];
        const { showReferences } = CLIENT_COMMANDS;
        if (!this.abilities.clientCommands.includes(showReferences)) return { range, command: { title, command: '' } };
        return { range, command: { title, command: showReferences, arguments: argument } };
      }
      default:
        // A line to read: an empty command is one that cannot be clicked.
        return { range, command: { title, command: '' } };
    }
  }

  outline(items: readonly OutlineItem[]): DocumentSymbol[] {
    return items.flatMap((it) => {
      const range = this.rangeOf(it.whole);
      const selectionRange = this.rangeOf(it.nameAt);
      if (!range || !selectionRange) return [];
      const symbol: DocumentSymbol = { name: it.name, kind: SYMBOL_KIND[it.kind], range, selectionRange };
      if (it.detail) symbol.detail = it.detail;
      if (it.children.length > 0) symbol.children = this.outline(it.children);
      return [symbol];
    });
  }

  /** For clients that know no tree. */
  flatOutline(items: readonly OutlineItem[], container?: string): SymbolInformation[] {
    return items.flatMap((it) => {
      const location = this.location(it.nameAt);
      if (!location) return [];
      const symbol: SymbolInformation = { name: it.name, kind: SYMBOL_KIND[it.kind], location };
      if (container !== undefined) symbol.containerName = container;
      return [symbol, ...this.flatOutline(it.children, it.name)];
    });
  }

  #prose(markdown: string, isMarkdown: boolean): MarkupContent {
    return isMarkdown
      ? { kind: MarkupKind.Markdown, value: markdown }
      : { kind: MarkupKind.PlainText, value: plainText(markdown) };
  }

  /** New text gets the line breaks that its file has. YAML and pgBackRest read both the same. */
  withLineBreaks(uri: string, text: string): string {
    if (!text.includes('\n')) return text;
    const whole = this.documents.lines(uri)?.text ?? '';
    const first = whole.indexOf('\n');
    return first > 0 && whole[first - 1] === '\r' ? text.replace(/\r?\n/g, '\r\n') : text;
  }
}
