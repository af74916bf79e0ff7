/**
 * A folder that all test files of one run share, for what is made once: the product's bundles (`bundles.ts`). Vitest calls
 * this before the first file and after the last.
 */

import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Absent where a configuration does without. */
    runFolder: string | undefined;
  }
}

export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'restorable-run-'));
  // A server's user runs the product, too.
  chmodSync(folder, 0o755);
  project.provide('runFolder', folder);
  // The sources have changed: no test must see a stale build.
  project.onTestsRerun(() => {
    for (const it of readdirSync(folder)) rmSync(join(folder, it), { recursive: true, force: true });
  });
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
