import { createHash, timingSafeEqual } from 'node:crypto';
import { type Disposable, env, l10n, window } from 'vscode';

const lifetimeMs = 30_000;

let clear: (() => Promise<void>) | undefined;

/** Clears what is still on the clipboard when the window is closed. */
export function registerClipboard(): Disposable {
  return { dispose: () => void clear?.() };
}

/**
 * Puts a secret on the clipboard, and takes it off again after 30 seconds unless something else is there by then. Only a
 * digest is kept for that comparison.
 */
export async function copyForAWhile(secret: string): Promise<void> {
  await clear?.();
  const copied = digest(secret);
  await env.clipboard.writeText(secret);
  const status = window.setStatusBarMessage(
    `$(clippy) ${l10n.t('The key is on the clipboard; it is cleared after {0} seconds', lifetimeMs / 1000)}`,
  );
  const mine = async (): Promise<void> => {
    clearTimeout(timer);
    if (clear === mine) clear = undefined;
    status.dispose();
    if (timingSafeEqual(digest(await env.clipboard.readText()), copied)) await env.clipboard.writeText('');
  };
  const timer = setTimeout(() => void mine(), lifetimeMs);
  clear = mine;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
