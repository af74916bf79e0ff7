import { execFileSync, spawn } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createMessage, encrypt } from 'openpgp';
import { beforeAll, describe, expect, test } from 'vitest';
import { folderWith, program, restorable, temporaryFolder } from './program.ts';

const text = `what is in a backup ${'x'.repeat(20_000)}\n`;
let folder: string;

beforeAll(async () => {
  folder = temporaryFolder();
  writeFileSync(join(folder, 'plain'), text);
  writeFileSync(join(folder, 'pass'), 'correct horse battery\n');
  await restorable(['keygen', 'sodium', '--out', 'sodium.hex'], { cwd: folder });
  await restorable(['keygen', 'pgbackrest', '--out', 'repo-pass'], { cwd: folder });
  await restorable(['keygen', 'openpgp', '--type', 'curve25519', '--out', 'team.asc'], { cwd: folder });
});

const forms: [method: string, toEncrypt: string[], toDecrypt: string[]][] = [
  ['sodium', ['--key-file', 'sodium.hex'], ['--key-file', 'sodium.hex']],
  ['openpgp', ['--key-file', 'team.public.asc'], ['--key-file', 'team.asc']],
  ['pgbackrest', ['--key-file', 'repo-pass'], ['--key-file', 'repo-pass', '--method', 'pgbackrest']],
  [
    'openssl',
    ['--passphrase-file', 'pass', '--iterations', '20000'],
    ['--passphrase-file', 'pass', '--iterations', '20000', '--digest', 'sha256'],
  ],
  ['gpg', ['--passphrase-file', 'pass'], ['--passphrase-file', 'pass']],
];

describe('the integrity of OpenPGP', () => {
  test.each([
    ['mdc', 'MDC, which every gpg and WAL-G read', 'MDC'],
    ['ocb', 'OCB in packet 20 (LibrePGP)', 'OCB'],
    ['seipd2', 'OCB in SEIPD version 2 (RFC 9580)', 'OCB'],
  ])('is %s when that is asked for, to a key and with a passphrase', async (integrity, said, seen) => {
    for (const [name, key, own] of [
      ['key', ['--method', 'openpgp', '--key-file', 'team.public.asc'], ['--key-file', 'team.asc']],
      ['pass', ['--method', 'gpg', '--passphrase-file', 'pass'], ['--passphrase-file', 'pass']],
    ] as const) {
      const out = `${name}.${integrity}.gpg`;
      const made = await restorable(['encrypt', 'plain', ...key, '--integrity', integrity, '-o', out], { cwd: folder });
      expect(made.stderr).toContain(`integrity: ${said}`);
      expect(made.code).toBe(0);
      expect((await restorable(['inspect', out], { cwd: folder })).stdout).toContain(seen);
      const back = await restorable(['decrypt', out, ...own, '-o', '-'], { cwd: folder });
      expect(back.stdout).toBe(text);
      expect(back.code).toBe(0);
    }
  });

  test('is MDC for a key that was made here: WAL-G reads it in every version', async () => {
    const args = ['encrypt', 'plain', '--method', 'openpgp', '--key-file', 'team.public.asc', '-o', 'team.gpg'];
    expect((await restorable(args, { cwd: folder })).stderr).toContain('integrity: MDC');
  });
});

describe.each(forms)('%s', (method, toEncrypt, toDecrypt) => {
  test('what is encrypted comes out again, for the owner only, and never over another file', async () => {
    const [encrypted, plain] = [`${method}.enc`, `${method}.plain`];
    const args = ['encrypt', 'plain', '--method', method, ...toEncrypt, '-o', encrypted];
    const first = await restorable(args, { cwd: folder });
    expect(first.stderr).toContain('Encrypted 20.0 kB');
    expect(first.code).toBe(0);
    expect(readFileSync(join(folder, encrypted)).includes('what is in a backup')).toBe(false);
    if (process.platform !== 'win32') expect(statSync(join(folder, encrypted)).mode & 0o777).toBe(0o600);
    const before = readFileSync(join(folder, encrypted));
    const again = await restorable(args, { cwd: folder });
    expect(again.stderr).toContain('exists already');
    expect(again.code).toBe(2);
    expect(readFileSync(join(folder, encrypted))).toEqual(before);

    const back = await restorable(['decrypt', encrypted, ...toDecrypt, '-o', plain], { cwd: folder });
    expect(back.stderr).toContain('Decrypted');
    expect(back.code).toBe(0);
    expect(readFileSync(join(folder, plain), 'utf8')).toBe(text);
    const isProven = method === 'sodium' || method === 'openpgp' || method === 'gpg';
    if (isProven) expect(back.stderr).toContain('Authentic');
    else expect(back.stderr).toContain('authenticates nothing');

    expect((await restorable([...args, '--force'], { cwd: folder })).code).toBe(0);
  });

  test('goes through stdin and stdout', async () => {
    const encrypted = `${method}.piped`;
    await restorable(['encrypt', '-', '--method', method, ...toEncrypt, '-o', encrypted], { cwd: folder, stdin: text });
    const { code, stdout } = await restorable(['decrypt', encrypted, ...toDecrypt, '-o', '-'], { cwd: folder });
    expect(stdout).toBe(text);
    expect(code).toBe(0);
  });
});

describe('from a pipe into a pipe', () => {
  test('what is proven only at its end comes out whole, or not at all', async () => {
    await restorable(['encrypt', 'plain', '--method', 'gpg', '--passphrase-file', 'pass', '-o', 'pipe.gpg'], {
      cwd: folder,
    });
    const stored = readFileSync(join(folder, 'pipe.gpg'));
    const args = ['decrypt', '-', '--passphrase-file', 'pass', '-o', '-'];
    const whole = await restorable(args, { cwd: folder, stdin: stored });
    expect(whole.stdout).toBe(text);
    expect(whole.stderr).toContain('Authentic');
    expect(whole.code).toBe(0);
    stored[stored.length - 1] = (stored.at(-1) as number) ^ 1;
    const changed = await restorable(args, { cwd: folder, stdin: stored });
    expect(changed.stdout).toBe('');
    expect(changed.code).toBe(13);
  });
});

describe('what openssl enc wrote in an unusual way', () => {
  const rawKey = 'c0ffee'.padEnd(64, '5');
  const cipher = createCipheriv('aes-256-cbc', Buffer.from(rawKey, 'hex'), Buffer.alloc(16, 7));
  const encrypted = Buffer.concat([cipher.update(text), cipher.final()]);

  test('-K and -iv: the key file holds the key, --iv the IV', async () => {
    const cwd = folderWith({ 'raw.enc': encrypted, 'key.hex': `${rawKey}\n`, 'raw.txt': encrypted.toString('base64') });
    const iv = ['--iv', '07'.repeat(16)];
    for (const file of ['raw.enc', 'raw.txt']) {
      const { stdout, stderr, code } = await restorable(['decrypt', file, '--key-file', 'key.hex', ...iv, '-o', '-'], {
        cwd,
      });
      expect(stderr).toContain('-K');
      expect(stderr).not.toContain(rawKey);
      expect(stdout).toBe(text);
      expect(code).toBe(0);
    }
    const without = await restorable(
      ['decrypt', 'raw.enc', '--key-file', 'key.hex', '--method', 'openssl', '-o', 'o'],
      {
        cwd,
      },
    );
    expect(without.stderr).toContain('--iv HEX');
    expect(without.code).toBe(2);
    const wrong = await restorable(['decrypt', 'raw.enc', '--key-file', 'key.hex', '--iv', 'secret', '-o', 'o'], {
      cwd,
    });
    expect(wrong.stderr).toContain('--iv takes hex digits');
    expect(wrong.code).toBe(2);
    expect(readdirSync(cwd).sort()).toEqual(['key.hex', 'raw.enc', 'raw.txt']);
  });

  test('noise and a passphrase that opens nothing is a wrong key, not a missing one', async () => {
    const cwd = folderWith({ noise: encrypted, pass: 'correct horse' });
    const { stderr, code } = await restorable(
      ['decrypt', 'noise', '--passphrase-file', 'pass', '--digest', 'sha256', '-o', 'out'],
      { cwd },
    );
    expect(stderr).toMatch(/opens nothing here|does not start with Salted__/);
    expect([12, 15]).toContain(code);
    const guessed = await restorable(['decrypt', 'noise', '--passphrase-file', 'pass', '-o', 'out'], { cwd });
    expect(guessed.stderr).toContain('opens nothing here');
    expect(guessed.code).toBe(12);
  });
});

test('of armored messages that were joined none is lost without a word', async () => {
  const message = readFileSync('test/vectors/openpgp/two-armored.gpg', 'utf8');
  const key = readFileSync('test/vectors/openpgp/key.asc');
  const cwd = folderWith({ 'one.asc': `Dear friend,\n\n${message}Bye\n`, 'two.asc': message + message, key });
  expect((await restorable(['decrypt', 'one.asc', '--key-file', 'key', '-o', 'one'], { cwd })).code).toBe(0);
  const two = await restorable(['decrypt', 'two.asc', '--key-file', 'key', '-o', 'two'], { cwd });
  expect(two.stderr).toContain('Another message follows');
  expect(two.code).toBe(13);
  expect(existsSync(join(cwd, 'two'))).toBe(false);
});

describe('a failure', () => {
  test('of a wrong key is 12, and leaves no file', async () => {
    await restorable(['encrypt', 'plain', '--method', 'gpg', '--passphrase-file', 'pass', '-o', 'wrong.gpg'], {
      cwd: folder,
    });
    const { code, stderr } = await restorable(
      ['decrypt', 'wrong.gpg', '--passphrase-file', 'repo-pass', '-o', 'wrong.out'],
      {
        cwd: folder,
      },
    );
    expect(stderr).toContain('wrong-key');
    expect(code).toBe(12);
    expect(existsSync(join(folder, 'wrong.out'))).toBe(false);
    expect(readdirSync(folder).filter((it) => it.startsWith('.'))).toEqual([]);
  });

  test('of a plain file is 15', async () => {
    const { code } = await restorable(['decrypt', 'plain', '--passphrase-file', 'pass', '-o', 'x'], { cwd: folder });
    expect(code).toBe(15);
  });

  test.each([
    ['no method', ['encrypt', 'plain', '-o', 'x'], 'encrypt needs --method'],
    ['no output', ['encrypt', 'plain', '--method', 'gpg'], 'it is not said where the result goes'],
    ['no key, and nobody to ask', ['encrypt', 'plain', '--method', 'gpg', '-o', 'x'], 'there is no passphrase'],
    [
      'an integrity for a method that has one form',
      ['encrypt', 'plain', '--method', 'openssl', '--integrity', 'ocb', '--passphrase-file', 'pass', '-o', 'x'],
      '--integrity is for openpgp and gpg only',
    ],
    [
      'an integrity that does not exist',
      ['encrypt', 'plain', '--method', 'gpg', '--integrity', 'eax', '--passphrase-file', 'pass', '-o', 'x'],
      '--integrity',
    ],
    ['no key for openpgp', ['encrypt', 'plain', '--method', 'openpgp', '-o', 'x'], 'there is no key'],
    ['stdin twice', ['decrypt', '-', '--key-file', '-', '-o', 'x'], 'stdin can hold the file or the key'],
    [
      'a transform of nothing',
      ['encrypt', 'plain', '--method', 'gpg', '--key-transform', 'hex', '--passphrase-file', 'pass', '-o', 'x'],
      '--key-transform is for libsodium',
    ],
    [
      'rounds that are no number',
      ['encrypt', 'plain', '--method', 'openssl', '--iterations', 'many', '--passphrase-file', 'pass', '-o', 'x'],
      '--iterations is a whole number',
    ],
  ])('2 for %s', async (_, args, message) => {
    const { code, stderr } = await restorable(args, { cwd: folder });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

test.skipIf(process.platform === 'win32')('Ctrl-C ends with 130 and leaves nothing', async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, 'key'), 'ab'.repeat(32));
  writeFileSync(join(cwd, 'large'), '');
  truncateSync(join(cwd, 'large'), 20_000_000_000);
  const args = ['encrypt', 'large', '--method', 'sodium', '--key-file', 'key', '-o', 'out'];
  const child = spawn(process.execPath, [await program(), ...args], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (it: string) => {
    said += it;
  });
  const ended = once(child, 'close');
  const isWriting = () => readdirSync(cwd).some((it) => it.startsWith('.out.') && statSync(join(cwd, it)).size > 0);
  while (!isWriting() && child.exitCode === null) await wait(20);
  child.kill('SIGINT');
  const [code, signal] = await ended;
  expect(said).toContain('cancelled');
  expect({ code, signal }).toEqual({ code: 130, signal: null });
  expect(readdirSync(cwd).sort()).toEqual(['key', 'large']);
});

/** `script` gives a program a terminal to ask at; it comes with util-linux. */
const hasTerminal = (() => {
  try {
    return (
      process.platform === 'linux' && execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux')
    );
  } catch {
    return false;
  }
})();

describe.skipIf(!hasTerminal)('at a terminal', () => {
  /** Types each answer after its question; returns all that appeared on the screen. */
  async function atTerminal(command: string[], answers: [question: string, answer: string][], cwd: string) {
    const line = [process.execPath, await program(), ...command].map((it) => `'${it}'`).join(' ');
    const child = spawn('script', ['-qec', line, '/dev/null'], { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
    let screen = '';
    child.stdout.setEncoding('utf8').on('data', (it: string) => {
      screen += it;
    });
    const ended = once(child, 'close');
    let seen = 0;
    for (const [question, answer] of answers) {
      while (!screen.slice(seen).includes(question) && child.exitCode === null) await wait(20);
      seen = screen.length;
      child.stdin.write(answer);
    }
    const [code] = (await ended) as [number];
    return { code, screen };
  }

  test('a passphrase is asked for twice, never echoed, and can be corrected', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'plain'), text);
    const { code, screen } = await atTerminal(
      ['encrypt', 'plain', '--method', 'gpg', '-o', 'out.gpg'],
      [
        ['Passphrase:', 'hunters\u007f-über\r'],
        ['Once more:', 'hunter-über\r'],
      ],
      cwd,
    );
    expect(screen).not.toContain('hunter');
    expect(code).toBe(0);
    const back = await restorable(['decrypt', 'out.gpg', '--passphrase-file', '-', '-o', '-'], {
      cwd,
      stdin: 'hunter-über\n',
    });
    expect(back.stdout).toBe(text);
  });

  test('two passphrases that differ encrypt nothing', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'plain'), text);
    const { code, screen } = await atTerminal(
      ['encrypt', 'plain', '--method', 'gpg', '-o', 'out.gpg'],
      [
        ['Passphrase:', 'one\r'],
        ['Once more:', 'two\r'],
      ],
      cwd,
    );
    expect(screen).toContain('do not agree');
    expect(code).toBe(2);
    expect(readdirSync(cwd)).toEqual(['plain']);
  });

  test('Ctrl-C at the question is 130', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'plain'), text);
    const { code } = await atTerminal(
      ['encrypt', 'plain', '--method', 'gpg', '-o', 'o'],
      [['Passphrase:', '\u0003']],
      cwd,
    );
    expect(code).toBe(130);
    expect(readdirSync(cwd)).toEqual(['plain']);
  });

  test('test-restore asks for the key of an encrypted archive', async () => {
    const { code, screen } = await atTerminal(
      ['test-restore', 'examples/archives/shop.dump.gpg'],
      [['Key or passphrase:', `${readFileSync('examples/archives/keys/gpg-passphrase.txt', 'utf8').trim()}\r`]],
      process.cwd(),
    );
    expect(screen).toContain('restorable');
    expect(code).toBe(0);
  });

  describe('a password that costs too much to try', () => {
    /** For more passwords than anybody has; each of them costs little here. */
    async function costly(): Promise<string> {
      const passwords = Array.from({ length: 70 }, (_, index) => `password ${index}`);
      const message = await createMessage({ binary: Buffer.from(text) });
      const config = { s2kIterationCountByte: 0 };
      const stored = (await encrypt({ message, passwords, format: 'binary', config })) as Uint8Array;
      return folderWith({ 'costly.gpg': stored, pass: 'password 69\n' });
    }
    const question = 'Try it all the same? [y/N]';
    const args = ['decrypt', 'costly.gpg', '--passphrase-file', 'pass', '-o', 'out'];

    test('is asked about, and tried on yes', async () => {
      const cwd = await costly();
      const { code, screen } = await atTerminal(args, [[question, 'y\r']], cwd);
      expect(screen).toContain('more passwords than anybody has');
      expect(code).toBe(0);
      expect(readFileSync(join(cwd, 'out'), 'utf8')).toBe(text);
    });

    test('is refused on no, by test-restore as well', async () => {
      const cwd = await costly();
      expect((await atTerminal(args, [[question, '\r']], cwd)).code).toBe(17);
      const tested = await atTerminal(
        ['test-restore', 'costly.gpg', '--passphrase-file', 'pass'],
        [[question, 'n\r']],
        cwd,
      );
      expect(tested.code).toBe(17);
      expect(existsSync(join(cwd, 'out'))).toBe(false);
    });

    test('is refused without a terminal, and tried with --allow-costly', async () => {
      const cwd = await costly();
      const refused = await restorable(args, { cwd });
      expect(refused.stderr).toContain('--allow-costly');
      expect(refused.code).toBe(17);
      expect((await restorable([...args, '--allow-costly'], { cwd })).code).toBe(0);
      for (const command of ['inspect', 'test-restore']) {
        const allowed = await restorable([command, 'costly.gpg', '--passphrase-file', 'pass', '--allow-costly'], {
          cwd,
        });
        expect(allowed.code).toBe(0);
        if (command === 'inspect') expect(allowed.stdout).toContain('Key opens it');
      }
      const inspected = await restorable(['inspect', 'costly.gpg', '--passphrase-file', 'pass'], { cwd });
      expect(inspected.stdout.replace(/\s+/g, ' ')).toContain('Key may open it passphrase file pass: not tried');
    });
  });

  test('keygen shows no key unasked', async () => {
    const cwd = temporaryFolder();
    const unasked = await atTerminal(['keygen', 'sodium'], [], cwd);
    expect(unasked.screen).not.toMatch(/[0-9a-f]{64}/);
    expect(unasked.screen).toContain('--out FILE');
    expect(unasked.code).toBe(2);
    const asked = await atTerminal(['keygen', 'sodium', '--out', '-'], [], cwd);
    expect(asked.screen).toMatch(/[0-9a-f]{64}/);
    expect(asked.code).toBe(0);
  });
});
