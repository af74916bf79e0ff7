import { describe, expect, test, vi } from 'vitest';

vi.mock('vscode', () => ({ languages: {}, workspace: {} }));

const { isPgbackrestConf } = await import('../../client/src/confDetection.ts');

describe('a .conf file is pgBackRest’s when it has an option or a section that nobody else has', () => {
  test.each([
    '[global]\nrepo1-path=/x',
    '  pg1-path = /x',
    '[global:archive-push]\ncompress-level=3',
    '\r\nrepo12-type=s3\r\n',
  ])('%j', (text) => {
    expect(isPgbackrestConf(text)).toBe(true);
  });

  test.each([
    '',
    'server { listen 80; }',
    '[global]\nworkgroup = WORKGROUP',
    "shared_buffers = '1GB'",
    '[mysqld]\nrepo=1',
    'deb http://x repo1-path',
    '# repo1-path=/x',
  ])('not %j', (text) => {
    expect(isPgbackrestConf(text)).toBe(false);
  });
});
