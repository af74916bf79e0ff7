import type { Connection } from 'vscode-languageserver';
import { candidatesBelow, isCandidate, isOurs, type LoadProblem } from '../candidates.ts';
import { CLIENT_REQUESTS, type ClientFile, type ClientFolder } from '../protocol.ts';
import type { FileSource, FoundFiles } from './fileSource.ts';

/** How many files are asked for at once. */
const batchSize = 32;

/**
 * Files that only the client can read: in a browser there are no others, and on a machine those of a virtual workspace
 * (`vscode-vfs:` and the like) are such.
 */
export class ClientFiles implements FileSource {
  constructor(private readonly connection: Connection) {}

  folder(uri: string): string | undefined {
    return /^[a-z][a-z0-9+.-]*:/i.test(uri) ? uri.replace(/\/$/, '') : undefined;
  }

  async *below(folder: string, signal: AbortSignal): AsyncGenerator<FoundFiles> {
    const problems: LoadProblem[] = [];
    // The client knows how it writes the URI of an entry, and will open the file under that name.
    const uris = new Map<string, string>();
    const list = async (parent: string) => {
      const answer = await this.#ask<ClientFolder>(CLIENT_REQUESTS.listFolder, parent);
      if (!answer || 'problem' in answer) return unreadable(parent, answer?.problem);
      for (const it of answer.entries) uris.set(`${parent}\n${it.name}`, it.uri);
      return answer.entries;
    };
    const child = (parent: string, name: string) => uris.get(`${parent}\n${name}`) as string;
    const candidates = await candidatesBelow(folder, list, child, problems, { signal });
    yield { files: [], problems };
    for (let start = 0; start < candidates.length && !signal.aborted; start += batchSize) {
      const batch = candidates.slice(start, start + batchSize);
      const files = await Promise.all(batch.map(async (uri) => ({ uri, text: await this.#text(uri) })));
      yield { files: files.filter((it): it is { uri: string; text: string } => it.text !== undefined), problems: [] };
    }
  }

  async read(uri: string): Promise<string | undefined> {
    return isCandidate(decoded(uri)) ? await this.#text(uri) : undefined;
  }

  /** What is too large, binary or gone is none of ours; only folders are worth a warning. */
  async #text(uri: string): Promise<string | undefined> {
    const answer = await this.#ask<ClientFile>(CLIENT_REQUESTS.readFile, uri);
    return answer && 'text' in answer && isOurs(uri, answer.text) ? answer.text : undefined;
  }

  /** undefined when the client fails to answer, or is gone. */
  async #ask<T>(method: string, uri: string): Promise<T | undefined> {
    return await this.connection.sendRequest<T>(method, { uri }).catch(() => undefined);
  }
}

function unreadable(path: string, problem = 'the editor does not answer'): LoadProblem {
  return { code: 'unreadable', path, message: `${path} cannot be read (${problem})` };
}

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}
