import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Unpacks a .vsix into a new folder. Python is among what code-server's native modules need anyway; its zipfile is on every
 * machine that gets here.
 *
 * @returns the folder of the extension
 */
export function unpack(vsix, folder) {
  mkdirSync(folder, { recursive: true });
  execFileSync('python3', ['-m', 'zipfile', '-e', vsix, folder]);
  return join(folder, 'extension');
}
