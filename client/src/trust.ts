import { commands, l10n, window, workspace } from 'vscode';

/**
 * Wraps a command that reads keys, writes files or starts a test-restore: in a restricted workspace it says why it does not
 * run. The manifest's `enablement` hides such commands; lenses and key bindings come here.
 */
export function inTrustedWorkspace<Arguments extends unknown[]>(
  command: (...args: Arguments) => Promise<void>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => {
    if (workspace.isTrusted) return command(...args);
    const manage = l10n.t('Manage Workspace Trust');
    const answer = await window.showWarningMessage(
      l10n.t('Restorable only checks files here, because this workspace is in restricted mode.'),
      manage,
    );
    if (answer === manage) await commands.executeCommand('workbench.trust.manage');
  };
}
