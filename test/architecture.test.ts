import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { describe, expect, test } from 'vitest';

/** What one source file imports: paths of the checkout with slashes for its own files, names for everything else. */
interface SourceFile {
  path: string;
  text: string;
  imports: string[];
}

const sources = ['client/src', 'server/src', 'engine/src'].flatMap(filesBelow).map(read);

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile() && /\.(?:ts|js|mjs|cjs)$/.test(it.name) && !it.name.endsWith('.d.ts'))
    .map((it) => join(it.parentPath, it.name).split(sep).join('/'));
}

function read(path: string): SourceFile {
  const text = readFileSync(path, 'utf8');
  const bare = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const specifiers = [
    ...bare.matchAll(/^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm),
    ...bare.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm),
    ...bare.matchAll(/\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g),
  ].map((it) => it[1]!);
  const imports = specifiers.map((it) =>
    it.startsWith('.')
      ? normalize(join(dirname(path), it))
          .split(sep)
          .join('/')
      : it,
  );
  return { path, text: bare, imports: [...new Set(imports)] };
}

/** Every import of the files below a folder that none of the patterns allows, as `file -> import`. */
function strangers(folder: string, allowed: readonly RegExp[]): string[] {
  const files = sources.filter((it) => it.path.startsWith(folder));
  expect(files.length).toBeGreaterThan(0);
  return files.flatMap(({ path, imports }) =>
    imports.filter((it) => !allowed.some((pattern) => pattern.test(it))).map((it) => `${path} -> ${it}`),
  );
}

const CORE = /^server\/src\/core\//;
/** A socket of the file system needs Node's module for the network. */
const SOCKET = 'engine/src/start/connection.ts -> node:net';
const NODE = /^node:(?!https?$|http2$|net$|tls$|dns|dgram$|inspector|vm$|repl$)/;
/** What the engine shows to the other folders: its pool, the types that cross its border, and what needs no worker. */
const ENGINE_FACE =
  /^engine\/src\/(?:pool|web\/pool|engineThread|job|report|failure|secret|files\/source|keys\/(?:examineOpenpgp|keySheet))\.ts$/;
/** Shared by the protocol's side and the command line: `server/src/*.ts`. */
const SERVER = /^server\/src\/[^/]+\.ts$/;

describe('arrows between the folders point one way', () => {
  test('core imports itself, yaml and compiled validators', () => {
    expect(strangers('server/src/core/', [CORE, /^yaml$/])).toEqual([]);
  });

  test('engine imports itself, Node without its network, and libraries for keys and compression', () => {
    const libraries =
      /^(?:openpgp|libsodium-wrappers|fzstd|hash-wasm|buffer|des\.js|fflate|@noble\/(?:ciphers|hashes)\/[\w-]+\.js)$/;
    const found = strangers('engine/src/', [/^engine\/src\//, NODE, libraries]);
    expect(found.filter((it) => it !== SOCKET)).toEqual([]);
  });

  test("lsp imports core, the engine's face and the protocol's library, not the command line", () => {
    const library = /^vscode-languageserver(?:-textdocument|\/(?:node|browser))?$/;
    expect(strangers('server/src/lsp/', [CORE, SERVER, /^server\/src\/lsp\//, ENGINE_FACE, NODE, library])).toEqual([]);
  });

  test("cli imports core and the engine's face, not the protocol", () => {
    const own = /^(?:server\/src\/cli\/|package\.json$)/;
    // WAL-G's own configuration file may be YAML.
    expect(strangers('server/src/cli/', [CORE, SERVER, own, ENGINE_FACE, NODE, /^yaml$/])).toEqual([]);
  });

  test("client imports VS Code, its protocol client, the protocol's types and the engine's face, and decides nothing", () => {
    const editor = /^(?:vscode|vscode-languageclient(?:\/(?:node|browser))?)$/;
    expect(
      strangers('client/src/', [/^client\/src\//, editor, /^server\/src\/protocol\.ts$/, ENGINE_FACE, NODE]),
    ).toEqual([]);
  });

  test('no file is in a circle of imports that would need another to be loaded first', () => {
    const byPath = new Map(sources.map((it) => [it.path, it]));
    // Types are gone when the program runs; only what is left can go round in a circle.
    const needs = new Map(
      sources.map(({ path, text }) => {
        const bare = text.replace(/^\s*(?:import|export) type\b[^;]*;/gm, '');
        const left = [...bare.matchAll(/^\s*(?:import|export)\b([^'"`;]*?)\bfrom\s*['"](\.[^'"]+)['"]/gm)]
          .filter((it) => !/^\s*\{(?:\s*type [^,}]+,?)*\s*\}\s*$/.test(it[1]!))
          .map((it) =>
            normalize(join(dirname(path), it[2]!))
              .split(sep)
              .join('/'),
          );
        return [path, left.filter((it) => byPath.has(it))];
      }),
    );
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (path: string, trail: string[]): void => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      if (done.has(path) || trail.includes(path)) return;
      for (const it of needs.get(path) ?? []) visit(it, [...trail, path]);
      done.add(path);
    };
    for (const it of needs.keys()) visit(it, []);
    expect(circles).toEqual([]);
  });
});

describe('what the product never does', () => {
  test('talk to a network: no such module is imported anywhere', () => {
    const network =
      /^(?:node:)?(?:https?|http2|net|tls|dns(?:\/promises)?|dgram)$|^(?:undici|ws|axios|node-fetch|got)$/;
    const found = sources.flatMap(({ path, imports }) =>
      imports.filter((it) => network.test(it)).map((it) => `${path} -> ${it}`),
    );
    expect(found.filter((it) => it !== SOCKET)).toEqual([]);
  });

  test('talk to a network: the one socket is that of a throw-away PostgreSQL, a file in its own folder', () => {
    const { text } = sources.find((it) => it.path === SOCKET.split(' -> ')[0])!;
    const calls = [...text.matchAll(/\b(?:connect|createConnection|createServer|new Socket)\(.*/g)].map((it) => it[0]);
    expect(calls).toEqual(["connect(path.join(folder, '.s.PGSQL.5432'));"]);
  });

  test('talk to a network: no global that does is called', () => {
    const call = /(?<![.\w'"`-])(?:fetch\(|new (?:WebSocket|EventSource|XMLHttpRequest)\b|navigator\.sendBeacon)/;
    expect(sources.filter((it) => call.test(it.text)).map((it) => it.path)).toEqual([]);
  });

  test('make code of text: validators are compiled ahead', () => {
    const made = /(?<![.\w])eval\(|new Function\(|node:vm/;
    expect(sources.filter((it) => made.test(it.text)).map((it) => it.path)).toEqual([]);
  });

  test('write to stdout where the protocol is spoken', () => {
    const writes = /\bconsole\.(?:log|info|debug)\b|process\.stdout/;
    const speakers = sources.filter((it) => /^(?:server\/src\/(?:core|lsp)|engine\/src)\//.test(it.path));
    expect(speakers.filter((it) => writes.test(it.text)).map((it) => it.path)).toEqual([]);
  });

  test('start another program, but for PostgreSQL where a person asked for --start, and git, which is only asked', () => {
    const found = sources.filter((it) => it.imports.some((name) => /^(?:node:)?(?:child_process|cluster)$/.test(name)));
    expect(
      found
        .map((it) => it.path)
        .filter((it) => !/^(?:(?:client|engine\/src\/start)\/|server\/src\/checkout\.ts$)/.test(it)),
    ).toEqual([]);
  });
});

test('the scan sees every form of import', () => {
  const seen = new Set(sources.flatMap((it) => it.imports));
  // A static one over several lines, a dynamic one, a re-export.
  expect(seen).toContain('engine/src/failure.ts');
  expect(seen).toContain('server/src/cli/commands/check.ts');
  expect(seen).toContain('server/src/core/opaque.ts');
});
