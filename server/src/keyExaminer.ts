import type { Workspace } from './core/workspace.ts';

/**
 * Examines the OpenPGP keys that rules wait for (with the engine's library, which is loaded only when there is a key), and
 * tells the workspace the answers.
 *
 * For owners of a workspace, after every `workspace.findings()`:
 *
 *     publish(workspace.findings());
 *     while (await examinePending(workspace, { signal })) publish(workspace.findings());
 *
 * An answer can lead to new questions, hence `while`; it ends, because an answered question is not asked again. Opening a
 * key that gpg protected takes a tenth of a second or two.
 *
 * @returns whether there are new answers, so that the findings are worth asking for again. Never rejects.
 */
export async function examinePending(workspace: Workspace, options: { signal?: AbortSignal } = {}): Promise<boolean> {
  const pending = workspace.pendingExaminations();
  if (pending.length === 0) return false;
  const { examineOpenpgp } = await import('../../engine/src/keys/examineOpenpgp.ts');
  let isAnswered = false;
  for (const it of pending) {
    if (options.signal?.aborted) break;
    workspace.settle(it.id, await examineOpenpgp(it.armored, it.passphrase));
    isAnswered = true;
  }
  return isAnswered;
}
