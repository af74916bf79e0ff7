/**
 * The executable. An editor starts `restorable lsp --stdio` and waits: then nothing is loaded but the language server.
 */

import * as nodeModule from 'node:module';
import { join } from 'node:path';

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
const isServer = command === 'lsp' && rest.every((it) => it === '--stdio' || it.startsWith('--clientProcessId='));
if (isServer && rest.length === 0) process.argv.push('--stdio');
require(join(__dirname, isServer ? 'server.js' : 'program.js'));
