/**
 * What the API server and the operators' webhooks say about an object, in our words, and what each field means.
 * Decides by the compiled schemas of schemas/; what an object means together with others is for rules.
 */

import { schemaOfKind, schemas } from './generated/schemas.ts';
import * as validators from './generated/validators.js';
import { editLimit, nearestName } from './nearest.ts';
import { isOpaque } from './opaque.ts';

export type Path = (string | number)[];

/** One field or value that is refused, or dropped without a word. */
export interface SchemaProblem {
  /** Of the key or value that is wrong; where something is missing, of the object that lacks it (`[]`: the whole one). */
  path: Path;
  /** The keyword of JSON Schema, or `nearMiss` for an unknown field beside many that we do not know either. */
  keyword: string;
  at: 'key' | 'value';
  /** No final dot; never contains a value of a Secret. */
  message: string;
  /** What would be right: the values allowed, or the fields missing. */
  expected?: string[];
  /** The name or value to write instead, where there is only one that can be meant. */
  replacement?: string;
  /** The value is right but for its type: text needs quotes, or a number must not have any. */
  repair?: 'quote' | 'unquote';
  /** Something is not there. To be left unsaid in patches, which hold only what they change. */
  isMissing: boolean;
}

/** What hover and completion say about a field. */
export interface FieldDescription {
  description: string;
  type?: string;
  default?: unknown;
  enum?: readonly string[];
  /** What the values mean. */
  values?: Readonly<Record<string, string>>;
  isRequired: boolean;
}

/** The parts of JSON Schema that our schemas use, with our own annotations. */
export interface SchemaNode {
  $ref?: string;
  description?: string;
  type?: string | string[];
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, SchemaNode | boolean>;
  additionalProperties?: SchemaNode | boolean;
  propertyNames?: SchemaNode;
  items?: SchemaNode;
  definitions?: Record<string, SchemaNode>;
  /** Not closed, but all names of the CRD are listed: a slip of the pen can be told from what we do not describe. */
  'x-open'?: boolean;
  /** Our sentence for a keyword that fails here. */
  'x-says'?: Record<string, string>;
  /** Other words for a value or a field, with the right one. */
  'x-meant'?: Record<string, string>;
  /** What follows when this field is misspelt and dropped. */
  'x-without'?: string;
  'x-values'?: Record<string, string>;
  [keyword: string]: unknown;
}

/** As the compiled code reports it; `schemaPath` only within the branches of an anyOf. */
export interface ValidatorError {
  instancePath: string;
  schemaPath?: string;
  keyword: string;
  params: Record<string, unknown>;
  propertyName?: string;
}

export interface Validator {
  (value: unknown): boolean;
  errors?: ValidatorError[] | null;
}

export type SchemaKind = keyof typeof schemaOfKind;

/** Whether there is a schema for the kind of object. */
export function hasSchema(kind: string): kind is SchemaKind {
  return Object.hasOwn(schemaOfKind, kind);
}

/**
 * Everything that the schema of the kind refuses in an object; nothing for a kind without schema. Placeholders
 * (`isOpaque`) are taken for right wherever they stand, so a caller may put one in the place of what it cannot read.
 * A null counts as absent, as for the API server.
 * @param value plain data: maps as objects, lists as arrays, scalars with the type that the API server would see
 */
export function validate(kind: string, value: unknown): SchemaProblem[] {
  if (!hasSchema(kind)) return [];
  const object = withoutNulls(value);
  const validator = validatorOf[kind];
  const errors = validator(object) ? [] : folded(validator.errors ?? []);
  const instance = new Instance(kind, object);
  const problems = errors.flatMap((error) => instance.problem(error) ?? []);
  return [...joinMissing(problems, kind), ...nearMisses(kind, rootNode(kind), object, [])];
}

/** What the schema says about the field at a path; undefined for a field that it does not know. */
export function describe(kind: string, path: Path): FieldDescription | undefined {
  if (!hasSchema(kind)) return undefined;
  const node = nodeAt(kind, path);
  const name = path.at(-1);
  const parent = path.length > 0 ? nodeAt(kind, path.slice(0, -1)) : undefined;
  return node?.description ? description(node, typeof name === 'string' && isRequired(parent, name)) : undefined;
}

/** The fields that an object at a path can have, in the order of the schema. */
export function propertiesAt(kind: string, path: Path): (FieldDescription & { name: string })[] {
  if (!hasSchema(kind)) return [];
  const node = nodeAt(kind, path);
  return Object.entries(node?.properties ?? {}).flatMap(([name, property]) => {
    if (typeof property === 'boolean') return [];
    return [{ name, ...description(resolved(property), isRequired(node, name)) }];
  });
}

function description(node: SchemaNode, required: boolean): FieldDescription {
  return {
    description: node.description ?? '',
    type: Array.isArray(node.type) ? node.type.join(' or ') : node.type,
    default: node.default,
    enum: node.enum?.map(String),
    values: node['x-values'],
    isRequired: required,
  };
}

const validatorOf: Readonly<Record<SchemaKind, Validator>> = { ...validators };

/** One object with its schema: makes our sentence of an error of the compiled code. */
class Instance {
  constructor(
    readonly kind: SchemaKind,
    readonly object: unknown,
  ) {}

  problem(error: ValidatorError): SchemaProblem | undefined {
    const path = this.pathOf(error.instancePath);
    const value = valueAt(this.object, path);
    if (typeof value === 'string' && isOpaque(value)) return undefined;
    const node = nodeAt(this.kind, path) ?? {};
    const { params } = error;
    switch (error.keyword) {
      case 'additionalProperties':
        return this.unknownField(path, node, String(params.additionalProperty));
      case 'propertyNames':
        return this.wrongName(path, node, String(params.propertyName));
      case 'required':
        return this.missing(path, String(params.missingProperty), value);
      case 'anyOf':
        return { ...this.said(path, node, 'anyOf', 'key'), isMissing: true };
      case 'not':
        return this.said(path, node, 'not', 'key');
      case 'minItems':
        return { ...this.at(path, 'minItems', `${this.label(path)} needs at least one entry`), isMissing: true };
      case 'type':
        return this.wrongType(path, node, value);
      case 'enum':
        return this.wrongValue(path, node, value);
      default:
        return this.outOfBounds(path, node, error, value);
    }
  }

  unknownField(path: Path, node: SchemaNode, name: string): SchemaProblem | undefined {
    if (isOpaque(name) || name === '<<') return undefined;
    const names = Object.keys(node.properties ?? {});
    const meant = node['x-meant']?.[name] ?? nearestName(names, name);
    const property = meant === undefined ? undefined : node.properties?.[meant];
    const without = typeof property === 'object' ? resolved(property)['x-without'] : undefined;
    const advice = meant ? `${meant} was probably meant` : node['x-says']?.additionalProperties;
    const message = [`${this.label(path)} has no field ${name}`, advice, without && `without it ${without}`];
    return {
      ...this.at([...path, name], 'additionalProperties', message.filter(Boolean).join('; '), 'key'),
      expected: names,
      replacement: meant,
    };
  }

  wrongName(path: Path, node: SchemaNode, name: string): SchemaProblem | undefined {
    if (isOpaque(name) || name === '<<') return undefined;
    const says = node.propertyNames?.['x-says'];
    const message = (name.length > 253 ? says?.maxLength : says?.pattern) ?? `${name} is not allowed as a name here`;
    return this.at([...path, name], 'propertyNames', message, 'key');
  }

  missing(path: Path, name: string, value: unknown): SchemaProblem | undefined {
    if (isMap(value) && Object.keys(value).some((key) => isOpaque(key) || key === '<<')) return undefined;
    return { ...this.at(path, 'required', '', 'key'), expected: [name], isMissing: true };
  }

  wrongType(path: Path, node: SchemaNode, value: unknown): SchemaProblem {
    const wanted = [node.type ?? []].flat();
    const fields = wanted.includes('object') ? Object.keys(node.properties ?? {}) : [];
    const withFields = fields.length > 0 && fields.length <= 3 ? ` with ${listed(fields, 'and')}` : '';
    const types = wanted.map((type) => typeNames[type] ?? type).join(' or ');
    const problem = this.at(
      path,
      'type',
      `${this.label(path)} must be ${types}${withFields}, not ${typeNameOf(value)}`,
    );
    if (wanted.includes('string') && isScalar(value)) return { ...problem, repair: 'quote' };
    if (typeof value === 'string' && fitsUnquoted(value, wanted))
      return { ...problem, repair: 'unquote', replacement: value.trim() };
    return problem;
  }

  wrongValue(path: Path, node: SchemaNode, value: unknown): SchemaProblem {
    const allowed = (node.enum ?? []).map(String).filter((it) => it !== '');
    const text = String(value);
    const meant = node['x-meant']?.[text.toLowerCase()] ?? (text.length > 1 ? nearestName(allowed, text) : undefined);
    const instead = text.length > 0 && text.length <= 40 ? `, not ${text}` : '';
    return {
      ...this.at(path, 'enum', `${this.label(path)} must be ${listed(allowed, 'or')}${instead}`),
      expected: allowed,
      replacement: meant,
    };
  }

  outOfBounds(path: Path, node: SchemaNode, error: ValidatorError, value: unknown): SchemaProblem | undefined {
    const label = this.label(path);
    const limit = error.params.limit;
    const said = node['x-says']?.[error.keyword];
    if (value === '') return this.at(path, error.keyword, `${label} must not be empty`);
    switch (error.keyword) {
      case 'minimum':
        return this.at(path, 'minimum', `${label} must be at least ${limit}, not ${value}`);
      case 'maximum':
        return this.at(path, 'maximum', `${label} must be at most ${limit}, not ${value}`);
      case 'minLength':
        return this.at(path, 'minLength', said ?? `${label} has fewer than ${limit} characters`);
      case 'maxLength':
        return this.at(path, 'maxLength', said ?? `${label} has more than ${limit} characters`);
      default:
        return this.at(path, error.keyword, said ?? `${label} does not have the form it must have`);
    }
  }

  said(path: Path, node: SchemaNode, keyword: string, at: 'key' | 'value'): SchemaProblem {
    return this.at(path, keyword, node['x-says']?.[keyword] ?? `${this.label(path)} is not complete`, at);
  }

  at(path: Path, keyword: string, message: string, at: 'key' | 'value' = 'value'): SchemaProblem {
    return { path, keyword, at, message, isMissing: false };
  }

  label(path: Path): string {
    return labelOf(path, this.kind);
  }

  /** The segments of a JSON pointer; a number is an index only where the object has a list. */
  pathOf(pointer: string): Path {
    const path: Path = [];
    let value = this.object;
    for (const segment of pointer.split('/').slice(1)) {
      const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(value) ? Number(name) : name;
      path.push(step);
      value = valueAt(value, [step]);
    }
    return path;
  }
}

/**
 * An anyOf that fails also reports why each of its branches does, and a propertyNames why the name is wrong:
 * one sentence about the whole is what a person can use.
 */
function folded(errors: ValidatorError[]): ValidatorError[] {
  const wholes = errors.filter(({ keyword }) => keyword === 'anyOf');
  return errors.filter(({ schemaPath, instancePath, propertyName, keyword }) => {
    if (propertyName !== undefined && keyword !== 'propertyNames') return false;
    return !wholes.some(
      (whole) => schemaPath?.startsWith(`${whole.schemaPath}/`) && instancePath.startsWith(whole.instancePath),
    );
  });
}

/** All fields that one object lacks, in one sentence. */
function joinMissing(problems: SchemaProblem[], kind: SchemaKind): SchemaProblem[] {
  const joined = new Map<string, SchemaProblem>();
  const rest: SchemaProblem[] = [];
  for (const problem of problems) {
    if (problem.keyword !== 'required') {
      rest.push(problem);
      continue;
    }
    const key = JSON.stringify(problem.path);
    const first = joined.get(key);
    if (first) first.expected!.push(...problem.expected!);
    else joined.set(key, problem);
  }
  for (const problem of joined.values())
    problem.message = `${labelOf(problem.path, kind)} needs ${listed(problem.expected!, 'and')}`;
  return [...joined.values(), ...rest];
}

/** In an object of which we know all names but describe few: unknown names that are a slip away from a known one. */
function nearMisses(kind: SchemaKind, node: SchemaNode, value: unknown, path: Path): SchemaProblem[] {
  if (!isMap(value)) return [];
  const names = Object.keys(node.properties ?? {});
  return Object.entries(value).flatMap(([name, child]): SchemaProblem[] => {
    const property = node.properties?.[name];
    if (property !== undefined)
      return typeof property === 'boolean' ? [] : nearMisses(kind, resolved(property), child, [...path, name]);
    if (!node['x-open'] || isOpaque(name)) return [];
    const limit = Math.min(2, editLimit(name));
    const meant = nearestName(
      names.filter((it) => !Object.hasOwn(value, it)),
      name,
      limit,
    );
    if (!meant) return [];
    const message = `${labelOf(path, kind)} has no field ${name}; ${meant} was probably meant`;
    return [
      {
        path: [...path, name],
        keyword: 'nearMiss',
        at: 'key',
        message,
        expected: [meant],
        replacement: meant,
        isMissing: false,
      },
    ];
  });
}

/** How a sentence calls a field: its name, with the name before it where it says too little alone (`openpgp.key`). */
function labelOf(path: Path, kind: SchemaKind): string {
  const name = path.at(-1);
  if (name === undefined) return kind;
  const parent = path.at(-2);
  if (typeof name === 'number') return `an entry of ${labelOf(path.slice(0, -1), kind)}`;
  return /^(?:key|name)$/.test(name) && typeof parent === 'string' ? `${parent}.${name}` : name;
}

function rootNode(kind: SchemaKind): SchemaNode {
  return schemas[schemaOfKind[kind]]!;
}

function nodeAt(kind: SchemaKind, path: Path): SchemaNode | undefined {
  let node: SchemaNode | undefined = rootNode(kind);
  for (const segment of path) {
    const next: SchemaNode | boolean | undefined =
      typeof segment === 'number' ? node.items : (own(node.properties, segment) ?? node.additionalProperties);
    if (typeof next !== 'object') return undefined;
    node = resolved(next);
  }
  return node;
}

/** A node without $ref; its own description comes before the definition's. */
function resolved(node: SchemaNode): SchemaNode {
  if (node.$ref === undefined) return node;
  const known = resolvedNodes.get(node);
  if (known) return known;
  const [file, name] = node.$ref.split('#/definitions/') as [string, string];
  const { $ref, ...own } = node;
  const target = { ...resolved(schemas[file]!.definitions![name]!), ...own };
  resolvedNodes.set(node, target);
  return target;
}

const resolvedNodes = new WeakMap<SchemaNode, SchemaNode>();

function isRequired(parent: SchemaNode | undefined, name: string): boolean {
  return parent?.required?.includes(name) ?? false;
}

function own<T>(record: Record<string, T> | undefined, name: string): T | undefined {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const segment of path) {
    if (Array.isArray(at) && typeof segment === 'number') at = at[segment];
    else if (isMap(at)) at = own(at, String(segment));
    else return undefined;
  }
  return at;
}

/**
 * The API server drops nulls of fields before it validates, and so do we; in lists they stay. An alias is one value in
 * many places and is copied once; what lies deeper than any schema of ours reaches is left as it is.
 */
function withoutNulls(value: unknown, copies = new Map<object, unknown>(), depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > deepestSchema) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    copies.set(value, list);
    for (const child of value) list.push(withoutNulls(child, copies, depth + 1));
    return list;
  }
  const copy: Record<string, unknown> = {};
  copies.set(value, copy);
  for (const [name, child] of Object.entries(value)) {
    if (child === null || child === undefined) continue;
    const field = {
      value: withoutNulls(child, copies, depth + 1),
      enumerable: true,
      configurable: true,
      writable: true,
    };
    // A field may be called __proto__ in a hostile file.
    Object.defineProperty(copy, name, field);
  }
  return copy;
}

const deepestSchema = 64;

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

function fitsUnquoted(text: string, types: string[]): boolean {
  if (types.includes('integer')) return /^[+-]?\d+$/.test(text.trim());
  return types.includes('boolean') && /^(?:true|false)$/.test(text.trim());
}

const typeNames: Record<string, string> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a map',
  array: 'a list',
  null: 'empty',
};

function typeNameOf(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return 'a number';
  if (typeof value === 'boolean') return 'true or false';
  return typeof value === 'string' ? 'text' : 'a map';
}

function listed(words: readonly string[], conjunction: 'and' | 'or'): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)}`;
}
