import { describe, expect, test, vi } from 'vitest';
import type { Inspection } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';

vi.mock('vscode', () => ({
  l10n: {
    t: (text: string, ...args: unknown[]) => text.replace(/\{(\d)\}/g, (_, index) => String(args[Number(index)])),
  },
}));

const { reportPage, inspectionPage } = await import('../../client/src/reportPage.ts');

const good: Report = {
  archive: '/backup/repo1',
  format: 'pgbackrest',
  backup: { label: '20260101-000000F', type: 'full' },
  keys: [{ source: 'pgbackrest.conf, repo1-cipher-pass', fingerprint: 'ab12', opens: 'repo1' }],
  verdict: { decrypted: true, authentic: null, complete: true, restorable: true },
  because: {
    decrypted: 'every byte came through',
    authentic: 'AES-CBC authenticates nothing',
    complete: 'every file of the manifest is there',
    restorable: 'all checksums agree',
  },
  files: { total: 1_200, verified: 1_200, failed: [] },
  bytes: { read: 3_400_000, restored: 12_000_000 },
  seconds: 1.5,
  failure: null,
  notes: [],
  restoredTo: null,
};

const bad: Report = {
  ...good,
  verdict: { decrypted: false, authentic: null, complete: null, restorable: false },
  files: {
    total: 3,
    verified: 1,
    failed: Array.from({ length: 60 }, (_, index) => ({
      path: `base/${index}`,
      code: 'damaged' as const,
      offset: 4_096,
      message: 'the checksum differs',
    })),
  },
  failure: {
    code: 'damaged',
    stage: 'decrypt',
    path: 'base/5/1259',
    offset: 16_384,
    message: 'the padding is wrong',
    hint: 'fetch the file again',
  },
  notes: ['one WAL file is missing'],
};

/** What a person reads: the text without markup, one line for each element. */
const text = (html: string) =>
  html
    .slice(html.indexOf('<body>'))
    .replace(/<[^>]+>/g, '\n')
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/\s*\n\s*/g, '\n');

describe('the report', () => {
  test('says in the first line whether the archive restores, then why each tick is what it is', () => {
    const page = text(reportPage([good], 'n'));
    expect(page).toMatch(/^\s*Restorable\n\/backup\/repo1\n/);
    expect(page).toContain('Authentic\ncannot be proven\nAES-CBC authenticates nothing.');
    expect(page).toContain('Decrypted\nyes\nEvery byte came through.');
    expect(page).toContain('Files\n1,200 of 1,200 verified');
    expect(page).toContain('Keys\nKey\nOpens\nFingerprint\npgbackrest.conf, repo1-cipher-pass\nrepo1\nab12');
    expect(page).toContain('Size\n3.4 MB stored, 12.0 MB of contents');
    expect(page).toContain('Time\n1.50 s, 2.3 MB a second');
    expect(page).toContain('nowhere: the contents were checked only');
  });

  test('of a failure says what, where and what to do', () => {
    const page = text(reportPage([bad], 'n'));
    expect(page).toMatch(/^\s*Damaged\n/);
    expect(page).toContain(
      'The padding is wrong.\nFetch the file again.\ndamaged\n·\ndecrypt\n·\nbase/5/1259\n·\nbyte 16,384',
    );
    expect(page).toContain('base/49\n');
    expect(page).not.toContain('base/50\n');
    expect(page).toContain('and 10 more');
    expect(page).toContain('One WAL file is missing.');
  });

  test('promises nothing when the format cannot prove that its contents are right', () => {
    const open = { ...good, verdict: { ...good.verdict, restorable: null } };
    const page = reportPage([open], 'n');
    expect(text(page)).toMatch(/^\s*Opened, not proven to restore\n/);
    expect(page).toContain('<header class="open">');
  });

  test('has a section for every backup', () => {
    expect(reportPage([good, bad], 'n').match(/<section>/g)).toHaveLength(2);
  });

  test('takes names from the archive as text: no markup, no control characters, no turned direction', () => {
    const hostile = { ...bad, archive: '/a"><img src=x onerror=alert(1)>\u202egnp.\u0007' };
    const page = reportPage([hostile], 'n');
    expect(page).not.toContain('<img');
    for (const mark of ['\u202e', '\u0007']) expect(page).not.toContain(mark);
  });

  test('allows no script and nothing from elsewhere', () => {
    const page = reportPage([good], 'bm9uY2U=');
    expect(page).toContain(
      `content="default-src 'none'; style-src 'nonce-bm9uY2U='; form-action 'none'; base-uri 'none'"`,
    );
    expect(page).not.toMatch(/<script|https?:|\son\w+=|\sstyle=/);
  });
});

test('an inspection says how a thing is encrypted and what opens it', () => {
  const inspection: Inspection = {
    path: '/x.gpg',
    format: 'openpgp',
    isEncrypted: true,
    facts: [['Cipher', 'aes-256']],
    opensWith: ['the private key 1234'],
    problems: ['its integrity is not protected'],
  };
  const page = text(inspectionPage(inspection, 'n'));
  expect(page).toMatch(
    /^\s*Encrypted\n\/x.gpg\nProblems\nIts integrity is not protected.\nFormat\nopenpgp\nCipher\naes-256\nWhat would open it\nThe private key 1234./,
  );
});
