// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders are what is tested
/** Keys and values as the pgbackrest on this machine takes them, against what we say of the same release. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  allOptions,
  commandLineOnly,
  compareReleases,
  definitionAt,
  effectOfKeyProblem,
  fullName,
  isReadBy,
  latestRelease,
  type OptionDefinition,
  type OptionType,
  resolveOption,
} from '../../server/src/core/pgbackrest/options.ts';
import { readValue } from '../../server/src/core/pgbackrest/values.ts';

const release = /\d+(?:\.\d+)+/.exec(spawnSync('pgbackrest', ['version'], { encoding: 'utf8' }).stdout ?? '')?.[0];
const isKnown = release !== undefined && compareReleases(release, latestRelease) <= 0;

/** Values that try the borders of each type. */
const samples: Record<OptionType, string[]> = {
  boolean: ['y', 'n', 'yes', 'Y', '1', 'true', 'y # x', '"y"'],
  integer: [
    '0',
    '1',
    '-1',
    '+5',
    '007',
    '99999999',
    '1k',
    '0x1',
    '1e1',
    '1.0',
    '1 # x',
    '"1"',
    '-21',
    '20',
    '999',
    '1000',
  ],
  size: [
    '0',
    '1',
    '1b',
    '64k',
    '64KB',
    '1MiB',
    '1.5MiB',
    '1 MiB',
    '3MiB',
    '64kk',
    '-1',
    '+1',
    '9PiB',
    '16MB',
    '2tib',
    '20MiB # x',
  ],
  time: [
    '0',
    '0.1',
    '0.05',
    '1',
    '1m',
    '500ms',
    '-1',
    'abc',
    '86400',
    '86401',
    '604800',
    '604801',
    '3600.5',
    '901',
    '.5',
    '5.',
  ],
  string: ['x', '"x"', 'x # y'],
  path: ['/x', 'x', '/x/', '/x//y', '"/x"', '~/x', '/', '/x # y'],
  'string-id': [
    'posix',
    'S3',
    'none',
    'gz',
    'gzip',
    'info',
    'INFO',
    'full',
    'count',
    'y',
    'off',
    'preserve',
    'lz4',
    'ssh',
    'tls',
    'aes256',
    'AES-256-CBC',
  ],
  list: ['a', 'a # b'],
  hash: ['a=b', 'a', '=b', 'a=', 'a=b=c'],
};

/** Commands that end at once, without a database, in the order in which they are tried. */
const commands = [
  'info',
  'expire',
  'archive-push',
  'archive-get',
  'backup',
  'restore',
  'check',
  'stanza-create',
  'verify',
  'manifest',
];

const extraArguments: Record<string, string[]> = {
  'archive-push': ['/nowhere/pg/x'],
  'archive-get': ['000000010000000000000001', '/nowhere/out'],
  backup: ['--no-online'],
};

describe.skipIf(!isKnown)(`pgbackrest ${release}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'restorable-options-'));
    for (const name of ['lock', 'log', 'repo']) mkdirSync(join(folder, name));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a command with one more option in the file. */
  function run(
    command: string,
    section: 'global' | 'stanza',
    key: string,
    value: string,
  ): { refused: boolean; warned: boolean; output: string } {
    const global = new Map([
      ['lock-path', join(folder, 'lock')],
      ['log-path', join(folder, 'log')],
      ['log-level-file', 'off'],
      ['repo1-path', join(folder, 'repo')],
    ]);
    const stanza = new Map([['pg1-path', '/nowhere/pg']]);
    const canonical = resolveOption(key).canonical;
    for (const options of [global, stanza]) if (canonical) options.delete(canonical);
    (section === 'stanza' ? stanza : global).set(key, value);
    const lines = (options: Map<string, string>) => [...options].map(([name, text]) => `${name}=${text}`).join('\n');
    const config = join(folder, 'pgbackrest.conf');
    writeFileSync(config, `[global]\n${lines(global)}\n[demo]\n${lines(stanza)}\n`);
    const levels = ['console', 'stderr'].filter((it) => key !== `log-level-${it}`);
    const { status, stdout, stderr } = spawnSync(
      'pgbackrest',
      [
        `--config=${config}`,
        '--stanza=demo',
        ...levels.map((it) => `--log-level-${it}=${it === 'console' ? 'warn' : 'off'}`),
        command,
        ...(extraArguments[command] ?? []),
      ],
      { encoding: 'utf8', timeout: 20_000, env: { PATH: process.env.PATH } },
    );
    const output = `${stdout}${stderr}`;
    return {
      refused: (status === 31 || status === 32) && !/must be greater/.test(output),
      warned: /WARN: configuration file/.test(output),
      output,
    };
  }

  const readable = allOptions().flatMap((newest): { newest: OptionDefinition; command: string }[] => {
    const definition = definitionAt(newest, release!);
    const command = definition && commands.find((it) => isReadBy(definition, it));
    if (!definition || !command || definition.beta) return [];
    // A value whose dependency is not met is not even looked at, which is exactly what we do not imitate.
    const depends = definition.depend ?? definition.perCommand?.[command]?.depend;
    const isMet =
      !depends || depends.option === 'pg-path' || depends.option === 'online' || depends.option === 'compress-type';
    return isMet ? [{ newest, command }] : [];
  });

  test.each(readable.map(({ newest, command }) => [newest.name, command, newest] as const))(
    'takes and refuses the same values of %s (%s)',
    (_name, command, newest) => {
      const definition = definitionAt(newest, release!)!;
      const key = fullName(newest);
      const values = [...samples[definition.type], ...(definition.allow ?? []), ...(definition.range ?? [])];
      // Builds differ in the libraries they have.
      for (const value of values.filter((it) => newest.allowWithLibrary?.[it] === undefined)) {
        const { refused, output } = run(command, definition.section ?? 'global', key, value);
        const { problems } = readValue(newest, value, { key, target: release });
        expect(
          problems.some(({ effect }) => effect === 'refused'),
          `${key}=${value}\n${output}`,
        ).toBe(refused);
      }
    },
  );

  const keys = [
    ...[
      'repo1-path',
      'repo01-path',
      'repo-path',
      'db-path',
      'retention-full',
      'repo1-azure-host',
      'hardlink',
      'repo-cipher-type',
    ],
    ...[
      'repo257-foo',
      '1-foo',
      '-foo',
      'no--foo',
      '1repo-x',
      'repo1',
      'type1',
      'no-',
      'no-foo',
      'no-no-online',
      'repo1-path1',
      'Repo1-path',
    ],
    ...[
      'repo-bundle',
      'compress1-type',
      'retention1-full',
      'repo-azure-host',
      'target1-action',
      'cipher1-pass',
      'a'.repeat(65),
    ],
    ...[
      'no-online',
      'no-stanza',
      'reset-stanza',
      'no-archive-check',
      'no-hardlink',
      'no-repo1-path',
      'no-retention-full',
      'reset-repo-path',
    ],
    ...['repo1-cypher-type', 'cipher-type', 'no-config', 'no-force', 'reset-force'],
    ...commandLineOnly()
      .filter(({ since }) => !since || compareReleases(release ?? '0', since) >= 0)
      .map(({ name }) => name),
  ];

  test.each(keys)('does with the key %s what we say it does', (key) => {
    const { problem, definition } = resolveOption(key);
    const value =
      definition?.type === 'boolean' ? 'y' : (definition?.allow?.[0] ?? (definition?.type === 'integer' ? '2' : '/x'));
    const { refused, warned, output } = run('info', definition?.section ?? 'global', key, value);
    const effect = problem === undefined ? undefined : effectOfKeyProblem[problem];
    expect({ refused, warned }, output).toEqual({ refused: effect === 'refused', warned: effect === 'ignored' });
  });
});

test.skipIf(!process.env.CI)('pgbackrest is there in CI', () => {
  expect(release).toBeDefined();
});
