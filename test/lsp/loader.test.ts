import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { load } from '../../server/src/loader.ts';
import { canonicalUri, toPath, toUri } from '../../server/src/uris.ts';

const folders: string[] = [];
afterEach(() => {
  for (const it of folders.splice(0)) rmSync(it, { recursive: true, force: true });
});

function folderWith(files: Record<string, string | Uint8Array>): string {
  const root = mkdtempSync(join(tmpdir(), 'restorable loader ä-'));
  folders.push(root);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

const SECRET = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n';
const CONF = '[global]\nrepo1-path=/var/lib/pgbackrest\n';

describe('paths and URIs', () => {
  test('blanks, umlauts and signs survive the way there and back', () => {
    for (const path of ['/a b/ä/ß (1).yaml', '/100%/c#d?e.conf', '/x/@y+z,w;v=u&t.yaml', '/😀/~.json', "/it's!*.yml"]) {
      expect(toPath(toUri(path, 'linux'), 'linux')).toBe(path);
      expect(toUri(path, 'linux')).not.toMatch(/[ #?ä😀]/u);
    }
  });

  test('however an editor encodes a URI, the workspace knows one form of it', () => {
    const path = '/w/it (1)/@a+b ä.yaml';
    const canonical = toUri(path, 'linux');
    for (const uri of [
      pathToFileURL(path).href,
      'file:///w/it%20%281%29/%40a%2Bb%20%C3%A4.yaml',
      'file:///w/it%20(1)/@a+b%20%c3%a4.yaml',
      'file://localhost/w/it (1)/@a+b ä.yaml',
    ]) {
      expect(canonicalUri(uri, 'linux')).toBe(canonical);
    }
  });

  test('drive letters and shares of Windows', () => {
    expect(toUri('C:\\Users\\Jörg M\\db.yaml', 'win32')).toBe('file:///c%3A/Users/J%C3%B6rg%20M/db.yaml');
    expect(toPath('file:///c%3A/Users/J%C3%B6rg%20M/db.yaml', 'win32')).toBe('c:\\Users\\Jörg M\\db.yaml');
    expect(canonicalUri('file:///C:/Users/x.yaml', 'win32')).toBe('file:///c%3A/Users/x.yaml');
    expect(toUri('\\\\server\\share\\x.yaml', 'win32')).toBe('file://server/share/x.yaml');
    expect(toPath('file://server/share/x.yaml', 'win32')).toBe('\\\\server\\share\\x.yaml');
  });

  test('what is no file stays as it is', () => {
    for (const uri of ['untitled:Untitled-1', 'vscode-vfs://github/a/b.yaml', 'file:///bad%zz', 'nonsense', '']) {
      expect(canonicalUri(uri, 'linux')).toBe(uri);
      expect(toPath(uri, 'linux')).toBeUndefined();
    }
  });
});

describe('load', () => {
  test('finds manifests and confs by name, looks into them, and passes over what is not ours', async () => {
    const root = folderWith({
      'secret.yaml': SECRET,
      'deep/er/pgbackrest.conf': CONF,
      'deep/Kustomization': 'secretGenerator: [{name: x}]\n',
      'k8s.json': '{"apiVersion": "v1", "kind": "Secret"}',
      'package.json': '{"name": "x"}',
      'nginx.conf': 'server { listen 80; }\n',
      'README.md': SECRET,
      'node_modules/x/secret.yaml': SECRET,
      '.git/secret.yaml': SECRET,
      'binary.yaml': Uint8Array.from([1, 0, 2]),
    });
    const { files, problems } = await load([root]);
    expect(files.map((it) => toPath(it.uri)!.slice(root.length + 1)).sort()).toEqual([
      'deep/Kustomization',
      'deep/er/pgbackrest.conf',
      'k8s.json',
      'secret.yaml',
    ]);
    expect(problems).toEqual([]);
  });

  test('a file that is named is read whatever its name, once', async () => {
    const root = folderWith({ 'my-config': CONF, 'a.yaml': SECRET });
    const { files } = await load([join(root, 'my-config'), root, join(root, 'a.yaml')]);
    expect(files.map((it) => it.text).sort()).toEqual([CONF, SECRET]);
  });

  test('says what cannot be read', async () => {
    const root = folderWith({ 'b.yaml': Uint8Array.from([0]) });
    const { problems } = await load([join(root, 'missing.yaml'), join(root, 'b.yaml')]);
    expect(problems.map((it) => it.code)).toEqual(['missing', 'binary']);
    expect(problems[0]!.message).toContain('missing.yaml does not exist');
  });

  test('follows no link, neither out of the folder nor in a circle', async () => {
    const outside = folderWith({ 'secret.yaml': SECRET });
    const root = folderWith({ 'a/own.yaml': SECRET });
    symlinkSync(outside, join(root, 'out'));
    symlinkSync(join(outside, 'secret.yaml'), join(root, 'link.yaml'));
    symlinkSync(root, join(root, 'a/again'));
    const { files } = await load([root]);
    expect(files.map((it) => toPath(it.uri))).toEqual([join(root, 'a/own.yaml')]);
  });

  test('stops at a sane number of files and says so', async () => {
    const root = folderWith(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}.yaml`, SECRET])));
    const { files, problems } = await load([root], { maxFiles: 4 });
    expect(files).toHaveLength(4);
    expect(problems.map((it) => it.code)).toEqual(['too-many']);
  });
});
