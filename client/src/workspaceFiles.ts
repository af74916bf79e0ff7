import { FileSystemError, FileType, Uri, workspace } from 'vscode';
import { CLIENT_REQUESTS, type ClientFile, type ClientFolder } from '../../server/src/protocol.ts';

/** As large as the server's own limit for manifests and configurations: what is larger is data. */
const largestFileBytes = 12_000_000;

interface Answering {
  onRequest(method: string, answer: (params: { uri: string }) => Promise<unknown>): unknown;
}

/**
 * Answers the server's questions for files that only the editor can read: in a browser, and in virtual workspaces. What lies
 * outside of the workspace's folders is not read.
 *
 * @param asText the protocol's form of a URI, so that a file has one name whether it is open or not
 */
export function answerForFiles(client: Answering, asText: (uri: Uri) => string): void {
  client.onRequest(CLIENT_REQUESTS.listFolder, async ({ uri }): Promise<ClientFolder> => {
    const folder = inWorkspace(uri);
    if (!folder) return { problem: 'it is outside of the workspace' };
    try {
      const entries = await workspace.fs.readDirectory(folder);
      return {
        entries: entries.map(([name, type]) => ({
          name,
          uri: asText(Uri.joinPath(folder, name)),
          kind: type === FileType.Directory ? 'folder' : type === FileType.File ? 'file' : 'other',
        })),
      };
    } catch (error) {
      return { problem: reasonOf(error) };
    }
  });
  client.onRequest(CLIENT_REQUESTS.readFile, async ({ uri }): Promise<ClientFile> => {
    const file = inWorkspace(uri);
    if (!file) return { problem: 'it is outside of the workspace' };
    try {
      const { size } = await workspace.fs.stat(file);
      if (size > largestFileBytes) return { problem: 'it is too large' };
      const bytes = await workspace.fs.readFile(file);
      if (bytes.subarray(0, 8_000).includes(0)) return { problem: 'it is binary' };
      return { text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) };
    } catch (error) {
      return { problem: reasonOf(error) };
    }
  });
}

function inWorkspace(text: string): Uri | undefined {
  const uri = Uri.parse(text);
  return workspace.getWorkspaceFolder(uri) ? uri : undefined;
}

function reasonOf(error: unknown): string {
  return error instanceof FileSystemError ? error.code : 'unknown error';
}
