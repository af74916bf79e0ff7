import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseArguments, UsageError } from '../../server/src/cli/arguments.ts';
import { RESTORE_OPTIONS, restoreParts } from '../../server/src/cli/restoreOptions.ts';

function parts(args: string[], { to }: { to?: string | undefined } = { to: '/target' }) {
  return restoreParts(parseArguments(RESTORE_OPTIONS, args).options, to);
}

describe('the parts of a restore', () => {
  test('are all of it when nothing is said', () => {
    expect(parts([])).toEqual({});
    expect(parts([], {})).toEqual({});
  });

  test('are databases and files by their names, several of each', () => {
    expect(parts(['--db', 'shop', '--db=16385', '--db-exclude', 'old'], {})).toEqual({
      parts: { databases: ['shop', '16385'], databasesExcluded: ['old'] },
    });
    expect(parts(['--only', 'base/1/**', '--only', 'PG_VERSION'])).toEqual({
      parts: { only: ['base/1/**', 'PG_VERSION'] },
    });
  });

  test('go to absolute places; the first = divides, names may be those of objects', () => {
    expect(
      parts(['--tablespace-map', 'fast=disk/a=b', '--tablespace-map=__proto__=/x', '--link-map', 'pg_wal=/wal']),
    ).toEqual({
      places: {
        tablespaces: Object.fromEntries([
          ['fast', path.resolve('disk/a=b')],
          ['__proto__', path.resolve('/x')],
        ]),
        links: { pg_wal: path.resolve('/wal') },
      },
    });
    expect(parts(['--tablespace-map-all', 'spaces', '--link-all'])).toEqual({
      places: { allTablespaces: path.resolve('spaces'), keepLinks: true },
    });
  });

  test.each([
    [['--tablespace-map', 'fast'], /takes NAME=DIR, not fast/],
    [['--link-map', '=x'], /takes NAME=DIR/],
    [['--link-map', 'x='], /takes NAME=DIR/],
    [['--link-map', 'x=/a', '--link-map', 'x=/b'], /names x twice/],
  ])('%j is a mistake that is explained', (args, message) => {
    expect(() => parts(args)).toThrow(UsageError);
    expect(() => parts(args)).toThrow(message);
  });

  test('have no places without a target', () => {
    expect(() => parts(['--link-all'], {})).toThrow(/only with --to/);
  });
});
