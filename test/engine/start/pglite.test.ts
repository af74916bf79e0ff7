import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { demandVersion, findPglite, PgliteServer } from '../../../engine/src/start/pglite.ts';
import { PgliteFolders } from '../../../engine/src/start/pgliteFolders.ts';

const { signal } = new AbortController();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'restorable-packages-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function install(place: string, program = ''): string {
  const made = path.join(folder, place);
  mkdirSync(path.join(made, 'dist'), { recursive: true });
  writeFileSync(path.join(made, 'package.json'), JSON.stringify({ name: '@electric-sql/pglite', version: '0.5.99' }));
  writeFileSync(path.join(made, 'dist/pglite.wasm'), program);
  return made;
}

test('PGlite is found in the folder that is named, and nowhere else then', () => {
  const made = install('here');
  expect(findPglite(made)).toEqual({ folder: made, version: '0.5.99' });
  expect(findPglite(folder)).toBeUndefined();
  expect(findPglite('/usr/lib/postgresql/15/bin')).toBeUndefined();
});

test('PGlite is found beside Restorable, and not in the folder that is worked in', () => {
  expect(findPglite()?.folder).toContain(path.join('node_modules', '@electric-sql', 'pglite'));
  install('node_modules/@electric-sql/pglite');
  const before = process.cwd();
  try {
    process.chdir(folder);
    expect(findPglite()?.folder.startsWith(folder)).toBe(false);
  } finally {
    process.chdir(before);
  }
});

test('what version of PostgreSQL it is stands in its program; a newer dump is refused, an older one is not', () => {
  const program = `\0PostgreSQL backend\0\0PostgreSQL 17.5 (PGlite 0.5.99) on wasm32-unknown-emscripten\0`;
  const made = install('here', program);
  const server = new PgliteServer({ folder: made, version: '0.5.99' }, signal);
  expect(server.name).toBe('PGlite 0.5.99 (PostgreSQL 17.5)');
  for (const it of [undefined, '9.6', '15', '17']) demandVersion(server, it);
  expect(() => demandVersion(server, '18')).toThrow(/the dump is of PostgreSQL 18, PGlite .* is older/);
});

test('a package that is not as it is known is refused before it runs', () => {
  expect(() => new PgliteServer({ folder: install('odd', 'nothing'), version: '9.9.9' }, signal)).toThrow(
    /PGlite 9\.9\.9 is not of a kind that is known/,
  );
});

test('each database has a folder of its own, made from one that initdb filled, and nothing is left of them', async () => {
  const folders = PgliteFolders.open({ within: folder });
  let filled = 0;
  const initdb = async (made: string) => {
    filled++;
    mkdirSync(path.join(made, 'base'), { recursive: true });
    writeFileSync(path.join(made, 'base/1'), 'pristine');
  };
  const first = await folders.next(initdb);
  const [own = ''] = readdirSync(folder);
  if (process.platform !== 'win32') expect(statSync(path.join(folder, own)).mode & 0o777).toBe(0o700);
  writeFileSync(path.join(first, 'base/1'), 'loaded');
  const second = await folders.next(initdb);
  expect(readFileSync(path.join(second, 'base/1'), 'utf8')).toBe('pristine');
  expect(filled).toBe(1);
  await folders.discard(first);
  expect([existsSync(first), existsSync(second)]).toEqual([false, true]);
  await folders.remove();
  expect(readdirSync(folder)).toEqual([]);
});

test('where there is no room, or no folder, nothing is begun', () => {
  expect(() => PgliteFolders.open({ within: folder, bytes: Number.MAX_SAFE_INTEGER })).toThrow(
    /the throw-away copy needs/,
  );
  expect(() => PgliteFolders.open({ within: path.join(folder, 'none') })).toThrow(/there is no such file/);
  expect(readdirSync(folder)).toEqual([]);
});
