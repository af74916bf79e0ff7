/** Features that follow from the text alone: folds, selections, colours, hints within a line, links, formatting, pulled findings. */

import { createHash } from 'node:crypto';
import {
  type Connection,
  type DiagnosticRegistrationOptions,
  type DocumentDiagnosticReport,
  DocumentDiagnosticReportKind,
  type DocumentLink,
  ErrorCodes,
  type FoldingRange,
  FoldingRangeKind,
  type FullDocumentDiagnosticReport,
  type InlayHint,
  type Range,
  ResponseError,
  type SelectionRange,
  type SemanticTokens,
  type ServerCapabilities,
  type TextEdit,
  type WorkspaceDocumentDiagnosticReport,
} from 'vscode-languageserver';
import type { Finding } from '../core/finding.ts';
import { inFile } from '../core/part.ts';
import { folds } from '../core/queries/folding.ts';
import { formatConf } from '../core/queries/format.ts';
import { inlays } from '../core/queries/inlays.ts';
import { links } from '../core/queries/links.ts';
import { selections } from '../core/queries/selection.ts';
import { semanticTokens, tokenModifiers, tokenTypes } from '../core/queries/semanticTokens.ts';
import type { Workspace } from '../core/workspace.ts';
import { rulePage } from '../rulePage.ts';
import type { Converter } from './convert.ts';
import type { Documents } from './documents.ts';

/** What these features need of the server. */
export interface TextFeatureHost {
  connection: Connection;
  workspace: Workspace;
  documents: Documents;
  /** As of now: initialize replaces it. */
  convert(): Converter;
  isRule(id: string): boolean;
  /** A question about a document, behind the server's edge. */
  in<T>(params: { textDocument: { uri: string } }, nothing: T, ask: (uri: string) => T): T | Promise<T>;
  /** The findings as they are to be shown, by canonical URI. */
  findings(): Promise<ReadonlyMap<string, readonly Finding[]>>;
}

/** Formatting is left out: it is registered for pgbackrest.conf alone, so that no editor takes us for its YAML formatter. */
export const textCapabilities: ServerCapabilities = {
  foldingRangeProvider: true,
  selectionRangeProvider: true,
  documentLinkProvider: {},
  inlayHintProvider: true,
  semanticTokensProvider: {
    legend: { tokenTypes: [...tokenTypes], tokenModifiers: [...tokenModifiers] },
    full: true,
    range: true,
  },
};

export const diagnosticCapability: DiagnosticRegistrationOptions = {
  documentSelector: null,
  identifier: 'restorable',
  interFileDependencies: true,
  workspaceDiagnostics: true,
};

export function answerTextFeatures(host: TextFeatureHost): void {
  const { connection, workspace, documents } = host;
  connection.onFoldingRanges((params) => host.in(params, [], (uri) => foldingRanges(host, uri)));
  connection.onSelectionRanges((params) =>
    host.in(params, [], (uri) => {
      const lines = documents.lines(uri);
      if (!lines || !Array.isArray(params.positions)) return [];
      return params.positions.map((it) => selectionRange(host, uri, lines.offset(it)));
    }),
  );
  connection.onDocumentLinks((params) =>
    host.in(params, [], (uri) =>
      links(workspace, uri, host.isRule).flatMap(({ at, target }): DocumentLink[] => {
        const range = host.convert().rangeOf(at);
        if (!range) return [];
        if (target.kind === 'rule')
          return [{ range, target: rulePage(target.id), tooltip: `Open the page of ${target.id}` }];
        return [{ range, target: documents.clientUri(target.uri) }];
      }),
    ),
  );
  connection.languages.inlayHint.on((params) =>
    host.in(params, [], (uri) => {
      const { start, end } = stretch(host, uri, params.range);
      return inlays(workspace, uri, start, end).flatMap(({ at, text }): InlayHint[] => {
        const range = host.convert().rangeOf(at);
        return range ? [{ position: range.end, label: text, paddingLeft: true }] : [];
      });
    }),
  );
  connection.languages.semanticTokens.on((params) => host.in(params, { data: [] }, (uri) => tokens(host, uri)));
  connection.languages.semanticTokens.onRange((params) =>
    host.in(params, { data: [] }, (uri) => tokens(host, uri, stretch(host, uri, params.range))),
  );
  connection.onDocumentFormatting((params) => host.in(params, [], (uri) => formatted(host, uri)));
  connection.onDocumentRangeFormatting((params) =>
    host.in(params, [], (uri) => {
      const { start, end } = stretch(host, uri, params.range);
      return formatted(host, uri, start, end);
    }),
  );
  answerPulls(host);
}

/** Findings for clients that ask for them instead of being told. */
function answerPulls(host: TextFeatureHost): void {
  const { connection, documents } = host;
  const reportOf = (findings: readonly Finding[]): FullDocumentDiagnosticReport => {
    const items = findings.map((it) => host.convert().diagnostic(it)).filter((it) => it !== undefined);
    return { kind: DocumentDiagnosticReportKind.Full, resultId: fingerprint(JSON.stringify(items)), items };
  };
  connection.languages.diagnostics.on(
    async (params) =>
      await host.in<DocumentDiagnosticReport | Promise<DocumentDiagnosticReport>>(params, reportOf([]), async (uri) => {
        const report = reportOf((await host.findings()).get(uri) ?? []);
        const { resultId } = report;
        // Said again, it would only be drawn again.
        if (resultId === undefined || resultId !== params.previousResultId) return report;
        return { kind: DocumentDiagnosticReportKind.Unchanged, resultId };
      }),
  );
  connection.languages.diagnostics.onWorkspace(async (params) => {
    const before = new Map((params.previousResultIds ?? []).map((it) => [it.uri, it.value]));
    const items: WorkspaceDocumentDiagnosticReport[] = [];
    for (const [uri, findings] of await host.findings()) {
      const clientUri = documents.clientUri(uri);
      const report = reportOf(findings);
      const version = documents.version(uri);
      if (report.resultId !== undefined && before.get(clientUri) === report.resultId) {
        items.push({
          kind: DocumentDiagnosticReportKind.Unchanged,
          uri: clientUri,
          version,
          resultId: report.resultId,
        });
      } else if (findings.length > 0 || before.has(clientUri)) items.push({ ...report, uri: clientUri, version });
      before.delete(clientUri);
    }
    // Files that have gone.
    for (const uri of before.keys()) items.push({ ...reportOf([]), uri, version: null });
    return { items };
  });
}

function foldingRanges({ workspace, documents }: TextFeatureHost, uri: string): FoldingRange[] {
  const lines = documents.lines(uri);
  if (!lines) return [];
  return folds(workspace, uri).flatMap(({ start, end, kind }) => {
    const startLine = lines.position(start).line;
    const endLine = lines.position(end).line;
    if (endLine <= startLine) return [];
    return [{ startLine, endLine, ...(kind === 'comment' && { kind: FoldingRangeKind.Comment }) }];
  });
}

function selectionRange({ workspace, convert }: TextFeatureHost, uri: string, offset: number): SelectionRange {
  let parent: SelectionRange | undefined;
  for (const { start, end } of selections(workspace, uri, offset).toReversed()) {
    const range = convert().range(uri, start, end);
    if (range) parent = parent ? { range, parent } : { range };
  }
  const nowhere = { line: 0, character: 0 };
  return parent ?? { range: { start: nowhere, end: nowhere } };
}

function tokens(
  { workspace, documents }: TextFeatureHost,
  uri: string,
  within?: { start: number; end: number },
): SemanticTokens {
  const lines = documents.lines(uri);
  const data: number[] = [];
  let line = 0;
  let character = 0;
  for (const { start, end, type, modifiers } of lines ? semanticTokens(workspace, uri) : []) {
    if (within && (end < within.start || start > within.end)) continue;
    const from = lines!.position(start);
    const to = lines!.position(end);
    const isSameLine = from.line === line;
    const bits = modifiers.reduce((sum, it) => sum | (1 << tokenModifiers.indexOf(it)), 0);
    data.push(
      from.line - line,
      isSameLine ? from.character - character : from.character,
      to.character - from.character,
      tokenTypes.indexOf(type),
      bits,
    );
    ({ line, character } = from);
  }
  return { data };
}

/** Edits of the lines that the stretch touches; all of them without one. */
function formatted(
  { workspace, convert }: TextFeatureHost,
  uri: string,
  start = 0,
  end = Number.MAX_SAFE_INTEGER,
): TextEdit[] {
  const edits = workspace
    .units(uri)
    .flatMap((unit) => (unit.part.language === 'conf' ? unit.confs.flatMap(formatConf) : []))
    .filter((it) => {
      const at = inFile(it.at);
      return at.end >= start && at.start <= end;
    });
  return convert().textEdits(edits).get(uri) ?? [];
}

function stretch({ documents }: TextFeatureHost, uri: string, range: Range): { start: number; end: number } {
  const lines = documents.lines(uri);
  if (!range?.start || !range.end) throw new ResponseError(ErrorCodes.InvalidParams, 'range is missing');
  return lines ? { start: lines.offset(range.start), end: lines.offset(range.end) } : { start: 0, end: 0 };
}

/** The same findings have the same id. */
function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
