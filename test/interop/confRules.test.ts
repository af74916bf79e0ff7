/** What our pages say that pgBackRest does, it does: every rule's bad example is given to the real one. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareReleases } from '../../server/src/core/pgbackrest/options.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { parseMarkup } from '../support/markup.ts';

const release = /\d+(?:\.\d+)+/.exec(spawnSync('pgbackrest', ['version'], { encoding: 'utf8' }).stdout ?? '')?.[0];
/** Newer ones refuse to run as root, and word their messages in another way. */
const isKnown = release !== undefined && compareReleases(release, '2.45') >= 0 && compareReleases(release, '2.53') < 0;

type Claim =
  /** It stops with this error. */
  | { command: string; stops: number }
  /** It warns, and goes on. */
  | { command: string; warns: RegExp }
  | { command: string; passes: true }
  /** It says no word, and stores in plain text (or encrypted) what `repo-put` is given. */
  | { stores: 'plain' | 'encrypted'; stanza?: string; repo?: number }
  /** The options that it says it runs with. */
  | { command: string; takes?: RegExp; drops?: RegExp };

const claims: Record<string, Claim[]> = {
  'archive-retention': [{ command: 'expire', warns: /WAL segments will not be expired/ }],
  'byte-order-mark': [{ command: 'info', stops: 29 }],
  'cipher-in-command-section': [{ stores: 'plain' }],
  'cipher-none-with-pass': [{ stores: 'plain' }],
  'cipher-only-in-stanza': [{ stores: 'plain' }, { stores: 'encrypted', stanza: 'demo' }],
  'cipher-pass-without-type': [{ stores: 'plain' }, { stores: 'plain', stanza: 'demo' }],
  'cipher-type-without-pass': [
    { command: 'info', stops: 37 },
    { command: 'expire', stops: 37 },
  ],
  'cipher-without-repository': [{ stores: 'plain', repo: 1 }],
  'command-line-option': [{ command: 'info', warns: /command-line only option 'stanza'/ }],
  'deprecated-option': [{ command: 'expire', takes: /--repo1-path=\S+ --repo1-retention-full=2/ }],
  'dotted-bucket': [{ command: 'info', stops: 32 }],
  'duplicate-option': [{ command: 'backup', stops: 31 }],
  'empty-value': [{ command: 'info', stops: 32 }],
  'foreign-comment': [{ command: 'info', stops: 29 }],
  'ignored-option': [{ command: 'backup', takes: /--repo1-path=/, drops: /--repo1-(?:s3|block)/ }],
  'inline-comment': [{ command: 'expire', stops: 32 }],
  'invalid-value': [
    { command: 'backup', stops: 32 },
    // The trap of the page: other commands do not notice.
    { command: 'info', passes: true },
  ],
  'line-too-long': [{ command: 'info', stops: 42 }],
  'line-without-equals': [{ command: 'info', stops: 29 }],
  'list-not-merged': [{ command: 'backup', takes: /--exclude=log/, drops: /--exclude=pgsql_tmp/ }],
  'missing-required-option': [{ command: 'info', stops: 37 }],
  'missing-retention': [{ command: 'expire', warns: /option 'repo1-retention-full' is not set/ }],
  'misspelt-cipher-option': [{ command: 'info', warns: /invalid option 'repo1-cypher-type'/ }, { stores: 'plain' }],
  'negated-option': [{ command: 'backup', warns: /negate option 'no-start-fast'/ }],
  'obsolete-compress': [{ command: 'backup', takes: /--no-compress/ }],
  'option-index': [{ command: 'info', stops: 31 }],
  'option-newer-than-target': [{ command: 'info', warns: /invalid option 'page-header-check'/ }],
  'option-of-other-command': [{ command: 'archive-push /x', warns: /'start-fast' invalid for section/ }],
  'option-outside-section': [{ command: 'info', stops: 29 }],
  'overridden-command-option': [{ command: 'backup', takes: /--process-max=2/ }],
  'pg-and-repo-host': [{ command: 'backup', stops: 27 }],
  'quoted-value': [{ command: 'info', stops: 32 }],
  'same-repository-place': [{ command: 'info', stops: 32 }],
  'section-header': [{ command: 'info', stops: 29 }],
  'stanza-option-in-global': [{ command: 'backup', warns: /stanza-only option 'pg1-port'/ }],
  'stanza-without-pg-path': [{ command: 'backup', stops: 37 }],
  'timeout-order': [{ command: 'backup', stops: 32 }],
  'unexpanded-variable': [{ stores: 'encrypted' }],
  'unknown-cipher-type': [{ command: 'info', stops: 32 }],
  'unknown-option': [{ command: 'info', warns: /invalid option 'repo1-pth'/ }],
  'unread-section': [{ command: 'expire', drops: /--repo1-path/ }],
  'wrapped-cipher-pass': [{ command: 'info', warns: /invalid option/ }, { stores: 'encrypted' }],
};

/** What cannot be seen from one call of pgBackRest without a cluster: judgements, or effects on the day of a restore. */
const notObservable = new Set([
  'archive-check-off',
  'archive-retention-below-full',
  'changed-cipher',
  'cipher-type-not-here',
  'default-repository-path',
  'delta-in-global',
  'expire-by-hand',
  'ignored-time-unit',
  'path-in-backup-set',
  'path-style-endpoint',
  'placeholder-cipher-pass',
  'plain-http-endpoint',
  'published-cipher-pass',
  'readable-secret',
  'recovery-option-standby-mode',
  'repository-in-data-directory',
  'repository-moved',
  'retention-unit',
  'shared-cipher-pass',
  'shared-pg-path',
  'tls-not-verified',
  'unread-file',
  'wal-may-be-dropped',
  'weak-cipher-pass',
]);

const rules = allRules.filter((it) => it.product === 'pgBackRest' && it.kinds.includes('pgbackrest.conf'));
const confOf = (markup: string) => parseMarkup(markup, '/pgbackrest.conf')[0]!.text;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restorable-conf-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('every rule for a conf is proven here, or cannot be', () => {
  expect(rules.map((it) => it.id).filter((it) => !claims[it] && !notObservable.has(it))).toEqual([]);
});

describe.skipIf(!isKnown)('the bad example', () => {
  for (const rule of rules) {
    for (const claim of claims[rule.id] ?? []) {
      test(`${rule.id}: ${describeClaim(claim)}`, () => expectClaim(confOf(rule.bad), claim));
    }
  }
});

describe.skipIf(!isKnown)('the right example loads without a word', () => {
  for (const rule of rules.filter((it) => !/-type=(?:s3|azure|gcs|sftp)|-host=|^#- /m.test(it.good))) {
    test(rule.id, () => {
      const conf = confOf(rule.good);
      const pass: Record<string, string> =
        /repo\d-cipher-type=aes/.test(conf) && !/^repo1-cipher-pass/m.test(conf)
          ? { PGBACKREST_REPO1_CIPHER_PASS: 'x' }
          : {};
      for (const command of ['info', 'expire', 'archive-push /x']) {
        const { status, output } = run(conf, command, { PGBACKREST_PG1_PATH: '/nowhere', ...pass });
        expect(output).not.toMatch(/WARN: (?:configuration file|option|environment)/);
        expect([25, 27, 29, 31, 32, 37, 42], output).not.toContain(status);
      }
    });
  }
});

function describeClaim(claim: Claim): string {
  if ('stops' in claim) return `${claim.command} stops with ${claim.stops}`;
  if ('passes' in claim) return `${claim.command} does not notice`;
  if ('warns' in claim) return `${claim.command} warns ${claim.warns.source}`;
  if ('stores' in claim) return `stores ${claim.stores}${claim.stanza ? ' with --stanza' : ''}`;
  return `${claim.command} runs with other options than one reads`;
}

function expectClaim(conf: string, claim: Claim): void {
  if ('stores' in claim) {
    const { stored, output } = store(conf, claim.stanza, claim.repo);
    expect(stored.subarray(0, 8).toString('latin1'), output).toBe(claim.stores === 'plain' ? 'a secret' : 'Salted__');
    return;
  }
  // Most examples leave the cluster out; what stops for want of it would hide what they are about.
  const isAboutCluster = 'stops' in claim && claim.stops === 37;
  const { status, output } = run(conf, claim.command, isAboutCluster ? {} : { PGBACKREST_PG1_PATH: '/nowhere' });
  if ('stops' in claim) {
    expect(status, output).toBe(claim.stops);
    return;
  }
  expect([29, 31, 32, 37], output).not.toContain(status);
  if ('passes' in claim) {
    expect(status, output).toBe(0);
    return;
  }
  if ('warns' in claim) {
    expect(output).toMatch(claim.warns);
    return;
  }
  expect(output).toMatch(/command begin/);
  if (claim.takes) expect(output).toMatch(claim.takes);
  if (claim.drops) expect(output).not.toMatch(claim.drops);
}

/** Puts a file into the repository as every command would, and reads what lies on the disk then. */
function store(conf: string, stanza: string | undefined, repo = 1): { stored: Buffer; output: string } {
  const command = `repo-put --repo=${repo} ${stanza ? `--stanza=${stanza} ` : ''}file`;
  const { output, repository } = run(conf, command, {}, 'a secret text');
  return { stored: readFileSync(join(repository, 'file')), output };
}

function run(conf: string, command: string, environment: Record<string, string> = {}, input = '') {
  const place = mkdtempSync(join(folder, 'run-'));
  const repository = join(place, 'repo');
  for (const it of ['repo', 'second', 'lock', 'log', 'spool']) mkdirSync(join(place, it));
  const file = join(place, 'pgbackrest.conf');
  // The examples' places become places of this machine.
  writeFileSync(
    file,
    conf
      .replaceAll(/^(repo\d?-path=)(?:\/var\/lib\/pgbackrest|\/backup|\/pgbackrest)(?=\/?$)/gm, `$1${repository}`)
      .replaceAll('=/mnt/second', `=${join(place, 'second')}`),
  );
  const [name = '', ...rest] = command.split(' ');
  const isQuiet = name === 'info' || name === 'repo-put';
  const call = spawnSync(
    'pgbackrest',
    [`--config=${file}`, ...(name === 'repo-put' ? [] : ['--stanza=demo']), name, ...rest],
    {
      input,
      encoding: 'utf8',
      timeout: 60_000,
      env: {
        PATH: process.env.PATH,
        PGBACKREST_LOCK_PATH: join(place, 'lock'),
        PGBACKREST_LOG_PATH: join(place, 'log'),
        PGBACKREST_SPOOL_PATH: join(place, 'spool'),
        PGBACKREST_LOG_LEVEL_FILE: 'off',
        PGBACKREST_LOG_LEVEL_CONSOLE: isQuiet ? 'warn' : 'info',
        ...environment,
      },
    },
  );
  return { status: call.status, output: `${call.stdout}${call.stderr}`, repository };
}
