/** Texts as nobody writes them, but editors, merges and accidents do: made from right ones, the same from the same seed. */

/** One text with one to six accidents. */
export function mutate(text: string, random: () => number): string {
  let mutated = text;
  for (let i = 1 + Math.floor(random() * 6); i > 0; i--)
    mutated = accidents[Math.floor(random() * accidents.length)]!(mutated, random);
  return mutated;
}

type Accident = (text: string, random: () => number) => string;

const below = (limit: number, random: () => number) => Math.floor(random() * limit);

/** A stretch of the text, seldom longer than a few lines. */
function stretch(text: string, random: () => number): { start: number; end: number } {
  const start = below(text.length + 1, random);
  return { start, end: Math.min(text.length, start + below(random() < 0.8 ? 40 : 2_000, random)) };
}

function atLine(change: (lines: string[], at: number, random: () => number) => void): Accident {
  return (text, random) => {
    const lines = text.split('\n');
    change(lines, below(lines.length, random), random);
    return lines.join('\n');
  };
}

const ODD = [
  '\u0000',
  '\ufeff',
  '\t',
  '\r',
  '\u2028',
  '\ud800',
  '€',
  '😀',
  '{{',
  '}}',
  '${',
  '$(',
  '<%',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '`',
  ':',
  ': ',
  ' #',
  '- ',
  '? ',
  '|',
  '|+2',
  '>-',
  '&a',
  '*a',
  '<<: *a',
  '!!binary ',
  '!Ref ',
  '%YAML 1.2\n',
  '---\n',
  '...\n',
  '=',
  '==',
  ',',
  '\\',
  '~',
  'null',
  '0x1F',
  '1e999',
  '.inf',
  '2024-01-01',
  '\n\n',
  'apiVersion:',
  'kind: List\nitems:\n',
  '[global]\n',
  'repo1-cipher-pass=',
  'data:\n  a: ',
];

const accidents: readonly Accident[] = [
  (text, random) => {
    const { start, end } = stretch(text, random);
    return text.slice(0, start) + text.slice(end);
  },
  (text, random) => {
    const { start, end } = stretch(text, random);
    return text.slice(0, end) + text.slice(start, end) + text.slice(end);
  },
  (text, random) => {
    const { start } = stretch(text, random);
    return text.slice(0, start) + ODD[below(ODD.length, random)]! + text.slice(start);
  },
  (text, random) => {
    const { start, end } = stretch(text, random);
    return text.slice(0, start) + ODD[below(ODD.length, random)]! + text.slice(end);
  },
  (text, random) => text.slice(0, below(text.length + 1, random)),
  atLine((lines, at) => lines.splice(at, 1)),
  atLine((lines, at) => lines.splice(at, 0, lines[at]!)),
  atLine((lines, at, random) =>
    lines.splice(below(lines.length, random), 0, ...lines.splice(at, 1 + below(4, random))),
  ),
  atLine((lines, at, random) => {
    lines[at] = ' '.repeat(below(9, random)) + lines[at]!;
  }),
  atLine((lines, at) => {
    lines[at] = lines[at]!.trimStart();
  }),
  atLine((lines, at) => {
    lines[at] = lines[at]!.replace(/:.*/, ':');
  }),
  atLine((lines, at, random) => {
    lines[at] = lines[at]!.replace(/: .*/, `: ${Array.from({ length: below(300, random) }, () => '[').join('')}`);
  }),
  (text) => text.replace(/\n/g, '\r\n'),
  (text, random) => {
    const { start, end } = stretch(text, random);
    return text.slice(0, start) + text.slice(start, end).repeat(1 + below(60, random)) + text.slice(end);
  },
];
