import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type Announcement,
  protectionForKeys,
  protectionWithPassword,
} from '../../../engine/src/crypto/openpgpProtection.ts';
import { expectFailure } from '../pieces.ts';

const { hidden } = vi.hoisted(() => ({ hidden: new Set<string>() }));
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  return { ...crypto, getCiphers: () => crypto.getCiphers().filter((it) => !hidden.has(it)) };
});
afterEach(() => hidden.clear());

const [aes128, aes192, aes256, camellia] = [7, 8, 9, 13];
const [eax, ocb, gcm] = [1, 2, 3];
const MDC = 0x01;
const PACKET_20 = 0x02;
const SEIPD_2 = 0x08;

/** What a key says, of which only the features must be said. */
const key = (features: number, said: Partial<Announcement> = {}): Announcement => ({
  features,
  ciphers: [aes256, aes192, aes128],
  modes: undefined,
  suites: undefined,
  ...said,
});

describe('the form of a message is the one that every key announces', () => {
  test.each<[string, Announcement[], string]>([
    ['nothing at all', [key(0)], 'mdc'],
    ['MDC', [key(MDC)], 'mdc'],
    ['packet 20', [key(MDC | PACKET_20)], 'ocb'],
    ['packet 20 with OCB', [key(MDC | PACKET_20, { modes: [eax, ocb] })], 'ocb'],
    ['packet 20 without OCB, as drafts allowed', [key(MDC | PACKET_20, { modes: [eax] })], 'mdc'],
    ['OCB, but not packet 20', [key(MDC, { modes: [ocb] })], 'mdc'],
    ['SEIPD version 2', [key(MDC | SEIPD_2)], 'seipd2'],
    ['suites, but not SEIPD version 2', [key(MDC, { suites: [[aes256, ocb]] })], 'mdc'],
    ['both', [key(MDC | PACKET_20 | SEIPD_2)], 'seipd2'],
    ['both, and packet 20', [key(MDC | PACKET_20 | SEIPD_2), key(MDC | PACKET_20)], 'ocb'],
    ['both, and SEIPD version 2', [key(MDC | PACKET_20 | SEIPD_2), key(MDC | SEIPD_2)], 'seipd2'],
    ['packet 20, and SEIPD version 2', [key(MDC | PACKET_20), key(MDC | SEIPD_2)], 'mdc'],
    ['packet 20, and nothing', [key(MDC | PACKET_20), key(0)], 'mdc'],
  ])('%s', (_, keys, expected) => {
    expect(protectionForKeys(keys).integrity).toBe(expected);
  });

  test('unless another one is asked for', () => {
    for (const features of [0, MDC, MDC | PACKET_20, MDC | SEIPD_2]) {
      for (const asked of ['mdc', 'ocb', 'seipd2'] as const) {
        expect(protectionForKeys([key(features)], asked).integrity).toBe(asked);
        expect(protectionWithPassword(asked).integrity).toBe(asked);
      }
    }
    expect(protectionWithPassword(undefined).integrity).toBe('mdc');
  });

  test('what was taken, why, and who reads it is said', () => {
    expect(protectionForKeys([key(MDC)]).note).toBe('integrity: MDC, which every gpg and WAL-G read');
    const { note } = protectionForKeys([key(MDC | PACKET_20)]);
    expect(note).toContain('OCB in packet 20 (LibrePGP), since its key announces it; gpg 2.3 and later');
    expect(note).toContain('--integrity mdc');
    const two = protectionForKeys([key(MDC | SEIPD_2), key(MDC | SEIPD_2)]).note;
    expect(two).toContain('OCB in SEIPD version 2 (RFC 9580), since all its keys announce it');
    expect(protectionForKeys([key(MDC)], 'ocb').note).not.toContain('announce');
  });
});

describe('the cipher is one that every key takes', () => {
  test.each<[string, Announcement[], string]>([
    ['all of them AES-256', [key(MDC), key(MDC)], 'aes256'],
    ['one of them not AES-256', [key(MDC), key(MDC, { ciphers: [aes128] })], 'aes128'],
    ['one of them says nothing', [key(MDC, { ciphers: undefined })], 'aes128'],
    ['one of them no AES: it is in every reader', [key(MDC, { ciphers: [camellia] })], 'aes128'],
  ])('%s', (_, keys, cipher) => {
    expect(protectionForKeys(keys)).toMatchObject({ cipher, mode: undefined });
    expect(protectionForKeys(keys, 'ocb')).toMatchObject({ cipher, mode: 'OCB' });
    expect(protectionForKeys(keys, 'seipd2')).toMatchObject({ cipher, mode: 'OCB' });
  });

  const SUITES: [string, Announcement['suites'][], string, string][] = [
    ['the one that the first key likes best', [[[aes256, gcm]]], 'aes256', 'GCM'],
    [
      'in its order',
      [
        [
          [aes192, ocb],
          [aes256, gcm],
        ],
      ],
      'aes192',
      'OCB',
    ],
    [
      'of which the others know, too',
      [
        [
          [aes256, gcm],
          [aes256, ocb],
        ],
        [[aes256, ocb]],
      ],
      'aes256',
      'OCB',
    ],
    ['a key that lists nothing takes any', [[[aes256, gcm]], undefined], 'aes256', 'GCM'],
    [
      'EAX is not written',
      [
        [
          [aes256, eax],
          [aes256, ocb],
        ],
      ],
      'aes256',
      'OCB',
    ],
    ['another cipher neither', [[[camellia, ocb]]], 'aes128', 'OCB'],
    ['nothing in common: what nobody needs to list', [[[aes256, gcm]], [[aes256, ocb]]], 'aes128', 'OCB'],
    ['an empty list', [[]], 'aes128', 'OCB'],
  ];
  test.each(SUITES)('of the suites of SEIPD version 2: %s', (_, lists, cipher, mode) => {
    const keys = lists.map((suites) => key(MDC | SEIPD_2, { suites }));
    expect(protectionForKeys(keys)).toMatchObject({ integrity: 'seipd2', cipher, mode });
  });
});

describe("without OCB, as in an editor's BoringSSL", () => {
  const hideOcb = () => {
    for (const bits of [128, 192, 256]) hidden.add(`aes-${bits}-ocb`);
  };

  test('keys that announce it get an MDC, which they read as well, and that is said', () => {
    hideOcb();
    for (const features of [MDC | PACKET_20, MDC | SEIPD_2]) {
      const { integrity, note } = protectionForKeys([key(features)]);
      expect(integrity).toBe('mdc');
      expect(note).toContain('OCB is not available in an editor, though its key announces it');
    }
    expect(protectionForKeys([key(MDC)]).note).not.toContain('editor');
  });

  test('GCM is written where the keys like it', () => {
    hideOcb();
    const suites = [
      [aes256, ocb],
      [aes256, gcm],
    ] as const;
    expect(protectionForKeys([key(MDC | SEIPD_2, { suites })])).toMatchObject({ integrity: 'seipd2', mode: 'GCM' });
  });

  test('asked for, it is refused with what to do', async () => {
    hideOcb();
    for (const asked of ['ocb', 'seipd2'] as const) {
      for (const work of [() => protectionForKeys([key(MDC)], asked), () => protectionWithPassword(asked)]) {
        const failure = await expectFailure('unsupported', (async () => work())());
        expect(failure.hint).toContain('--integrity mdc');
      }
    }
  });
});
