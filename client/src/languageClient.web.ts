import { type ExtensionContext, Uri } from 'vscode';
import type { LanguageClientOptions } from 'vscode-languageclient';
import { LanguageClient } from 'vscode-languageclient/browser';

/** The server in a Web Worker. */
export function createClient({ extensionUri }: ExtensionContext, options: LanguageClientOptions): LanguageClient {
  const address = Uri.joinPath(extensionUri, 'dist', 'web', 'server.js').toString(true);
  const { Worker } = globalThis as unknown as { Worker: new (address: string) => never };
  return new LanguageClient('restorable', 'Restorable', options, new Worker(address));
}
