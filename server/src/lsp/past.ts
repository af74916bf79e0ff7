import { Checkout } from '../checkout.ts';
import type { Workspace } from '../core/workspace.ts';
import { toPath } from '../uris.ts';
import type { PastOfFolders } from './machine.ts';

/** A commit made in a terminal is seen at the next look after this time. */
const lookAgainMs = 20_000;

/** What is committed of the workspace's folders, for rules that compare with it. */
export class Past implements PastOfFolders {
  #checkouts: Checkout[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly workspace: Workspace) {}

  /** Something on the disk changed, the last commit perhaps. */
  expire(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /** Compares the texts as they are now, saved or not. Never rejects: without git nothing was committed. */
  async tell(folders: readonly string[]): Promise<void> {
    const paths = folders.map((it) => toPath(it)).filter((it) => it !== undefined);
    const now = performance.now();
    if (now - this.#lookedAt > lookAgainMs) {
      this.#lookedAt = now;
      this.#checkouts = await open(paths, this.#checkouts);
    }
    for (const it of this.#checkouts) await it.tell(this.workspace, paths);
  }
}

async function open(paths: readonly string[], known: readonly Checkout[]): Promise<Checkout[]> {
  const found: Checkout[] = [];
  for (const path of paths) {
    const checkout = await Checkout.open(path).catch(() => undefined);
    if (!checkout || found.some((it) => it.root === checkout.root)) continue;
    // The same commit again: what was read of it stays true.
    found.push(known.find((it) => it.root === checkout.root && it.commit === checkout.commit) ?? checkout);
  }
  return found;
}
