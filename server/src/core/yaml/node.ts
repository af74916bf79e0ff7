import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Scalar,
  visit,
} from 'yaml';
import type { Part, Place } from '../part.ts';
import { MappedText } from '../text/mappedText.ts';
import { scalarText } from '../text/scalarText.ts';
import { type PlainType, plainType } from './types11.ts';

/** The steps of a path: those that rules ask for are a few hundred, asked for every object again. */
function stepsOf(path: string): readonly string[] {
  let steps = knownSteps.get(path);
  if (!steps) {
    if (knownSteps.size >= mostKnownSteps) knownSteps.clear();
    steps = path.split('.');
    knownSteps.set(path, steps);
  }
  return steps;
}

const knownSteps = new Map<string, readonly string[]>();
const mostKnownSteps = 5_000;

/** The ways to write nothing. */
const NOTHING = new Set(['', '~', 'null', 'Null', 'NULL']);

/** Where the aliases of a document lead: found in one walk, where the library would walk once for each. */
const aliases = new WeakMap<Document, Map<Alias, Node>>();

function aliasesOf(document: Document): Map<Alias, Node> {
  let known = aliases.get(document);
  if (!known) {
    const found = new Map<Alias, Node>();
    const anchors = new Map<string, Node>();
    visit(document, {
      Node(_, node) {
        if (isAlias(node)) {
          const target = anchors.get(node.source);
          if (target) found.set(node, target);
        } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
      },
    });
    known = found;
    aliases.set(document, known);
  }
  return known;
}

/**
 * A YAML value with its place, seen as the API server sees it: aliases and merge keys resolved, YAML 1.1 types.
 * Reading never throws; what is absent or of another type is `undefined`.
 */
export class YamlNode {
  /** What stands below, made once: every rule walks the same ways. */
  #entries: YamlNode[] | undefined;
  #items: YamlNode[] | undefined;
  #node: Node | null | undefined;

  constructor(
    readonly part: Part,
    private readonly document: Document,
    private readonly raw: Node | null,
    /** The key under which this value stands, when it stands in a map. */
    readonly key: YamlNode | undefined,
    /** How many aliases were followed to come here; a cycle stops at a sane depth. */
    private readonly depth = 0,
  ) {}

  /** The value itself: behind an alias, the anchored node. */
  get node(): Node | null {
    if (this.#node === undefined) this.#node = this.behindAlias();
    return this.#node;
  }

  private behindAlias(): Node | null {
    // An anchor stands on a value, never on another alias.
    return isAlias(this.raw) ? (aliasesOf(this.document).get(this.raw) ?? null) : this.raw;
  }

  get isMap(): boolean {
    return isMap(this.node);
  }

  get isList(): boolean {
    return isSeq(this.node);
  }

  /** true for nothing at all, `null` and `~`. */
  get isNull(): boolean {
    const node = this.node;
    if (node === null) return true;
    if (!isScalar(node)) return false;
    // Asked for every key of every map.
    if (typeof node.value === 'string' && !NOTHING.has(node.value)) return false;
    return this.type === 'null';
  }

  /** The type of a scalar as the API server reads it; undefined for maps and lists. */
  get type(): PlainType | undefined {
    const node = this.node;
    if (node === null) return 'null';
    if (!isScalar(node)) return undefined;
    if (node.tag === 'tag:yaml.org,2002:str' || node.tag === '!') return 'string';
    if (node.type !== 'PLAIN' && node.type !== undefined) return 'string';
    return plainType(node.source ?? String(node.value ?? ''));
  }

  /** true where a custom tag such as `!vault` says that somebody else makes the value. */
  get hasForeignTag(): boolean {
    const tag = this.node?.tag;
    return tag !== undefined && tag !== '!' && !tag.startsWith('tag:yaml.org,2002:');
  }

  /** The text of a scalar, whatever its type; undefined for maps, lists and null. */
  get text(): string | undefined {
    const node = this.node;
    if (!isScalar(node) || this.isNull) return undefined;
    return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
  }

  /** The text of a scalar with places; an empty value stands behind its key. */
  get mapped(): MappedText | undefined {
    const node = this.node;
    if (!isScalar(node)) return undefined;
    if (!node.range) return MappedText.inexact(this.part, '', this.place, (it) => it);
    return scalarText(this.part, node as Scalar, this.column + 2);
  }

  /** Where the value stands (for an alias: where the anchored value stands); for nothing: where it would stand. */
  get place(): Place {
    const range = (this.node ?? this.raw)?.range;
    if (range) {
      const end = isScalar(this.node) && this.part.text[range[1] - 1] === '\n' ? this.lineEnd(range[1] - 1) : range[1];
      return this.part.place(range[0], Math.max(range[0], end));
    }
    const key = this.key?.place;
    return key ? this.part.place(key.end, key.end) : this.part.whole;
  }

  /** Where the reader should look: the key if there is one, else the value. */
  get keyPlace(): Place {
    return this.key?.place ?? this.place;
  }

  /** From the key's first character to the value's last. */
  get entryPlace(): Place {
    const key = this.key?.place;
    if (!key) return this.place;
    const end = this.raw?.range?.[1] ?? key.end;
    return this.part.place(key.start, Math.max(key.end, this.part.text[end - 1] === '\n' ? end - 1 : end));
  }

  /** The anchor or alias itself where the value is an alias, else the value. */
  get usePlace(): Place {
    const range = this.raw?.range;
    return range ? this.part.place(range[0], range[1]) : this.place;
  }

  /** Column of the key (or of the value without a key): the indentation of this entry. */
  get column(): number {
    const start = this.keyPlace.start;
    return start - (this.part.text.lastIndexOf('\n', start - 1) + 1);
  }

  get isFlow(): boolean {
    const node = this.node;
    return (isMap(node) || isSeq(node)) && node.flow === true;
  }

  /**
   * The value below a path of keys. `get('spec.encryption.method')`, or an array where a key holds a dot.
   * An entry that is there without a value is found too: its `isNull` is true.
   */
  get(path: string | readonly (string | number)[]): YamlNode | undefined {
    let it: YamlNode | undefined = this;
    for (const step of typeof path === 'string' ? stepsOf(path) : path) {
      it = typeof step === 'number' ? it?.items()[step] : it?.entry(step);
      if (!it) return undefined;
    }
    return it;
  }

  textAt(path: string | readonly (string | number)[]): string | undefined {
    return this.get(path)?.text;
  }

  private entry(name: string): YamlNode | undefined {
    // The last one wins, as in kubectl.
    const all = this.entries();
    for (let i = all.length - 1; i >= 0; i--) if (all[i]!.key?.text === name) return all[i];
    return undefined;
  }

  /** The values of a map, each with its `key`; what merge keys (`<<`) bring comes first, so that own entries win. */
  entries(): readonly YamlNode[] {
    this.#entries ??= this.readEntries();
    return this.#entries;
  }

  private readEntries(): YamlNode[] {
    const node = this.node;
    if (!isMap(node) || this.depth > 20) return [];
    const own: YamlNode[] = [];
    const merged: YamlNode[] = [];
    for (const pair of node.items) {
      if (!isPair(pair)) continue;
      const key = new YamlNode(this.part, this.document, pair.key as Node | null, undefined, this.depth + 1);
      const value = new YamlNode(this.part, this.document, pair.value as Node | null, key, this.depth + 1);
      if (key.text === '<<' && isScalar(pair.key) && (pair.key as Scalar).type === 'PLAIN') {
        for (const source of value.isList ? value.items() : [value]) merged.push(...source.entries());
      } else own.push(value);
    }
    if (merged.length === 0) return own;
    const names = new Set(own.map((it) => it.key?.text));
    return [...merged.filter((it) => !names.has(it.key?.text)), ...own];
  }

  /** The values of a list. */
  items(): readonly YamlNode[] {
    this.#items ??= this.readItems();
    return this.#items;
  }

  private readItems(): YamlNode[] {
    const node = this.node;
    if (!isSeq(node) || this.depth > 20) return [];
    return node.items.map((it) => new YamlNode(this.part, this.document, it as Node | null, undefined, this.depth + 1));
  }

  /**
   * Plain JavaScript for the schema validators, with YAML 1.1 types; undefined when there are more values than any
   * manifest has, as aliases of aliases make them. Strings stay strings even where they look like dates.
   */
  toJS(): unknown {
    const budget = { left: 50_000 };
    const value = this.plain(budget);
    return budget.left < 0 ? undefined : value;
  }

  private plain(budget: { left: number }): unknown {
    if (--budget.left < 0) return undefined;
    if (this.isMap) {
      const out: Record<string, unknown> = {};
      for (const it of this.entries()) {
        if (budget.left < 0) break;
        const name = it.key?.text;
        if (name !== undefined && name !== '__proto__') out[name] = it.plain(budget);
      }
      return out;
    }
    if (this.isList) return this.items().map((it) => it.plain(budget));
    const text = this.text;
    switch (this.type) {
      case 'null':
      case undefined:
        return null;
      case 'boolean':
        return /^(?:y|yes|true|on)$/i.test(text ?? '');
      case 'integer':
      case 'float': {
        const number = Number((text ?? '').replaceAll('_', ''));
        return Number.isNaN(number) ? 0 : number;
      }
      default:
        return text;
    }
  }

  /** The innermost value whose entry holds the offset, with the keys that lead there. */
  at(offset: number): { path: (string | number)[]; node: YamlNode; isKey: boolean } | undefined {
    const children = this.isMap ? this.entries() : this.items();
    for (const [index, child] of children.entries()) {
      const key = child.key?.place;
      const step = child.key?.text ?? index;
      if (key && key.start <= offset && offset <= key.end) return { path: [step], node: child, isKey: true };
      const value = child.usePlace;
      if (!(value.start <= offset && offset <= value.end)) continue;
      const inner = child.at(offset);
      return inner ? { ...inner, path: [step, ...inner.path] } : { path: [step], node: child, isKey: false };
    }
    return undefined;
  }

  private lineEnd(from: number): number {
    let end = from;
    while (end > 0 && /\s/.test(this.part.text[end - 1]!)) end--;
    return end;
  }
}
