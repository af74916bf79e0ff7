import {
  commands,
  type Disposable,
  type ExtensionContext,
  type LogOutputChannel,
  l10n,
  type Uri,
  window,
} from 'vscode';
import type { CancellationToken, ExecuteCommandParams, LanguageClientOptions } from 'vscode-languageclient';
import { CLIENT_COMMANDS, type InitializationOptions } from '../../server/src/protocol.ts';
import { canRestore } from './engine.ts';
import { traceWithoutContents } from './trace.ts';
import { answerForFiles } from './workspaceFiles.ts';

/** What the server looks at. Kubernetes manifests are recognised by their content, so every YAML and JSON file is offered. */
export const DOCUMENT_SELECTOR = [
  { language: 'pgbackrest-conf' },
  { language: 'yaml' },
  { language: 'json' },
  { language: 'jsonc' },
];

/** How long a command waits for a server that is starting. */
const startTimeoutMs = 20_000;

/**
 * The language server as the commands see it: runs in a process or a worker of its own, is started once, and is restarted
 * by the language client when it crashes.
 */
export class LanguageServer {
  readonly log: LogOutputChannel;
  readonly #loaded: ReturnType<typeof load>;
  #started: Promise<void> = Promise.resolve();

  constructor(context: ExtensionContext) {
    this.log = window.createOutputChannel('Restorable', { log: true });
    const clientOptions: LanguageClientOptions = {
      documentSelector: DOCUMENT_SELECTOR,
      outputChannel: this.log,
      traceOutputChannel: traceWithoutContents(this.log),
      initializationOptions: {
        clientCommands: Object.values(CLIENT_COMMANDS).filter((it) => canRestore || it !== CLIENT_COMMANDS.testRestore),
        readsFiles: true,
      } satisfies InitializationOptions,
      // Hovers and documentation may link to pages, but never run commands or HTML.
      markdown: { isTrusted: false, supportHtml: false },
    };
    this.#loaded = load(context, clientOptions);
    void this.#loaded.then(({ client }) => {
      answerForFiles(client, (uri) => this.uri(uri));
      context.subscriptions.push(client);
    }, ignored);
    context.subscriptions.push(
      this.log,
      commands.registerCommand('restorable.restartServer', () => this.restart()),
      commands.registerCommand('restorable.showOutput', () => this.log.show()),
    );
  }

  /** Starts without waiting; a failure is shown to the user and logged. */
  start(): void {
    this.#started = this.#loaded.then(({ client }) => client.start());
    this.#started.catch((error) => {
      this.log.error(error instanceof Error ? error.message : String(error));
      void this.#sayThatItDoesNotRun();
    });
  }

  async restart(): Promise<void> {
    const { client, State } = await this.#loaded;
    if (client.state === State.Stopped) this.start();
    else this.#started = client.restart();
    await this.#started;
  }

  async stop(): Promise<void> {
    const { client, State } = await this.#loaded;
    if (client.state === State.Running) await client.stop();
  }

  /**
   * Runs one of the server's commands (server/src/protocol.ts `COMMANDS`).
   *
   * @param onProgress receives the values of `$/progress` for this request
   * @throws the server's ResponseError; CancellationError of the protocol when `token` was cancelled
   */
  async execute<Result, ProgressValue = unknown>(
    command: string,
    args: unknown[],
    { token, onProgress }: { token?: CancellationToken; onProgress?: (value: ProgressValue) => void } = {},
  ): Promise<Result> {
    await this.#whenRunning();
    const { client, ExecuteCommandRequest, ProgressType } = await this.#loaded;
    const params: ExecuteCommandParams = { command, arguments: args };
    let listener: Disposable | undefined;
    if (onProgress) {
      params.workDoneToken = `restorable-${++progressTokens}`;
      listener = client.onProgress(new ProgressType<ProgressValue>(), params.workDoneToken, onProgress);
    }
    try {
      return (await client.sendRequest(ExecuteCommandRequest.type, params, token)) as Result;
    } finally {
      listener?.dispose();
    }
  }

  /** The protocol's form of a document's URI. */
  uri(uri: Uri): string {
    // As the client's own converter writes it.
    return uri.toString();
  }

  async #whenRunning(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(l10n.t('the language server is not running; see the log'))),
        startTimeoutMs,
      );
    });
    await Promise.race([this.#started, timeout]).finally(() => clearTimeout(timer));
  }

  async #sayThatItDoesNotRun(): Promise<void> {
    const show = l10n.t('Show Log');
    const restart = l10n.t('Restart');
    const answer = await window.showErrorMessage(
      l10n.t('Restorable: the language server could not be started.'),
      show,
      restart,
    );
    if (answer === show) this.log.show();
    if (answer === restart) await this.restart();
  }
}

/**
 * The language client, behind the activation: its library is most of what there is to load, and nothing needs it before the
 * window goes on.
 */
async function load(context: ExtensionContext, options: LanguageClientOptions) {
  await new Promise((resolve) => setTimeout(resolve, 0));
  const { ExecuteCommandRequest, ProgressType, State } = await import('vscode-languageclient');
  const { createClient } = await import('./languageClient.ts');
  return { client: createClient(context, options), ExecuteCommandRequest, ProgressType, State };
}

/** Said where it is started. */
function ignored(): void {}

let progressTokens = 0;
