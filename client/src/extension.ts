/** Starts the language server and registers the commands. What is wrong with a file, and what a file says, is the server's to know. */
import type { ExtensionContext } from 'vscode';
import { registerClipboard } from './clipboard.ts';
import { registerDetection } from './confDetection.ts';
import { registerDecodedEntries } from './decodedEntries.ts';
import { prepareEngine } from './engine.ts';
import { registerFileCryption } from './fileCryption.ts';
import { registerFindings } from './findings.ts';
import { registerGenerateKey } from './generateKey.ts';
import { registerInspect } from './inspect.ts';
import { LanguageServer } from './languageServer.ts';
import { registerOverview } from './overview.ts';
import { registerPages } from './pages.ts';
import { Proofs } from './proofs.ts';
import { registerReferences } from './references.ts';
import { registerSecretCommands } from './secretCommands.ts';
import { registerTargets } from './targets.ts';
import { registerTestRestore } from './testRestore.ts';

let server: LanguageServer | undefined;

export function activate(context: ExtensionContext): void {
  prepareEngine(context.extensionUri);
  server = new LanguageServer(context);
  const proofs = new Proofs(context.workspaceState);
  context.subscriptions.push(
    registerDetection(),
    registerFindings(),
    registerTargets(server),
    registerClipboard(),
    registerPages(context),
    registerGenerateKey(server),
    registerSecretCommands(server),
    registerDecodedEntries(server),
    registerFileCryption(server),
    registerInspect(server),
    registerTestRestore(server, proofs),
    registerOverview(server, proofs),
    registerReferences(),
  );
  server.start();
}

export function deactivate(): Promise<void> | undefined {
  return server?.stop();
}
