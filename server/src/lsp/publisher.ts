import type { Diagnostic, PublishDiagnosticsParams } from 'vscode-languageserver';
import type { Finding } from '../core/finding.ts';
import type { Converter } from './convert.ts';
import type { Documents } from './documents.ts';

interface Published {
  /** What the diagnostics were made from; the same again needs no look. */
  text: string;
  findings: readonly Finding[];
  /** What the client has, as text, to compare with. */
  sent: string;
  /** Only what was certain before the other files were read. */
  isFirst: boolean;
}

/** Tells the client what changed and nothing else: a file whose findings are as before costs no message. */
export class Publisher {
  readonly #published = new Map<string, Published>();

  constructor(
    private readonly documents: Documents,
    private readonly convert: Converter,
    private readonly send: (params: PublishDiagnosticsParams) => void,
  ) {}

  /** @param findings of every file that the workspace knows, under its canonical URI */
  publish(findings: ReadonlyMap<string, readonly Finding[]>, isShown: (uri: string) => boolean): void {
    for (const [uri, all] of findings) this.#publishFile(uri, isShown(uri) ? all : [], false);
    for (const uri of [...this.#published.keys()]) if (!findings.has(uri)) this.clear(uri);
  }

  /** What can be told of a file before all others are read; nothing where more was told already. */
  publishFirst(uri: string, certain: readonly Finding[]): void {
    if (this.#published.get(uri)?.isFirst !== false) this.#publishFile(uri, certain, true);
  }

  /** The file has gone. */
  clear(uri: string): void {
    const before = this.#published.get(uri);
    this.#published.delete(uri);
    if (before && before.sent !== NOTHING) this.send({ uri: this.documents.clientUri(uri), diagnostics: [] });
  }

  /** The client opened or closed the file: it may name it otherwise now, or expect a version. */
  forget(uri: string, clientUri: string): void {
    const before = this.#published.get(uri);
    this.#published.delete(uri);
    // Findings under another spelling of the same file would stay for ever.
    if (before && before.sent !== NOTHING && clientUri !== uri) this.send({ uri, diagnostics: [] });
  }

  #publishFile(uri: string, findings: readonly Finding[], isFirst: boolean): void {
    const before = this.#published.get(uri);
    const text = this.documents.lines(uri)?.text ?? '';
    if (before && before.text === text && isSame(before.findings, findings)) {
      before.isFirst = isFirst;
      return;
    }
    const diagnostics = findings.map((it) => this.convert.diagnostic(it)).filter((it) => it !== undefined);
    const sent = diagnostics.length > 0 ? JSON.stringify(diagnostics) : NOTHING;
    this.#published.set(uri, { text, findings, sent, isFirst });
    if (sent === (before?.sent ?? NOTHING)) return;
    this.send(this.#params(uri, diagnostics));
  }

  #params(uri: string, diagnostics: Diagnostic[]): PublishDiagnosticsParams {
    const version = this.documents.version(uri);
    const clientUri = this.documents.clientUri(uri);
    return version === null ? { uri: clientUri, diagnostics } : { uri: clientUri, version, diagnostics };
  }
}

const NOTHING = '[]';

function isSame(a: readonly Finding[], b: readonly Finding[]): boolean {
  return a.length === b.length && a.every((it, i) => it === b[i]);
}
