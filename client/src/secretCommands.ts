import { commands, Disposable, l10n, Uri, window, workspace } from 'vscode';
import { COMMANDS } from '../../server/src/protocol.ts';
import { showFailure } from './failureMessage.ts';
import type { LanguageServer } from './languageServer.ts';
import { inTrustedWorkspace } from './trust.ts';

/** `stringData` <-> `data` of the Secret under the cursor, or of every Secret of a file picked in the Explorer. */
export function registerSecretCommands(server: LanguageServer): Disposable {
  const register = (command: string, serverCommand: string): Disposable =>
    commands.registerCommand(
      command,
      inTrustedWorkspace(async (picked?: unknown) => {
        await showFailure(async () => {
          await rewrite(server, serverCommand, picked instanceof Uri ? picked : undefined);
          if (serverCommand === COMMANDS.encodeSecret)
            void commands.executeCommand('setContext', 'restorable.hasMadeSecret', true);
        });
      }),
    );
  return Disposable.from(
    register('restorable.encodeSecret', COMMANDS.encodeSecret),
    register('restorable.decodeSecret', COMMANDS.decodeSecret),
  );
}

async function rewrite(server: LanguageServer, serverCommand: string, picked: Uri | undefined): Promise<void> {
  const editor = window.activeTextEditor;
  const isActive = !picked || picked.toString() === editor?.document.uri.toString();
  const uri = picked ?? editor?.document.uri;
  if (!uri) {
    void window.showWarningMessage(l10n.t('Open the file of the Secret first.'));
    return;
  }
  // The server edits what it knows: a file from the Explorer has to be open, so that the change can be seen and undone.
  if (!isActive) await window.showTextDocument(await workspace.openTextDocument(uri));
  const position = isActive && editor ? editor.selection.active : undefined;
  await server.execute(serverCommand, [
    { uri: server.uri(uri), ...(position && { position: { line: position.line, character: position.character } }) },
  ]);
}
