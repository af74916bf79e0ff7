import { l10n, window } from 'vscode';
import type { Failure } from '../../engine/src/failure.ts';

/** One sentence with place and cure; failures hold no secret (engine/src/failure.ts). */
export function sayFailure({ message, path, offset, hint }: Failure): string {
  const place = [path, typeof offset === 'number' ? l10n.t('byte {0}', offset) : undefined].filter(
    (it) => it !== undefined,
  );
  return `${message}${place.length > 0 ? ` (${place.join(', ')})` : ''}${hint ? `. ${capitalised(hint)}` : ''}`;
}

/**
 * The outer edge of a command: what it throws is shown, not logged by VS Code as an unhandled rejection with a stack.
 * Cancelling is no failure.
 */
export async function showFailure(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    if (isCancelled(error)) return;
    const message = error instanceof Error ? error.message : String(error);
    void window.showErrorMessage(`Restorable: ${message}`);
  }
}

/** LSP's RequestCancelled, and VS Code's own. */
const requestCancelled = -32800;

export function isCancelled(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'Canceled' || ('code' in error && error.code === requestCancelled);
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
