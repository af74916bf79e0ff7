/**
 * Compiles the schemas ahead of time: the product never evaluates code that it made itself, so that it runs under a
 * content security policy and in the web build. Also writes the schemas down for those who describe them (hover, completion).
 */

import { readdirSync, readFileSync } from 'node:fs';
import Ajv from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { transformSync } from 'esbuild';
import type { Generator } from './generator.ts';
import { generatedFrom } from './generator.ts';

export const validators: Generator = {
  files: () => [
    { path: 'server/src/core/generated/validators.js', text: validatorCode() },
    { path: 'server/src/core/generated/validators.d.ts', text: validatorTypes() },
    { path: 'server/src/core/generated/schemas.ts', text: schemaTexts() },
  ],
};

interface Schema {
  $id: string;
  /** The kind whose objects the schema describes; absent for pgBackRest options and for shared definitions. */
  'x-kind'?: string;
}

const folder = new URL('../../schemas/', import.meta.url);
const source = 'schemas/*.schema.json';

function readSchemas(): Schema[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.schema.json'));
  return names.sort().map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Schema);
}

/** What `validate` can be asked for: the kinds of Kubernetes objects. pgBackRest options are read one by one (values.ts). */
function ofKinds(schemas: Schema[]): { kind: string; id: string }[] {
  return schemas.flatMap(({ $id, 'x-kind': kind }) => (kind ? [{ kind, id: $id }] : []));
}

function validatorCode(): string {
  const schemas = readSchemas();
  const ajv = new Ajv({
    schemas: schemas.map((schema) => bare(schema) as Schema),
    allErrors: true,
    messages: false,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    inlineRefs: false,
    // Lengths in UTF-16 units: without it the code would need a helper of ajv at run time.
    unicode: false,
    logger: false,
    code: { source: true, esm: true, optimize: 2 },
  });
  // Not needed at run time, but its patterns and ranges must be as sound as those of the others.
  ajv.getSchema('pgbackrest.schema.json');
  const code = standaloneCode(ajv, Object.fromEntries(ofKinds(schemas).map(({ kind, id }) => [kind, id])));
  if (code.includes('require(')) throw new Error('a schema uses a keyword that needs ajv at run time');
  const { code: small } = transformSync(code, { minify: true, format: 'esm', target: 'es2023', legalComments: 'none' });
  // Only the branches of an anyOf need to say where in the schema they stand (schema.ts folds them into one problem).
  const smaller = small.replace(/schemaPath:"(?:(?!\/anyOf\b)[^"])*",/g, '');
  return `${generatedFrom(source)}${smaller}`;
}

/** What decides, without what explains: the compiled code carries a copy of its schema. */
function bare(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(bare);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(([keyword]) => !explaining.test(keyword));
  return Object.fromEntries(
    entries.map(([keyword, value]) => [
      keyword,
      namesProperties.test(keyword) ? eachBare(value as object) : bare(value),
    ]),
  );
}

/** The keys of these are names of fields, not keywords: a field may be called `description`. */
const namesProperties = /^(?:properties|patternProperties|definitions)$/;
const explaining = /^(?:x-.*|description|title|default|\$comment)$/;

function eachBare(named: object): object {
  return Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, bare(schema)]));
}

function validatorTypes(): string {
  const kinds = ofKinds(readSchemas()).map(({ kind }) => `export const ${kind}: Validator;\n`);
  return `${generatedFrom(source)}import type { Validator } from '../schema.ts';\n\n${kinds.join('')}`;
}

function schemaTexts(): string {
  const schemas = readSchemas().filter((schema) => schema.$id !== 'pgbackrest.schema.json');
  const entries = schemas.map((schema) => `  ${JSON.stringify(schema.$id)}: ${JSON.stringify(schema)},\n`);
  const kinds = ofKinds(schemas).map(({ kind, id }) => `  ${kind}: ${JSON.stringify(id)},\n`);
  return [
    generatedFrom(source),
    "import type { SchemaNode } from '../schema.ts';\n\n",
    `export const schemas: Record<string, SchemaNode> = {\n${entries.join('')}};\n\n`,
    `export const schemaOfKind = {\n${kinds.join('')}} as const;\n`,
  ].join('');
}
