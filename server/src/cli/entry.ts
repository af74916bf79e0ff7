/**
 * The executable. An editor starts `restorable lsp --stdio` and waits: then nothing is loaded but the language server.
 */

import * as nodeModule from 'node:module';
import { join } from 'node:path';
import { startAhead } from '../../../engine/src/engineThread.ts';
import { asksForHelp } from './arguments.ts';

// Node 22 and later keep the compiled form of our bundles; older ones do without.
(nodeModule as { enableCompileCache?: () => void }).enableCompileCache?.();

const [command, ...rest] = process.argv.slice(2);
// To PostgreSQL, 1 from its restore_command is the end of the archive: a program that falls down must not say that.
if (command === 'archive-get') {
  process.on('uncaughtException', (error) => {
    process.stderr.write(`restorable: an error of the program itself: ${error.name}\n`);
    process.exit(202);
  });
}
/** Those that nearly always have a job for the engine: it loads meanwhile. */
const USES_ENGINE = new Set(['encrypt', 'decrypt', 'inspect', 'test-restore', 'archive-get', 'keygen']);
if (USES_ENGINE.has(command ?? '') && !asksForHelp(rest)) startAhead(join(__dirname, 'worker.js'));

const isServer = command === 'lsp' && rest.every((it) => it === '--stdio' || it.startsWith('--clientProcessId='));
if (isServer && rest.length === 0) process.argv.push('--stdio');
require(join(__dirname, isServer ? 'server.js' : 'program.js'));
