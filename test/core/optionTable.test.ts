// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders are what is tested
/** The table of pgBackRest options: against the facts taken from the program, and in what it makes of keys and values. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { editDistance } from '../../server/src/core/nearest.ts';
import { isOpaque } from '../../server/src/core/opaque.ts';
import {
  allCommands,
  allOptions,
  commandLineOnly,
  compareReleases,
  definitionAt,
  fullName,
  holdsSecret,
  isKnownCommand,
  latestRelease,
  nearestCommands,
  type OptionDefinition,
  optionDefinition,
  optionsOfGroup,
  resolveOption,
} from '../../server/src/core/pgbackrest/options.ts';
import { formatSize, formatTime, parseSize, parseTime } from '../../server/src/core/pgbackrest/units.ts';
import { type ReadContext, readValue } from '../../server/src/core/pgbackrest/values.ts';

const factsFile = new URL('../../../shared/facts/pgbackrest-options.json', import.meta.url);

interface Fact {
  name: string;
  section: string;
  group: 'repo' | 'pg' | null;
  type: string;
  multi: boolean;
  required: boolean;
  default: string | number | boolean | null;
  defaultByDepend?: Record<string, string | number>;
  allowList: string[] | null;
  allowRange: (string | number)[] | null;
  allowRangeByDepend?: Record<string, (string | number)[]>;
  depend: { option: string; list?: string[] } | null;
  dependDefault?: string | number | boolean;
  deprecatedNames: { name: string; indexed: boolean; unindexed: boolean }[];
  secure: boolean;
  internal: boolean;
  boolLike: boolean;
  beta: boolean;
  negate: boolean;
  commands: string[];
  acceptsUnindexed: boolean;
  since?: string;
  in245?: Record<string, unknown>;
  in245ChangedIn?: Record<string, string>;
}

interface Facts {
  options: Fact[];
  commands: string[];
  commandLineOnly: { name: string; since?: string }[];
}

/** As one would write it in the file. */
function written(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === 'boolean' ? (value ? 'y' : 'n') : String(value);
}

const writtenAll = (values: Record<string, unknown> | undefined) =>
  values && Object.fromEntries(Object.entries(values).map(([key, value]) => [key, written(value)]));

describe.skipIf(!existsSync(factsFile))('the table says of every option what the program says', () => {
  const facts: Facts = existsSync(factsFile)
    ? JSON.parse(readFileSync(factsFile, 'utf8'))
    : { options: [], commands: [], commandLineOnly: [] };

  test('it has the same options, commands and command-line-only names', () => {
    expect(
      allOptions()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(facts.options.map(({ name }) => name).sort());
    expect(allCommands()).toEqual(facts.commands);
    expect(commandLineOnly().map(({ name, since }) => ({ name, since }))).toEqual(
      facts.commandLineOnly.map(({ name, since }) => ({ name, since })),
    );
  });

  test.each(facts.options.map((fact) => [fact.name, fact] as const))('%s', (name, fact) => {
    const definition = optionDefinition(name)!;
    expect({
      section: definition.section ?? 'global',
      group: definition.group ?? null,
      type: definition.type,
      multi: definition.multi,
      required: definition.required ?? false,
      secure: definition.secure ?? false,
      internal: definition.internal ?? false,
      boolLike: definition.boolLike ?? false,
      beta: definition.beta ?? false,
      negate: definition.negatable ?? false,
      acceptsUnindexed: definition.group ? (definition.acceptsUnindexed ?? false) : true,
      default: definition.default,
      defaultByDepend: definition.defaultByDepend,
      allowList: definition.allow ?? null,
      allowRange: definition.range ?? null,
      allowRangeByDepend: definition.rangeByDepend,
      depend: definition.depend ?? null,
      dependDefault: definition.dependDefault,
      commands: definition.commands,
      since: definition.since,
    }).toEqual({
      section: fact.section,
      group: fact.group,
      type: fact.type,
      multi: fact.multi,
      required: fact.required,
      secure: fact.secure,
      internal: fact.internal,
      boolLike: fact.boolLike,
      beta: fact.beta,
      negate: fact.negate,
      acceptsUnindexed: fact.acceptsUnindexed,
      default: written(fact.default),
      defaultByDepend: writtenAll(fact.defaultByDepend),
      allowList: fact.allowList,
      allowRange: fact.allowRange?.map(String) ?? null,
      allowRangeByDepend:
        fact.allowRangeByDepend &&
        Object.fromEntries(Object.entries(fact.allowRangeByDepend).map(([key, range]) => [key, range.map(String)])),
      depend: fact.depend,
      dependDefault: written(fact.dependDefault),
      commands: fact.commands,
      since: fact.since,
    });
    const old = fact.deprecatedNames.filter((it) => it.name !== name);
    expect(definition.deprecated?.map((it) => it.name) ?? []).toEqual(old.map((it) => it.name));
    for (const { name: oldName, indexed, unindexed } of old) {
      const indexedKey = oldName.replace(/^([a-z]+)/, '$12');
      expect(resolveOption(oldName).problem === undefined, `${oldName} without index`).toBe(unindexed);
      expect(resolveOption(indexedKey).problem === undefined, `${indexedKey}`).toBe(indexed);
    }
  });

  test.each(facts.options.filter((fact) => fact.in245).map((fact) => [fact.name, fact] as const))(
    '%s as release 2.45 had it',
    (name, fact) => {
      const definition = optionDefinition(name)!;
      const old = definitionAt(definition, '2.45')!;
      const was = fact.in245!;
      if ('type' in was) expect(old.type).toBe(was.type);
      if ('required' in was) expect(old.required ?? false).toBe(was.required);
      if ('beta' in was) expect(old.beta ?? false).toBe(was.beta);
      if ('internal' in was) expect(old.internal ?? false).toBe(was.internal);
      if ('depend' in was && name !== 'compress-level') expect(old.depend ?? null).toEqual(was.depend);
      if ('allowList' in was)
        expect([...(old.allow ?? [])].sort()).toEqual([...((was.allowList as string[] | null) ?? [])].sort());
      if (Array.isArray(was.allowRange)) {
        const count =
          { time: (it: string) => parseTime(it) ?? Number(it) * 1000, size: (it: string) => parseSize(it) }[
            definition.type as 'time'
          ] ?? Number;
        const seconds = (it: string) => (definition.type === 'time' ? Number(it) * 1000 : count(it));
        expect(old.range!.map((it) => count(it))).toEqual(was.allowRange.map((it) => seconds(String(it))));
      }
      if ('default' in was && definition.type === 'time')
        expect(parseTime(old.default!)).toBe(Number(was.default) * 1000);
      else if ('default' in was) expect(old.default).toBe(written(was.default));
      for (const [field, release] of Object.entries(fact.in245ChangedIn ?? {})) {
        for (const change of definition.changes ?? []) {
          if (field in change) expect(compareReleases(change.before, release)).toBeLessThanOrEqual(0);
        }
      }
    },
  );

  test('every default and every limit is itself a good value', () => {
    for (const definition of allOptions()) {
      const values = [definition.default, ...(definition.range ?? []), ...(definition.allow ?? [])];
      for (const value of values) {
        if (value !== undefined)
          expect(readValue(definition, value).problems, `${definition.name}=${value}`).toEqual([]);
      }
    }
  });
});

test('every option and every deprecated name is found under its full name', () => {
  expect(allOptions()).toHaveLength(164);
  expect(optionsOfGroup('repo').length + optionsOfGroup('pg').length).toBe(95);
  for (const definition of allOptions()) {
    const key = fullName(definition, 3);
    const resolved = resolveOption(key);
    expect(resolved, key).toMatchObject({
      definition,
      canonical: key,
      isDeprecated: false,
      problem: undefined,
      nearest: [],
    });
    expect(resolved.index, key).toBe(definition.group ? 3 : undefined);
    expect(definition.description, key).toMatch(/^[^a-z].*[.)]$/);
    expect(definition.description.length, key).toBeLessThan(420);
  }
});

// What pgBackRest 2.45 answered to each key in a file, run with the program.
test.each([
  ['repo1-path', undefined, 'repo1-path'],
  ['repo01-path', undefined, 'repo1-path'],
  ['repo256-path', undefined, 'repo256-path'],
  ['repo-path', undefined, 'repo1-path'],
  ['repo-cipher-type', undefined, 'repo1-cipher-type'],
  ['db-path', undefined, 'pg1-path'],
  ['db2-path', undefined, 'pg2-path'],
  ['retention-full', undefined, 'repo1-retention-full'],
  ['repo1-azure-host', undefined, 'repo1-storage-host'],
  ['repo-s3-host', undefined, 'repo1-storage-host'],
  ['tls-cipher-13', undefined, 'tls-cipher-13'],
  ['repo257-foo', 'index-out-of-range', undefined],
  ['repo0-path', 'index-out-of-range', undefined],
  ['repo999999999999-path', 'index-out-of-range', undefined],
  ['1-foo', 'starts-with-number', undefined],
  ['-foo', 'starts-with-dash', undefined],
  ['no--foo', 'starts-with-dash', undefined],
  ['1repo-x', 'unknown', undefined],
  ['repo1', 'unknown', undefined],
  ['type1', 'unknown', undefined],
  ['no-', 'unknown', undefined],
  ['no-foo', 'unknown', undefined],
  ['no-no-online', 'unknown', undefined],
  ['repo1-path1', 'unknown', undefined],
  ['stanza1-x', 'unknown', undefined],
  ['Repo1-path', 'unknown', undefined],
  ['', 'unknown', undefined],
  [`repo1-${'a'.repeat(59)}`, 'too-long', undefined],
  ['ö'.repeat(33), 'too-long', undefined],
  ['repo-bundle', 'index-missing', 'repo1-bundle'],
  ['pg-path', 'index-missing', 'pg1-path'],
  ['compress1-type', 'index-not-allowed', 'compress-type'],
  ['retention1-full', 'index-not-allowed', 'repo1-retention-full'],
  ['repo-azure-host', 'index-required-for-deprecated', 'repo1-storage-host'],
  ['target1-action', 'index-not-allowed', undefined],
  ['target-action', 'command-line-only', undefined],
  ['stanza', 'command-line-only', undefined],
  ['cipher-pass', 'command-line-only', undefined],
  ['no-online', 'negated', undefined],
  ['no-stanza', 'not-negatable', undefined],
  ['reset-stanza', 'not-resettable', undefined],
  ['no-archive-check', 'negated', 'archive-check'],
  ['no-hardlink', 'negated', 'repo1-hardlink'],
  ['no-repo1-path', 'not-negatable', 'repo1-path'],
  ['no-retention-full', 'not-negatable', 'repo1-retention-full'],
  ['reset-repo-path', 'reset', 'repo1-path'],
  ['reset-db-path', 'reset', 'pg1-path'],
])('the key %s: %s', (key, problem, canonical) => {
  const resolved = resolveOption(key);
  expect({ problem: resolved.problem, canonical: resolved.canonical }).toEqual({ problem, canonical });
});

test.each([
  ['repo1-pth', 'repo1-path'],
  ['Repo1-path', 'repo1-path'],
  ['REPO2_CIPHER_PASS', 'repo2-cipher-pass'],
  ['repo2.cipher.type', 'repo2-cipher-type'],
  ['repo3CipherPass', 'repo3-cipher-pass'],
  ['repo-2-path', 'repo2-path'],
  ['repo2path', 'repo2-path'],
  ['--repo1-path', 'repo1-path'],
  ['repo0-path', 'repo1-path'],
  ['repo2-cypher-type', 'repo2-cipher-type'],
  ['repo-cypher-pass', 'repo1-cipher-pass'],
  ['repo1-ciper-type', 'repo1-cipher-type'],
  ['repo1-cihper-pass', 'repo1-cipher-pass'],
  ['repo1-cipher-password', 'repo1-cipher-pass'],
  ['repo1-cipher-key', 'repo1-cipher-pass'],
  ['repo1-encryption-type', 'repo1-cipher-type'],
  ['cipher-type', 'repo1-cipher-type'],
  ['cipher-pass', 'repo1-cipher-pass'],
  ['repo1-s3-access-key', 'repo1-s3-key'],
  ['repo1-s3-secret-key', 'repo1-s3-key-secret'],
  ['repo1-s3-uristyle', 'repo1-s3-uri-style'],
  ['s3-bucket', 'repo1-s3-bucket'],
  ['repo1-rentention-archive', 'repo1-retention-archive'],
  ['repo1-retention-full-typ', 'repo1-retention-full-type'],
  ['repo1-compress-type', 'compress-type'],
  ['log-level', 'log-level-console'],
  ['archive-chek', 'archive-check'],
])('%s was meant for %s', (key, meant) => {
  expect(resolveOption(key).nearest[0]).toBe(meant);
});

test('a name that is near to nothing has no nearest one', () => {
  for (const key of ['foo', 'x', 'fork', 'custom-setting', 'ä', '🙂', '[', `${'repo1-path-'.repeat(20)}`]) {
    expect(resolveOption(key).nearest, key).toEqual([]);
  }
});

test('a name for the command line is not taken for a slip, but for the passphrase', () => {
  expect(resolveOption('type').nearest).toEqual([]);
  expect(resolveOption('stanza').nearest).toEqual([]);
  expect(resolveOption('cipher-pass').nearest[0]).toBe('repo1-cipher-pass');
});

test('a near miss of a secret option is treated as one', () => {
  for (const key of [
    'repo1-cipher-pass',
    'repo1-cypher-pass',
    'repo1-cipher-passphrase',
    'repo1-s3-kee-secret',
    'cipher-pass',
  ]) {
    expect(holdsSecret(resolveOption(key)), key).toBe(true);
  }
  for (const key of ['repo1-path', 'repo1-cipher-type', 'process-max', 'foo'])
    expect(holdsSecret(resolveOption(key)), key).toBe(false);
});

test('commands are known by their exact names, and misspelt ones recognised', () => {
  expect(isKnownCommand('archive-push')).toBe(true);
  expect(isKnownCommand('Backup')).toBe(false);
  expect(nearestCommands('bakcup')).toEqual(['backup']);
  expect(nearestCommands('archive_push')[0]).toBe('archive-push');
});

test('an option that a release does not have yet is absent there', () => {
  const bundleTag = optionDefinition('repo-storage-tag')!;
  expect(definitionAt(bundleTag, '2.47')).toBeUndefined();
  expect(definitionAt(bundleTag, '2.48')).toBe(bundleTag);
  expect(definitionAt(optionDefinition('backup-standby')!, '2.53.1')!.type).toBe('boolean');
  expect(definitionAt(optionDefinition('backup-standby')!, '2.54')!.type).toBe('string-id');
  expect(compareReleases('2.52.1', '2.53')).toBeLessThan(0);
  expect(compareReleases('2.9', '2.10')).toBeLessThan(0);
  expect(compareReleases('2.59', '2.59.0')).toBe(0);
});

/** Reads a value and prints what was said about it: `refused code start-end => replacement`. */
function read(key: string, text: string, context: ReadContext = {}): string {
  const definition = resolveOption(key).definition as OptionDefinition;
  const { value, problems, isOpaque: opaque } = readValue(definition, text, { key, ...context });
  if (opaque) return 'opaque';
  const said = problems.map(
    ({ effect, code, start, end, replacement }) =>
      `${effect} ${code} ${start}-${end}${replacement === undefined ? '' : ` => ${JSON.stringify(replacement)}`}`,
  );
  return [...(value === undefined ? [] : [JSON.stringify(value)]), ...said].join('; ');
}

test.each([
  ['start-fast', 'y', '"y"'],
  ['start-fast', 'yes', 'refused not-boolean 0-3 => "y"'],
  ['start-fast', 'TRUE', 'refused not-boolean 0-4 => "y"'],
  ['start-fast', 'Off', 'refused not-boolean 0-3 => "n"'],
  ['start-fast', '0', 'refused not-boolean 0-1 => "n"'],
  ['start-fast', 'N', 'refused not-boolean 0-1 => "n"'],
  ['start-fast', 'maybe', 'refused not-boolean 0-5'],
  ['start-fast', '', 'refused empty 0-0'],
  ['start-fast', 'y # quick', 'refused inline-comment 1-9 => ""'],
  ['start-fast', '"y"', 'refused quoted 0-3 => "y"'],
  ['process-max', '4', '4'],
  ['process-max', '+04', '4'],
  ['process-max', '4 # cores', 'refused inline-comment 1-9 => ""'],
  ['process-max', '0', 'refused out-of-range 0-1 => "1"'],
  ['process-max', '5000', 'refused out-of-range 0-4'],
  ['process-max', '0x4', 'refused not-integer 0-3'],
  ['process-max', '1e3', 'refused not-integer 0-3'],
  ['process-max', '99999999999999999999', 'refused not-integer 0-20'],
  ['repo1-retention-full', '0', 'refused out-of-range 0-1 => "1"'],
  ['compress-type', 'gzip', 'refused not-allowed 0-4 => "gz"'],
  ['compress-type', 'zstd', 'refused not-allowed 0-4 => "zst"'],
  ['compress-type', 'xz', 'refused not-allowed 0-2'],
  ['log-level-console', 'INFO', 'refused not-allowed 0-4 => "info"'],
  ['log-level-console', 'warning', 'refused not-allowed 0-7 => "warn"'],
  ['repo1-type', 'S3', 'refused not-allowed 0-2 => "s3"'],
  ['repo1-s3-uri-style', 'virtual', 'refused not-allowed 0-7 => "host"'],
  ['repo1-cipher-type', 'aes256', 'refused not-allowed 0-6 => "aes-256-cbc"'],
  ['repo1-cipher-type', 'AES-256-CBC', 'refused not-allowed 0-11 => "aes-256-cbc"'],
  ['repo1-cipher-type', 'aes_256_cbc', 'refused not-allowed 0-11 => "aes-256-cbc"'],
  ['repo1-cipher-type', 'aes-256-cbc # strong', 'refused inline-comment 11-20 => ""'],
  ['repo1-cipher-type', '"aes-256-cbc"', 'refused quoted 0-13 => "aes-256-cbc"'],
  ['repo1-cipher-type', 'yes', 'refused not-allowed 0-3'],
  ['buffer-size', '1mb', '1048576'],
  ['buffer-size', '3MiB', 'refused not-allowed 0-4'],
  ['archive-push-queue-max', '1.5MiB', 'refused not-size 0-6 => "1536KiB"'],
  ['archive-push-queue-max', '1 MiB', 'refused not-size 0-5 => "1MiB"'],
  ['archive-push-queue-max', '64kk', 'refused not-size 0-4'],
  ['archive-push-queue-max', '+1MiB', 'refused not-size 0-5'],
  ['archive-push-queue-max', '5PiB', 'refused out-of-range 0-4'],
  ['io-timeout', '1m', '60000'],
  ['io-timeout', '60', '60000'],
  ['archive-timeout', '0.5', 'refused not-time 0-3 => "500ms"'],
  ['archive-timeout', '90 sec', 'refused not-time 0-6 => "90s"'],
  ['archive-timeout', '2d', 'refused out-of-range 0-2'],
  ['repo1-path', '/backup', '"/backup"'],
  ['repo1-path', '/', '"/"'],
  ['repo1-path', '"/backup"', 'refused quoted 0-9 => "/backup"'],
  ['repo1-path', 'backup', 'refused relative-path 0-6'],
  ['repo1-path', '~/backup', 'refused relative-path 0-8'],
  ['repo1-path', '/a//b', 'refused double-slash 0-5 => "/a/b"'],
  ['repo1-path', '/a/', '"/a"; harmless trailing-slash 2-3 => ""'],
  ['repo1-path', '/a # prod', '"/a # prod"; silent inline-comment 2-9 => ""'],
  ['repo1-host', 'backup.example # old', '"backup.example # old"; silent inline-comment 14-20 => ""'],
  ['repo1-host', '"backup"', '"\\"backup\\""; silent quoted 0-8 => "backup"'],
  ['link-map', 'pg_wal=/wal', '{"key":"pg_wal","value":"/wal"}'],
  ['link-map', 'pg_wal', 'refused no-equals 0-6'],
  ['recovery-option', 'restore_command=cp "a" b', '{"key":"restore_command","value":"cp \\"a\\" b"}'],
  ['repo1-azure-key', 'YWJj', '"YWJj"'],
  ['repo1-azure-key', 'not base64', 'refused not-base64 0-10'],
  ['repo1-cipher-pass', 'abc#1=x;', '"abc#1=x;"'],
])('%s=%s: %s', (key, text, said) => {
  expect(read(key, text)).toBe(said);
});

test('the range of compress-level depends on compress-type, by its default where nothing is set', () => {
  const type = (value?: string) => ({ siblings: (name: string) => (name === 'compress-type' ? value : undefined) });
  expect(read('compress-level', '10', type('gz'))).toBe('refused out-of-range 0-2 => "9"');
  expect(read('compress-level', '10')).toBe('refused out-of-range 0-2 => "9"');
  expect(read('compress-level', '22', type('zst'))).toBe('22');
  expect(read('compress-level', '-5', type('lz4'))).toBe('-5');
  expect(read('compress-level', '0', type('bz2'))).toBe('refused out-of-range 0-1 => "1"');
  expect(read('compress-level', '22', type('${TYPE}'))).toBe('22');
  expect(readValue(optionDefinition('compress-level')!, '10', type('gz')).problems[0]!.message).toBe(
    'compress-level must be between -1 and 9 when compress-type is gz, not 10',
  );
});

test('the smallest chunk for uploads depends on the storage', () => {
  const s3 = { siblings: () => 's3' };
  expect(read('repo2-storage-upload-chunk-size', '4MiB', s3)).toBe('refused out-of-range 0-4');
  expect(read('repo2-storage-upload-chunk-size', '4MiB', { siblings: () => 'gcs' })).toBe('4194304');
  expect(read('repo2-storage-upload-chunk-size', '64KiB', { ...s3, target: '2.57' })).toBe('65536');
  const [problem] = readValue(optionDefinition('repo-storage-upload-chunk-size')!, '4MiB', {
    ...s3,
    key: 'repo2-storage-upload-chunk-size',
  }).problems;
  expect(problem!.message).toContain('when repo2-type is s3');
});

test('up to 2.52 a unit behind a time is ignored, and a fraction is fine', () => {
  const old = { target: '2.52.1' };
  expect(read('io-timeout', '1m', old)).toBe('1000; silent unit-ignored 0-2 => "60"');
  expect(read('io-timeout', '500ms', old)).toBe('500000; silent unit-ignored 0-5 => "0.5"');
  expect(read('io-timeout', '60s', old)).toBe('60000; harmless unit-ignored 0-3 => "60"');
  expect(read('archive-timeout', '0.5', old)).toBe('500');
  expect(read('archive-timeout', 'abc', old)).toBe('refused not-time 0-3');
  expect(read('job-retry-interval', '0', old)).toBe('0');
  expect(read('job-retry-interval', '0s', old)).toBe('refused not-time 0-2');
  expect(read('io-timeout', '1m', { target: '2.53' })).toBe('60000');
});

test('a value that came later than the target says since when there is one', () => {
  expect(read('backup-standby', 'prefer')).toBe('"prefer"');
  expect(read('backup-standby', 'prefer', { target: '2.53' })).toBe('refused not-in-target 0-6');
  const message = (key: string, text: string, target: string) =>
    readValue(resolveOption(key).definition!, text, { key, target }).problems[0]?.message;
  expect(message('backup-standby', 'prefer', '2.45')).toBe('backup-standby takes prefer only since pgBackRest 2.54');
  expect(message('repo1-s3-key-type', 'pod-id', '2.57')).toBe(
    'repo1-s3-key-type takes pod-id only since pgBackRest 2.58',
  );
  expect(message('repo1-s3-key-type', 'process', '2.58')).toBe(
    'repo1-s3-key-type takes process only since pgBackRest 2.59',
  );
  expect(message('repo1-type', 'sftp', '2.45')).toBe('repo1-type takes sftp only since pgBackRest 2.46');
});

test('no problem of a secret option repeats or replaces anything of its value', () => {
  const secrets = allOptions().filter(({ secure }) => secure);
  expect(secrets.map(({ name }) => name)).toContain('repo-cipher-pass');
  for (const definition of secrets) {
    for (const text of ['"hunter2hunter2"', 'hunter2 # prod', 'hunter2 hunter2', "'hunter2'"]) {
      const { problems } = readValue(definition, text);
      expect(JSON.stringify(problems), definition.name).not.toContain('hunter2');
      expect(
        problems.every(({ replacement }) => replacement === undefined),
        definition.name,
      ).toBe(true);
    }
  }
  expect(read('repo1-cipher-pass', '"abc"')).toBe('"\\"abc\\""; silent quoted 0-5');
  expect(read('repo1-cipher-pass', 'abc # prod')).toBe('"abc # prod"; silent inline-comment 3-10');
});

test('messages say what is wrong without a final dot', () => {
  const broken: [string, string][] = [
    ['process-max', 'x'],
    ['start-fast', 'x'],
    ['io-timeout', 'x'],
    ['buffer-size', 'x'],
    ['repo1-type', 'x'],
    ['repo1-path', 'x'],
    ['link-map', 'x'],
    ['lock-path', ''],
  ];
  for (const [key, text] of broken) {
    const [problem] = readValue(resolveOption(key).definition!, text, { key }).problems;
    expect(problem!.message.startsWith(key), problem!.message).toBe(true);
    expect(problem!.message).not.toMatch(/[.!]$/);
  }
});

test('what a renderer, a vault or a person still has to fill in is opaque', () => {
  const placeholders = [
    '${A}',
    '${A:-x}',
    's3.${REGION}.example',
    '{{ .Values.x }}',
    '{% if x %}',
    '%%X%%',
    '__X__',
    '<your bucket>',
    '<path:secret/db#pass>',
    '$PASS',
    '$PASS_2/x',
    '/backup/$ENV/db',
    'ENC[AES256_GCM,data:x]',
    'ref+vault://x',
    '((pass))',
    '[[ .x ]]',
    '#{x}',
    '@@X@@',
    '%(x)s',
    '$(VAR)',
    '<%= x %>',
  ];
  for (const text of placeholders) expect(isOpaque(text), text).toBe(true);
  const plain = [
    '',
    'abc',
    'pa$$w0rd',
    'abc$def',
    'a__b',
    '__main',
    'a<b',
    '100%',
    'dGVzdA==',
    'a@EXAMPLE.COM',
    'user@HOST',
    '<<',
    'f(x)',
    'x{y}',
    '/var/lib/pgbackrest',
    '~/x',
    'a#b',
    '$2y$10$abcdefghij',
  ];
  for (const text of plain) expect(isOpaque(text), text).toBe(false);
  expect(read('repo1-retention-full', '${DAYS}')).toBe('opaque');
  expect(read('repo1-cipher-pass', '<your passphrase>')).toBe('opaque');
});

test('sizes and times are written with the largest unit that needs no fraction', () => {
  expect([0, 100, 1536, 2 ** 20, 3 * 2 ** 29, 2 ** 52].map(formatSize)).toEqual([
    '0B',
    '100B',
    '1536B',
    '1MiB',
    '1536MiB',
    '4PiB',
  ]);
  expect([0, 500, 1500, 90_000, 1_800_000, 604_800_000].map(formatTime)).toEqual([
    '0s',
    '500ms',
    '1500ms',
    '90s',
    '30m',
    '7d',
  ]);
  for (const bytes of [1, 1023, 4096, 2 ** 31]) expect(parseSize(formatSize(bytes))).toBe(bytes);
  for (const ms of [1, 1001, 60_000, 86_400_000]) expect(parseTime(formatTime(ms))).toBe(ms);
});

test('a swap, a letter more or less and a wrong one count as one slip each', () => {
  expect(editDistance('cipher', 'cihper')).toBe(1);
  expect(editDistance('cipher', 'cypher')).toBe(1);
  expect(editDistance('cipher', 'ciphers')).toBe(1);
  expect(editDistance('', 'abc')).toBe(3);
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('abcdef', 'uvwxyz', 2)).toBeGreaterThan(2);
});

test('reading never throws, whatever the text', () => {
  const texts = [
    '\0',
    '\ud800',
    '🙂',
    '='.repeat(10_000),
    '"',
    "''",
    ' ',
    '-',
    '+',
    '.',
    '#',
    ' # ',
    '//',
    '1e999',
    'NaN',
    '%',
    '\\',
  ];
  for (const definition of allOptions())
    for (const text of texts) expect(() => readValue(definition, text, { target: '2.45' })).not.toThrow();
  for (const text of texts) expect(() => resolveOption(text).nearest).not.toThrow();
  expect(latestRelease).toBe('2.59.1');
});
