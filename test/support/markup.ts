/**
 * Texts with marks, as rules' fixtures and tests write them.
 *
 * `#- /name` on a line of its own starts a file. A line of carets, followed by `severity rule: message`, labels the line above
 * it and is taken out before the text is used; several may follow each other. `$0` is the cursor. Where carets cannot reach
 * (column 0, an empty place), `|` at the wanted column marks an empty range.
 */
export interface MarkedFile {
  uri: string;
  text: string;
  marks: Mark[];
  cursor: number | undefined;
}

export interface Mark {
  start: number;
  end: number;
  label: string;
}

/** The name of a rule's example where it says none: `kinds` tells what the example is. */
export function defaultNameOf({ kinds }: { kinds: readonly string[] }): string {
  if (kinds.includes('pgbackrest.conf') || kinds.includes('Silences')) return '/pgbackrest.conf';
  return kinds.includes('Script') ? '/backup.sh' : '/manifest.yaml';
}

export const ROOT = 'file:///w';

export function parseMarkup(markup: string, defaultName = '/manifest.yaml'): MarkedFile[] {
  const files: MarkedFile[] = [];
  let name = defaultName;
  let lines: string[] = [];
  const finish = () => {
    if (lines.some((it) => it.trim() !== '') || name !== defaultName) files.push(readFile(name, lines));
    lines = [];
  };
  for (const line of markup.replace(/^\n/, '').split('\n')) {
    const header = /^#- (\S.*)$/.exec(line);
    if (header) {
      finish();
      name = header[1]!.trim();
    } else lines.push(line);
  }
  finish();
  return files;
}

function readFile(name: string, lines: string[]): MarkedFile {
  const kept: string[] = [];
  const marks: Mark[] = [];
  const starts: number[] = [];
  let length = 0;
  for (const line of lines) {
    const mark = /^(\s*)(\^+|\|)\s+(\S.*)$/.exec(line);
    if (mark && starts.length > 0 && (mark[2] !== '|' || /^(?:error|warning|information|hint|here)\b/.test(mark[3]!))) {
      const start = starts.at(-1)! + mark[1]!.length;
      marks.push({ start, end: start + (mark[2] === '|' ? 0 : mark[2]!.length), label: mark[3]!.trim() });
      continue;
    }
    starts.push(length);
    kept.push(line);
    length += line.length + 1;
  }
  let text = kept.join('\n');
  let cursor: number | undefined;
  const at = text.indexOf('$0');
  if (at >= 0) {
    cursor = at;
    text = text.slice(0, at) + text.slice(at + 2);
    for (const it of marks) {
      if (it.start > at) it.start -= 2;
      if (it.end > at) it.end -= 2;
    }
  }
  return { uri: `${ROOT}${name}`, text, marks, cursor };
}

/** The text with its marks again, for comparing as a person reads it. */
export function renderMarkup(files: { uri: string; text: string; marks: Mark[] }[]): string {
  return files
    .map(({ uri, text, marks }) => {
      const out = [`#- ${uri.slice(ROOT.length)}`];
      let offset = 0;
      for (const line of text.split('\n')) {
        out.push(line);
        const here = marks.filter((it) => it.start >= offset && it.start <= offset + line.length);
        for (const it of here.toSorted(
          (a, b) => a.start - b.start || a.end - b.end || a.label.localeCompare(b.label),
        )) {
          const width = Math.min(it.end, offset + line.length) - it.start;
          const more = it.end > offset + line.length ? '…' : '';
          out.push(`${' '.repeat(it.start - offset)}${width > 0 ? '^'.repeat(width) : '|'} ${it.label}${more}`);
        }
        offset += line.length + 1;
      }
      return out.join('\n');
    })
    .join('\n');
}
