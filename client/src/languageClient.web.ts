import { type ExtensionContext, Uri } from 'vscode';
import type { LanguageClientOptions, MessageTransports } from 'vscode-languageclient';
import { BrowserMessageReader, BrowserMessageWriter, LanguageClient } from 'vscode-languageclient/browser';

/** The server in a Web Worker; a new one each time it is started. */
export function createClient({ extensionUri }: ExtensionContext, options: LanguageClientOptions): LanguageClient {
  const address = Uri.joinPath(extensionUri, 'dist', 'web', 'server.js').toString(true);
  const { Worker } = globalThis as unknown as { Worker: new (address: string) => WebWorker };
  let worker: WebWorker | undefined;
  const start = async (): Promise<MessageTransports> => {
    worker?.terminate();
    worker = new Worker(address);
    // Not the worker itself: the extension host makes workers that are no instances of `Worker`.
    return { reader: new BrowserMessageReader(worker), writer: new BrowserMessageWriter(worker) };
  };
  return new LanguageClient('restorable', 'Restorable', start, options);
}

type WebWorker = ConstructorParameters<typeof BrowserMessageReader>[0] & { terminate(): void };
