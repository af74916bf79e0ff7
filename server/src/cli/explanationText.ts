/** How `restorable check --explain` prints the effective configuration: a table for people, or JSON. */

import type { Place } from '../core/part.ts';
import type { ExplainedOption, ExplainedReader, Explanation } from '../core/queries/explanation.ts';
import type { Sources } from './sources.ts';
import { columnsOf, harmless, type Terminal } from './terminal.ts';

export function explanationText(
  explanations: readonly Explanation[],
  sources: Sources,
  { paint, width }: Terminal,
): string {
  const blocks = explanations.map(({ title, uri, readers, notes }) => {
    const name = harmless(sources.name(uri));
    const head = name === title || name.endsWith(`/${title}`) ? name : `${harmless(title)} (${name})`;
    const lines = [paint('bold', head)];
    for (const reader of readers) lines.push('', ...readerLines(reader, uri, sources, { paint, width }));
    for (const it of notes) lines.push('', `  ${paint('dim', `note: ${harmless(it)}`)}`);
    return `${lines.join('\n')}\n`;
  });
  return blocks.join('\n');
}

/** docs/reports.md describes it: a public interface, only ever extended. */
export function explanationJson(explanations: readonly Explanation[], sources: Sources): string {
  const place = (at: Place | undefined) => (at ? { file: sources.name(at.part.uri), range: sources.range(at) } : null);
  const configurations = explanations.map(({ title, uri, readers, notes }) => ({
    title,
    file: sources.name(uri),
    readers: readers.map(({ stanza, summaries, refusals, options }) => ({
      stanza: stanza ?? null,
      summaries,
      refusals: refusals.map((it) => ({ commands: it.commands, code: it.code, message: it.message, at: place(it.at) })),
      options: options.map((it) => ({
        name: it.name,
        value: it.value ?? null,
        state: it.state,
        commands: it.commands ?? null,
        origin: it.origin,
        at: place(it.at),
        reason: it.reason ?? null,
        by: place(it.by),
      })),
    })),
    notes,
  }));
  return `${JSON.stringify({ version: 1, configurations }, undefined, 2)}\n`;
}

const SIGN = { 'in-force': '✔', overridden: '↷', dropped: '✘', open: '?' } as const;
const COLOUR = { 'in-force': 'green', overridden: 'dim', dropped: 'yellow', open: 'cyan' } as const;
const WORD = { 'in-force': 'in force', overridden: 'overridden', dropped: 'dropped', open: 'open' } as const;
const widestName = 34;
const widestValue = 32;

function readerLines(
  reader: ExplainedReader,
  uri: string,
  sources: Sources,
  { paint, width }: Pick<Terminal, 'paint' | 'width'>,
): string[] {
  const lines: string[] = [];
  // What the operator writes for every Pod is the same everywhere: it is counted, not listed.
  const options = reader.options.filter(
    (it) => !(it.state === 'in-force' && it.at === undefined && it.origin === 'the operator'),
  );
  const placeText = (at: Place) =>
    `${at.part.uri === uri ? 'line ' : `${harmless(sources.name(at.part.uri))}:`}${sources.range(at).start.line + 1}`;
  if (reader.stanza !== undefined) lines.push(`  ${paint('bold', `stanza ${harmless(reader.stanza)}`)}`);
  for (const it of reader.summaries)
    lines.push(`  ${paint(/NOT ENCRYPTED/.test(it) ? 'yellow' : 'cyan', harmless(it))}`);
  for (const { commands, code, message, at } of reader.refusals) {
    const where = at ? ` (${placeText(at)})` : '';
    lines.push(
      `  ${paint('red', `${commandList(commands)} ${commands.length > 1 ? 'stop' : 'stops'} with error ${code}: ${harmless(message)}`)}${where}`,
    );
  }
  const nameWidth = Math.min(widestName, Math.max(0, ...options.map((it) => columnsOf(it.name))));
  const valueWidth = Math.min(widestValue, Math.max(0, ...options.map((it) => columnsOf(valueText(it)))));
  for (const it of options) {
    const name = harmless(it.name).padEnd(nameWidth);
    const value = valueText(it).padEnd(valueWidth);
    const where = it.at ? ` ${paint('dim', placeText(it.at))}` : '';
    const scope = it.commands && it.commands.length > 0 ? ` [${commandList(it.commands)}]` : '';
    const said = it.reason === undefined ? '' : `\n${' '.repeat(6)}${sayReason(it, placeText)}${scope}`;
    const ofCommands = it.reason === undefined ? scope : '';
    lines.push(
      `  ${paint(COLOUR[it.state], SIGN[it.state])} ${name}  ${value}  ${harmless(it.origin)}${where}${ofCommands}${said}`,
    );
  }
  const hidden = reader.options.length - options.length;
  if (hidden > 0) lines.push(`  ${paint('dim', `  and ${hidden} that the operator writes for every Pod`)}`);
  return lines.map((it) => (width < 20 ? it : it.trimEnd()));
}

function sayReason({ state, reason, by }: ExplainedOption, placeText: (at: Place) => string): string {
  return `${WORD[state]}: ${harmless(reason ?? '')}${by ? ` (${placeText(by)})` : ''}`;
}

function valueText({ value }: ExplainedOption): string {
  if (value === undefined) return '(filled in elsewhere)';
  const line = harmless(value.replace(/\s+/g, ' '));
  return line.length > widestValue ? `${line.slice(0, widestValue - 1)}…` : line;
}

function commandList(commands: readonly string[]): string {
  if (commands.length > 4) return `${commands.slice(0, 3).join(', ')} and ${commands.length - 3} more`;
  return commands.length > 1 ? `${commands.slice(0, -1).join(', ')} and ${commands.at(-1)}` : commands.join();
}
