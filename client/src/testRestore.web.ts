import { commands, type Disposable, l10n, window } from 'vscode';
import { CLIENT_COMMANDS } from '../../server/src/protocol.ts';
import type { LanguageServer } from './languageServer.ts';
import type { Proofs } from './proofs.ts';

/** A whole archive is not restored in a browser; lenses and key bindings come here all the same. */
export function registerTestRestore(_server: LanguageServer, _proofs: Proofs): Disposable {
  return commands.registerCommand(CLIENT_COMMANDS.testRestore, () => {
    void window.showInformationMessage(
      l10n.t(
        'A test restore needs a machine: open the folder in VS Code on a desktop or in a remote window, or use the command restorable.',
      ),
    );
  });
}
