/** OpenSSL 3.5 of Debian 13 beside the one of this machine, with its legacy ciphers. */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type FoundPackages, findPackages, unpackPackages, writeLauncher } from './debianPackages.ts';

export function newerOpenssl(): FoundPackages {
  return findPackages({
    suite: 'trixie',
    folder: 'debian-trixie-openssl',
    programs: ['openssl', 'openssl-provider-legacy'],
    isLibrary: (name) => /^(?:lib(?:ssl|crypto|c6|zstd)|zlib1g)/.test(name),
  });
}

/** @returns the program; its modules are found by the environment variable that is set in it */
export function unpackOpenssl(files: readonly string[], into: string): string {
  mkdirSync(into, { recursive: true });
  unpackPackages(files, into);
  const libraries = readdirSync(path.join(into, 'usr/lib')).find((it) => it.endsWith('-linux-gnu')) ?? '';
  const launcher = path.join(into, 'openssl-of-the-tree');
  writeLauncher(launcher, into, path.join(into, 'usr/bin/openssl'));
  const script = path.join(into, 'openssl');
  const modules = path.join(into, 'usr/lib', libraries, 'ossl-modules');
  writeFileSync(script, `#!/bin/sh\nOPENSSL_MODULES='${modules}' exec '${launcher}' "$@"\n`, { mode: 0o755 });
  return script;
}
