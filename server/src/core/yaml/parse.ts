import { Document, isMap, parseDocument, visit } from 'yaml';
import type { Part, Place } from '../part.ts';
import { YamlNode } from './node.ts';
import { readSimpleYaml } from './simpleYaml.ts';

/** Cuts a file at its `---` lines. At column 0 they always separate documents, also below an open block scalar. */
export function splitDocuments(text: string): { start: number; text: string }[] {
  const cuts = [0];
  for (const it of text.matchAll(/^---(?=[ \t\r\n]|$)/gm)) if (it.index > 0) cuts.push(it.index);
  return cuts.map((start, i) => ({ start, text: text.slice(start, cuts[i + 1] ?? text.length) }));
}

export interface ParsedYaml {
  root: YamlNode;
  errors: { at: Place; message: string }[];
}

/**
 * Parses one document, or undefined where nothing can be said: a template that a renderer still has to fill, or a text
 * that nests too deep. Never throws.
 */
export function parseYaml(part: Part): ParsedYaml | undefined {
  const simple = RENDERED.test(part.text) ? undefined : readSimpleYaml(part.text);
  if (simple) return { root: new YamlNode(part, withoutAnchors, simple, undefined), errors: [] };
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(part.text, {
      version: '1.2',
      // Every scalar stays the text that it is: types are those of YAML 1.1, and are YamlNode's to tell.
      schema: 'failsafe',
      uniqueKeys: false,
      strict: false,
      stringKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
    });
  } catch {
    // The parser recurses: a text that nests thousands of levels deep ends the stack. Nobody wrote such a manifest.
    return undefined;
  }
  if (isTemplated(part.text, document)) return undefined;
  const errors = document.errors.map((it) => ({
    at: part.place(it.pos[0], it.pos[1]),
    message: firstSentence(it.message),
  }));
  return { root: new YamlNode(part, document, document.contents, undefined), errors };
}

/** The document of simple texts: nodes ask theirs for anchors, and there are none. */
const withoutAnchors = new Document(null);

/** What only a renderer's actions look like, somewhere in the text. */
const RENDERED = /\{\{|\{%|<%|\$\{|^\s*\$[A-Z]/m;

/**
 * A document that a renderer (Helm, Jinja, gomplate …) fills in is no YAML yet. Actions inside quoted or block scalars
 * (an ExternalSecret's template) are just text; everywhere else they parse as flow maps or not at all.
 */
function isTemplated(text: string, document: ReturnType<typeof parseDocument>): boolean {
  if (!RENDERED.test(text)) return false;
  if (document.errors.length > 0) return true;
  let found = false;
  visit(document, {
    Map(_, node) {
      if (!isMap(node) || !node.flow || !node.range) return undefined;
      if (!text.startsWith('{{', node.range[0])) return undefined;
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

function firstSentence(message: string): string {
  const line = message.split('\n')[0] ?? message;
  return line.replace(/ at line \d+.*$/, '').replace(/[.:]+$/, '');
}
