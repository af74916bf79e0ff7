import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { folderWith, restorable } from './program.ts';

const SECRET = `# kept
apiVersion: v1
kind: Secret
metadata:
  name: backup
stringData:
  key: "äöü=1" # kept too
  s3.conf: |
    [global]
    repo1-cipher-pass=x
`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('secret encode', () => {
  test('turns stringData into data and leaves everything else as it is', async () => {
    const { code, stdout, stderr } = await restorable(['secret', 'encode', '-'], { stdin: SECRET });
    expect(parse(stdout)).toMatchObject({
      data: { key: base64('äöü=1'), 's3.conf': base64('[global]\nrepo1-cipher-pass=x\n') },
    });
    expect(stdout).toContain('# kept\n');
    expect(stdout).toContain('# kept too\n');
    expect(stderr).toBe('Encoded: key, s3.conf.\n');
    expect(code).toBe(0);
  });

  test('changes the file itself when asked, and keeps its permissions', async () => {
    const folder = folderWith({ 'secret.yaml': SECRET });
    const file = join(folder, 'secret.yaml');
    chmodSync(file, 0o640);
    const { code, stdout } = await restorable(['secret', 'encode', 'secret.yaml', '--in-place'], { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(parse(readFileSync(file, 'utf8')).data.key).toBe(base64('äöü=1'));
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  test('writes a new file for its owner only, and never over another', async () => {
    const folder = folderWith({ 'secret.yaml': SECRET });
    const args = ['secret', 'encode', 'secret.yaml', '-o', 'encoded.yaml'];
    expect((await restorable(args, { cwd: folder })).code).toBe(0);
    if (process.platform !== 'win32') expect(statSync(join(folder, 'encoded.yaml')).mode & 0o777).toBe(0o600);
    const again = await restorable(args, { cwd: folder });
    expect(again.stderr).toContain('encoded.yaml exists already');
    expect(again.code).toBe(2);
  });
});

describe('secret decode', () => {
  test('is the way back', async () => {
    const encoded = (await restorable(['secret', 'encode', '-'], { stdin: SECRET })).stdout;
    const { stdout } = await restorable(['secret', 'decode', '-'], { stdin: encoded });
    expect(parse(stdout)).toEqual(parse(SECRET));
  });

  test('leaves what is binary, and says so without showing it', async () => {
    const binary = Buffer.from([0xff, 0xfe, 0x00, 0x80]).toString('base64');
    const stdin = `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  raw: ${binary}\n  text: ${base64('x')}\n`;
    const { code, stdout, stderr } = await restorable(['secret', 'decode', '-'], { stdin });
    expect(parse(stdout)).toMatchObject({ data: { raw: binary }, stringData: { text: 'x' } });
    expect(stderr).toContain('Left as it is: raw, since its value is binary.');
    expect(code).toBe(0);
  });

  test('--entry writes exactly the bytes that a Pod gets', async () => {
    const stdin = `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {key: ${base64('k\n')}}\n`;
    const { code, stdout } = await restorable(['secret', 'decode', '-', '--entry', 'key'], { stdin });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'k\n' });
  });

  test('--name chooses among several', async () => {
    const stdin = `${SECRET}---\n${SECRET.replace('name: backup', 'name: other').replace('äöü=1', 'second')}`;
    const both = await restorable(['secret', 'decode', '-', '--entry', 'key'], { stdin });
    expect(both.stderr).toContain('several Secrets have an entry key');
    const one = await restorable(['secret', 'decode', '-', '--entry', 'key', '--name', 'other'], { stdin });
    expect(one.stdout).toBe('second');
  });
});

describe('secret says what it needs', () => {
  test.each([
    ['no action', [], '', 'needs to know what to do: encode or decode'],
    ['a slip of the pen', ['encod', '-'], '', 'did you mean encode'],
    ['no file', ['encode'], '', 'needs one FILE'],
    [
      'no Secret in it',
      ['encode', '-'],
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata: {a: b}\n',
      'there is no Secret in it',
    ],
    ['an entry that is not there', ['decode', '-', '--entry', 'kye'], SECRET, 'there is no entry kye'],
    [
      'broken base64',
      ['decode', '-', '--entry', 'k'],
      'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: not-base64!}\n',
      'is not base64',
    ],
    ['stdin in place', ['encode', '-', '--in-place'], SECRET, '--in-place changes FILE'],
  ])('%s', async (_, args, stdin, message) => {
    const { code, stdout, stderr } = await restorable(['secret', ...args], { stdin });
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});
