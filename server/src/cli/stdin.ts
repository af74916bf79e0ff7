import { UsageError } from './arguments.ts';
import type { Terminal } from './terminal.ts';

const largestBytes = 64_000_000;

/**
 * Everything that comes from stdin. At a terminal it says what it is waiting for.
 *
 * @throws UsageError when it is more than any text of ours can be
 */
export async function readStdin(terminal: Terminal, what: string): Promise<Uint8Array> {
  if (terminal.stdinIsTty) terminal.say(`Reading ${what} from the terminal; end it with Ctrl-D.`);
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of process.stdin) {
    pieces.push(piece as Buffer);
    length += (piece as Buffer).length;
    if (length > largestBytes) throw new UsageError(`${what} on stdin is larger than ${largestBytes / 1e6} MB`);
  }
  return Buffer.concat(pieces);
}
