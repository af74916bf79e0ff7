/** Where a command writes: results to stdout, everything said to the person at the keyboard to stderr. */

import { wrapWords } from './arguments.ts';

export interface Terminal {
  /** Result text; waits until the other side has taken it. */
  print(text: string | Uint8Array): Promise<void>;
  /** A message for the person, on stderr. */
  say(text: string): void;
  stdoutIsTty: boolean;
  stderrIsTty: boolean;
  stdinIsTty: boolean;
  /** Columns of stdout, 80 where nobody can tell. */
  width: number;
  /** For text that goes to stdout. */
  paint: Paint;
  /** For text that goes to stderr. */
  paintError: Paint;
  environment: NodeJS.ProcessEnv;
}

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'cyan' | 'dim' | 'bold';
export type Paint = (colour: Colour, text: string) => string;

export const plain: Paint = (_, text) => text;

export function processTerminal(): Terminal {
  const { stdout, stderr, stdin, env } = process;
  return {
    print: (text) => write(stdout, text),
    say: (text) => {
      stderr.write(`${text}\n`);
    },
    stdoutIsTty: stdout.isTTY === true,
    stderrIsTty: stderr.isTTY === true,
    stdinIsTty: stdin.isTTY === true,
    width: widthOf(stdout.columns, env.COLUMNS),
    paint: hasColours(stdout.isTTY === true, env) ? ansi : plain,
    paintError: hasColours(stderr.isTTY === true, env) ? ansi : plain,
    environment: env,
  };
}

/** Control characters would let a file drive the terminal; they are shown as a middle dot. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '·');
}

/** Paragraph text behind an indent, the first line behind `first`, which has the same width. */
export function paragraph(text: string, { width, first }: { width: number; first: string }): string {
  const indent = ' '.repeat(columnsOf(first));
  return wrapWords(text, Math.max(20, width - indent.length))
    .map((line, index) => (index === 0 ? first : indent) + line)
    .join('\n');
}

/** How many columns a text takes: none for combining marks, two for East Asian wide characters and emoji. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += widthOfCharacter(character.codePointAt(0)!);
  return columns;
}

/** https://no-color.org; FORCE_COLOR is what CI systems set whose logs show colours. */
function hasColours(isTty: boolean, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return isTty && env.TERM !== 'dumb';
}

function widthOf(columns: number | undefined, variable: string | undefined): number {
  const width = columns ?? Number.parseInt(variable ?? '', 10);
  return width >= 40 ? Math.min(width, 120) : 80;
}

const CODES: Record<Colour, readonly [on: number, off: number]> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
  dim: [2, 22],
  bold: [1, 22],
};

const ansi: Paint = (colour, text) => {
  const [on, off] = CODES[colour];
  return text === '' ? '' : `\u001b[${on}m${text}\u001b[${off}m`;
};

function widthOfCharacter(code: number): number {
  if (code < 0x300) return 1;
  if (/^\p{Mark}$/u.test(String.fromCodePoint(code)) || code === 0x200d || code === 0xfe0f) return 0;
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return isWide ? 2 : 1;
}

function write(stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
