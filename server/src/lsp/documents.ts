import { largestConf } from '../core/pgbackrest/conf.ts';
import { type FileLanguage, languageOf, type Workspace } from '../core/workspace.ts';
import { LineIndex, type Position, type PositionEncoding } from '../lineIndex.ts';
import { canonicalUri } from '../uris.ts';

/** A document that the client has open: its text is the truth, whatever lies on the disk. */
interface OpenDocument {
  /** As the client writes it; the workspace knows the canonical form. */
  clientUri: string;
  languageId: string;
  version: number;
  lines: LineIndex;
  /** false while the workspace still has an older text. */
  isRead: boolean;
}

interface TextChange {
  range?: { start: Position; end: Position };
  text: string;
}

/**
 * The documents of the client and the texts of the workspace, by canonical URI. A change only replaces the text; it is read
 * (parsed, indexed) when somebody asks, so that ten keystrokes in a row cost one reading.
 */
export class Documents {
  readonly #open = new Map<string, OpenDocument>();
  readonly #lines = new Map<string, LineIndex>();
  encoding: PositionEncoding = 'utf-16';

  constructor(private readonly workspace: Workspace) {}

  open(clientUri: string, languageId: string, version: number, text: string): void {
    const lines = new LineIndex(text, this.encoding);
    this.#open.set(canonicalUri(clientUri), { clientUri, languageId, version, lines, isRead: false });
  }

  /** A change of a document that is not open is passed over: nobody can say what it changes. */
  change(clientUri: string, version: number, changes: readonly TextChange[]): boolean {
    const document = this.#open.get(canonicalUri(clientUri));
    if (!document) return false;
    for (const { range, text } of changes) {
      if (typeof text !== 'string') continue;
      let changed = text;
      if (range) {
        const one = document.lines.offset(range.start);
        const two = document.lines.offset(range.end);
        const before = document.lines.text;
        changed = before.slice(0, Math.min(one, two)) + text + before.slice(Math.max(one, two));
      }
      document.lines = new LineIndex(changed, this.encoding);
    }
    document.version = version;
    document.isRead = false;
    return true;
  }

  /** @returns whether it was open; what the workspace is to know of the file from now on is for the caller to say */
  close(clientUri: string): boolean {
    return this.#open.delete(canonicalUri(clientUri));
  }

  get openUris(): string[] {
    return [...this.#open.keys()];
  }

  isOpen(uri: string): boolean {
    return this.#open.has(uri);
  }

  /** Brings the workspace to the texts that the client has. */
  read(): void {
    for (const [uri, document] of this.#open) {
      if (document.isRead) continue;
      document.isRead = true;
      const { text } = document.lines;
      this.workspace.setFile(uri, text, fileLanguage(uri, document.languageId, text));
    }
  }

  /** The version that the client gave the text; null where the file is not open. */
  version(uri: string): number | null {
    return this.#open.get(uri)?.version ?? null;
  }

  /** The URI to use towards the client. */
  clientUri(uri: string): string {
    return this.#open.get(uri)?.clientUri ?? uri;
  }

  lines(uri: string): LineIndex | undefined {
    const open = this.#open.get(uri);
    if (open) return open.lines;
    const text = this.workspace.text(uri);
    if (text === undefined) {
      this.#lines.delete(uri);
      return undefined;
    }
    let lines = this.#lines.get(uri);
    if (lines?.text !== text) {
      lines = new LineIndex(text, this.encoding);
      this.#lines.set(uri, lines);
    }
    return lines;
  }
}

function fileLanguage(uri: string, languageId: string, text: string): FileLanguage {
  const language = languageOfId(languageId) ?? languageOfName(uri) ?? languageOf(uri, text);
  return language === 'conf' && text.length > largestConf ? 'other' : language;
}

/** A file that is just being begun holds too little to tell, but its name may. */
function languageOfName(uri: string): FileLanguage | undefined {
  return /\/pgbackrest[^/]*\.conf$/i.test(uri) ? 'conf' : undefined;
}

/** Where an editor's language id decides; undefined where the file's name and content do. */
function languageOfId(languageId: string): FileLanguage | undefined {
  switch (languageId) {
    case 'pgbackrest-conf':
    case 'pgbackrest':
      return 'conf';
    case 'yaml':
    case 'helm':
    case 'json':
    case 'jsonc':
      return 'yaml';
    default:
      return undefined;
  }
}
