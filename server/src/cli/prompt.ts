import { fail } from '../../../engine/src/failure.ts';
import type { Material } from './keyMaterial.ts';
import type { Terminal } from './terminal.ts';

/**
 * Asks at the terminal for something that nobody may see: nothing is echoed.
 *
 * @throws RestoreError `cancelled` for Ctrl-C and Ctrl-D
 */
export async function askHidden(question: string, terminal: Terminal): Promise<Material> {
  const { stdin, stderr } = process;
  // First: what is typed as soon as the question is seen must not be echoed.
  stdin.setRawMode(true);
  stderr.write(`${terminal.paintError('bold', question)} `);
  stdin.resume();
  const typed: number[] = [];
  try {
    for (;;) {
      const piece = await nextPiece();
      for (const byte of piece) {
        if (byte === 0x03 || byte === 0x04) fail('cancelled', 'key', 'stopped at the question for a key');
        if (byte === 0x0d || byte === 0x0a) return { bytes: Uint8Array.from(typed), source: 'typed at the terminal' };
        if (byte === 0x7f || byte === 0x08) removeCharacter(typed);
        else if (byte === 0x15) typed.length = 0;
        else if (byte >= 0x20) typed.push(byte);
      }
      piece.fill(0);
    }
  } finally {
    typed.fill(0);
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }

  function nextPiece(): Promise<Buffer> {
    return new Promise((resolve) => {
      stdin.once('data', (piece) => resolve(Buffer.from(piece)));
      stdin.once('end', () => resolve(Buffer.of(0x04)));
    });
  }
}

/** Asks twice, for what nobody could ever read again after a slip of the finger. */
export async function askHiddenTwice(question: string, terminal: Terminal): Promise<Material> {
  const first = await askHidden(question, terminal);
  const second = await askHidden('Once more:', terminal);
  const isSame = Buffer.compare(first.bytes, second.bytes) === 0;
  second.bytes.fill(0);
  if (!isSame) {
    first.bytes.fill(0);
    fail('usage', 'key', 'the two do not agree; nothing was done');
  }
  return first;
}

/**
 * Asks at the terminal; only `y` or `yes` is yes, what is just confirmed is no.
 *
 * @throws RestoreError `cancelled` for Ctrl-C and Ctrl-D
 */
export async function askYesOrNo(question: string, terminal: Terminal): Promise<boolean> {
  const { bytes } = await askHidden(`${question} [y/N]`, terminal);
  return /^y(?:es)?$/i.test(Buffer.from(bytes).toString('latin1').trim());
}

/** UTF-8: a character's later bytes are 10xxxxxx. */
function removeCharacter(typed: number[]): void {
  while (typed.length > 0 && (typed.at(-1)! & 0xc0) === 0x80) typed.pop();
  typed.pop();
}
