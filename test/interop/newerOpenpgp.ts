/** GnuPG 2.4, Sequoia and RNP of the next Debian, each as its own program reads and writes OpenPGP today. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type FoundPackages, findPackages, unpackPackages, writeLauncher } from './debianPackages.ts';
import { exitCode, tool } from './realTools.ts';

export const newerOpenpgp: FoundPackages = findPackages({
  suite: 'trixie',
  folder: 'debian-trixie-openpgp',
  programs: ['gpg', 'gpg-agent', 'gpgconf', 'sq', 'rnp'],
  isLibrary: (name) =>
    name === 'zlib1g' || (name.startsWith('lib') && !/perl|systemd|pam|sem|sepol|audit|gdbm|db5/.test(name)),
});

const programs = ['gpg', 'gpg-agent', 'sq', 'rnp', 'rnpkeys'] as const;

/** The three programs, each with a home of its own. */
export class NewerOpenpgp {
  /** Short: the socket of gpg's agent lies below it. */
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'ro-'));
  readonly #home: string;

  constructor(files: string[]) {
    const root = path.join(this.#folder, 'debian');
    unpackPackages(files, root);
    for (const it of programs) writeLauncher(this.#program(it), root, path.join(root, 'usr/bin', it));
    this.#home = path.join(this.#folder, 'h');
    for (const it of [this.#home, this.#rnpHome]) {
      mkdirSync(it);
      chmodSync(it, 0o700);
    }
  }

  gpg(args: readonly string[], input?: Uint8Array): Buffer {
    return tool(this.#program('gpg'), [...this.#gpgOptions, ...args], input);
  }

  /** The exit code of gpg, which may refuse. */
  gpgCode(args: readonly string[], input?: Uint8Array): number | null {
    return exitCode(this.#program('gpg'), [...this.#gpgOptions, ...args], input);
  }

  sq(args: readonly string[], input?: Uint8Array): Buffer {
    return tool(this.#program('sq'), [...this.#sqOptions, ...args], input);
  }

  sqCode(args: readonly string[], input?: Uint8Array): number | null {
    return exitCode(this.#program('sq'), [...this.#sqOptions, ...args], input);
  }

  rnp(args: readonly string[], input?: Uint8Array): Buffer {
    return tool(this.#program('rnp'), ['--homedir', this.#rnpHome, ...args], input);
  }

  rnpCode(args: readonly string[], input?: Uint8Array): number | null {
    return exitCode(this.#program('rnp'), ['--homedir', this.#rnpHome, ...args], input);
  }

  rnpkeys(args: readonly string[]): Buffer {
    return tool(this.#program('rnpkeys'), ['--homedir', this.#rnpHome, ...args]);
  }

  /** A place for a file that a program wants by its name. */
  file(name: string): string {
    return path.join(this.#folder, name);
  }

  remove(): void {
    exitCode('gpgconf', ['--homedir', this.#home, '--kill', 'gpg-agent']);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #gpgOptions(): string[] {
    const quiet = ['--batch', '--yes', '--quiet', '--trust-model', 'always', '--pinentry-mode', 'loopback'];
    return ['--homedir', this.#home, '--agent-program', this.#program('gpg-agent'), ...quiet];
  }

  get #sqOptions(): string[] {
    return ['--home', this.file('s'), '--batch', '--quiet'];
  }

  get #rnpHome(): string {
    return this.file('r');
  }

  #program(name: (typeof programs)[number]): string {
    return this.file(name);
  }
}
