import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as library from 'openpgp';
import { describe, expect, test } from 'vitest';
import { type OpenpgpOffer, openOpenpgp } from '../../../engine/src/crypto/openpgp.ts';
import { decodeArmor } from '../../../engine/src/crypto/openpgpArmor.ts';
import { encryptToKeys, encryptWithPassword } from '../../../engine/src/crypto/openpgpEncrypt.ts';
import { readKeys } from '../../../engine/src/crypto/openpgpKeys.ts';
import { RestoreError } from '../../../engine/src/failure.ts';
import { all, expectFailure, pieces, watched } from '../pieces.ts';

const vector = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../vectors/openpgp/${name}`, import.meta.url)));
const plain = vector('plain.sql');
const key: OpenpgpOffer = { kind: 'openpgp', bytes: vector('key.asc') };
const locked: OpenpgpOffer = { kind: 'openpgp', bytes: vector('locked.asc'), passphrase: text('locked pass\n') };
const password: OpenpgpOffer = { kind: 'password', bytes: text('correct horse\n') };

const MESSAGES: [name: string, offer: OpenpgpOffer][] = [
  ['key.gpg', key],
  ['hidden.gpg', key],
  ['locked.gpg', locked],
  ['signed.gpg', key],
  ['both.gpg', key],
  ['both.gpg', password],
  ['password.gpg', password],
  ['password-uncompressed.gpg', password],
  ['password-bzip2.gpg', password],
  ['password-zlib.gpg', password],
  ['password-aes128.gpg', password],
  ['password-3des.gpg', password],
  ['password-twofish.gpg', password],
  ['password-camellia.gpg', password],
  ['password-ocb.gpg', password],
  ['password-eax.gpg', password],
  ['key-ocb.gpg', key],
  ['gpg24-password-ocb.gpg', password],
  ['gpg24-password-ocb-zip.gpg', password],
  ['gpg24-key-ocb.gpg', key],
  ['gpg24-password-twofish-ocb.gpg', password],
  ['gpg24-password-camellia-ocb.gpg', password],
  ['gpg24-password-cast5-wrapped.gpg', password],
  ['key-camellia.gpg', key],
  ['password-idea.gpg', password],
];

describe.each(MESSAGES)('%s', (name, offer) => {
  const message = vector(name);
  // Deriving a key from a password as gpg does by default takes half a second each time.
  const tries = [
    'locked.gpg',
    'password.gpg',
    'password-ocb.gpg',
    'password-eax.gpg',
    'gpg24-password-ocb-zip.gpg',
  ].includes(name)
    ? 3
    : 60;

  test('opens whole, in single bytes, in odd pieces', async () => {
    for (const size of [Number.POSITIVE_INFINITY, 1, 7, 333])
      expect(await decrypt(message, [offer], size)).toEqual(plain);
  });

  test('cut short anywhere is truncated, never accepted', async () => {
    const step = Math.max(1, Math.floor(message.length / tries));
    const ends = [0, 3, message.length - 1, message.length - 22];
    for (let end = 4; end < message.length; end += step) ends.push(end);
    for (const end of ends) {
      const failure = await expectFailure('truncated', decrypt(message.subarray(0, end), [offer], 97));
      expect(failure.hint).toBeTruthy();
    }
  });

  test('a flipped bit anywhere in the encrypted data is found', async () => {
    const step = Math.max(1, Math.floor(message.length / tries));
    for (let position = message.length - 1; position > 250; position -= step) {
      const flipped = message.slice();
      flipped[position] = (flipped[position] as number) ^ (1 << (position & 7));
      await expectFailure('damaged', decrypt(flipped, [offer], 1_000));
    }
  });

  test('what is appended is found', async () => {
    await expectFailure('damaged', decrypt(Buffer.concat([message, text('x')]), [offer], 100));
    await expectFailure('damaged', decrypt(Buffer.concat([message, message]), [offer], 100));
  });

  test('closing the output closes the input', async () => {
    const input = watched(pieces(message, 50));
    const { plain: output } = await openOpenpgp(input.stream, [offer]);
    for await (const _ of output) break;
    expect(input.closed()).toBe(1);
  });
});

describe('a signature inside', () => {
  test('is told to fit where the key is at hand, and not to be checked where it is not', async () => {
    const opened = await openOpenpgp(pieces(vector('signed.gpg'), 50), [key]);
    expect(opened.notes).toEqual([]);
    await all(opened.plain);
    expect(opened.notes.join()).toMatch(/signature fits: the key [0-9A-F]{40} made it/);
  });

  test.each([
    ['3, of GnuPG 1.4', 'gpg14-signed-v3.gpg'],
    ['5, of GnuPG 2.4', 'gpg24-signed-ed448.gpg'],
  ])('of version %s is told not to be checked', async (_, name) => {
    const opened = await openOpenpgp(pieces(vector(name), 50), [key, password], { allowUnauthenticated: true });
    expect(await all(opened.plain)).toEqual(plain);
    expect(opened.notes.join()).toContain('in a form that is not supported: the signature was not checked');
  });

  test('that does not fit the data is damaged, however well the encryption is proven', async () => {
    const { keys } = await readKeys(vector('key.asc'));
    const signingKeys = keys[0] as library.PrivateKey;
    const message = await library.createMessage({ binary: plain });
    const signed = await message.sign([signingKeys]);
    const literal = signed.packets.find((it) => it instanceof library.LiteralDataPacket) as library.LiteralDataPacket;
    (literal as unknown as { setBytes(bytes: Uint8Array, format: number): void }).setBytes(text('other data'), 98);
    const forged = await library.encrypt({
      message: signed,
      encryptionKeys: signingKeys.toPublic(),
      format: 'binary',
      config: { aeadProtect: false },
    });
    const failure = await expectFailure('damaged', decrypt(forged as Uint8Array, [key]));
    expect(failure.message).toContain('signature');
  });
});

describe('who can open a message', () => {
  test('is told without any key: the key ids, also for several, none for a hidden one', async () => {
    const failure = await expectFailure(
      'wrong-key',
      openOpenpgp(decodeArmor(pieces(vector('two-armored.gpg'), 40)), []),
    );
    expect(failure.message).toContain('32B9A575C0EC73BC, B1357E8785CE0DF7');
    expect((await expectFailure('wrong-key', decrypt(vector('hidden.gpg'), [locked]))).message).toContain(
      'a hidden key',
    );
  });

  test('the first of several offers that fits opens it, and is named', async () => {
    const opened = await openOpenpgp(pieces(vector('key.gpg'), 100), [password, locked, key]);
    expect(opened.offer).toBe(2);
    expect(opened.fingerprint).toMatch(/^[0-9A-F]{24}5230635C2B117058$/);
    expect(opened.cipher).toBe('AES256');
    expect(opened.head.protection.kind).toBe('mdc');
    expect(await all(opened.plain)).toEqual(plain);
  });

  test('both recipients of a message can open it', async () => {
    for (const offer of [key, locked]) {
      const opened = await openOpenpgp(decodeArmor(pieces(vector('two-armored.gpg'), 1_000)), [offer]);
      expect(await all(opened.plain)).toEqual(plain);
    }
  });

  test('a key whose primary is only a stub opens with its subkey', async () => {
    expect(await decrypt(vector('key.gpg'), [{ kind: 'openpgp', bytes: vector('key-subkeys-only.asc') }])).toEqual(
      plain,
    );
  });

  test('another key is called wrong, with both ids', async () => {
    const failure = await expectFailure('wrong-key', decrypt(vector('key.gpg'), [locked]));
    expect(failure.message).toContain('32B9A575C0EC73BC');
    expect(failure.message).toContain('B1357E8785CE0DF7');
  });

  test('the public part alone is called what it is', async () => {
    const failure = await expectFailure(
      'wrong-key',
      decrypt(vector('key.gpg'), [{ kind: 'openpgp', bytes: vector('key.pub.asc') }]),
    );
    expect(failure.message).toContain('only its public part');
  });

  test('a locked key wants its passphrase, and says when it is the wrong one', async () => {
    expect(
      (await expectFailure('usage', decrypt(vector('locked.gpg'), [{ ...locked, passphrase: undefined }]))).message,
    ).toContain('none was given');
    expect(
      (await expectFailure('wrong-key', decrypt(vector('locked.gpg'), [{ ...locked, passphrase: text('locked pas') }])))
        .stage,
    ).toBe('key');
  });

  test('keys that are locked as GnuPG 1.4 could do it (Camellia, IDEA, a sum for a hash) open', async () => {
    const blocks = Buffer.from(vector('gpg14-locked.asc'))
      .toString()
      .match(/-----BEGIN[\s\S]*?-----END[^\n]*\n/g);
    expect(blocks).toHaveLength(3);
    for (const block of blocks ?? []) {
      const offer: OpenpgpOffer = { kind: 'openpgp', bytes: text(block), passphrase: text('locked pass\n') };
      expect(await decrypt(vector('gpg14-locked.gpg'), [offer])).toEqual(plain);
      const wrong = { ...offer, passphrase: text('locked pas') };
      const failure = await expectFailure('wrong-key', decrypt(vector('gpg14-locked.gpg'), [wrong]));
      expect(failure.message).toContain('does not unlock the private key');
    }
  });

  test('X448, in a subkey of version 5, opens what names it and what hides it', async () => {
    const x448: OpenpgpOffer = { kind: 'openpgp', bytes: vector('gpg24-x448.asc') };
    const opened = await openOpenpgp(pieces(vector('gpg24-x448.gpg'), 100), [key, x448]);
    expect(opened.fingerprint).toMatch(/^08DF5936B7351F34[0-9A-F]{48}$/);
    expect(await all(opened.plain)).toEqual(plain);
    await expectFailure('wrong-key', decrypt(vector('gpg24-x448.gpg'), [key]));
    await expectFailure('wrong-key', decrypt(vector('key.gpg'), [x448]));
    const hidden = vector('gpg24-x448-hidden.gpg');
    const locked448: OpenpgpOffer = {
      kind: 'openpgp',
      bytes: vector('gpg24-x448-locked.asc'),
      passphrase: text('locked pass\n'),
    };
    expect(await decrypt(hidden, [x448, locked448])).toEqual(plain);
    await expectFailure('wrong-key', decrypt(hidden, [x448]));
    await expectFailure('wrong-key', decrypt(hidden, [{ ...locked448, passphrase: text('locked') }]));
    await expectFailure('usage', decrypt(hidden, [{ ...locked448, passphrase: undefined }]));
    for (let position = 20; position < 90; position++) {
      const changed = vector('gpg24-x448.gpg');
      changed[position] = (changed[position] as number) ^ (1 << (position & 7));
      const failure = await decrypt(changed, [x448]).catch((error: RestoreError) => error.failure);
      expect(failure).toMatchObject({ code: expect.stringMatching(/^(?:wrong-key|damaged|truncated)$/) });
    }
  });

  test('keys of version 5 are refused where they cannot be used', async () => {
    const failure = await expectFailure('unsupported', readKeys(vector('gpg24-x448-locked.asc')));
    expect(failure.message).toContain('is of version 5');
  });

  test('a hundred wrong passwords are each called wrong', async () => {
    for (const name of ['password-3des.gpg', 'both.gpg', 'password-zlib.gpg']) {
      const message = vector(name);
      for (let index = 0; index < 34; index++) {
        await expectFailure('wrong-key', decrypt(message, [{ kind: 'password', bytes: text(`wrong ${index}`) }]));
      }
    }
  }, 120_000);
});

describe('what is no proper message', () => {
  test('without integrity protection is refused', async () => {
    const failure = await expectFailure('unsupported', decrypt(vector('no-integrity.gpg'), [password]));
    expect(failure.message).toContain('integrity');
    expect(failure.hint).toContain('--allow-unauthenticated');
  });

  test('without integrity protection opens when that is asked for', async () => {
    const message = vector('no-integrity.gpg');
    for (const size of [1, 7, Number.POSITIVE_INFINITY]) {
      const opened = await openOpenpgp(pieces(message, size), [password], { allowUnauthenticated: true });
      expect(opened.head.protection.kind).toBe('none');
      expect(opened.isProvenAtOnce).toBe(false);
      expect(await all(opened.plain)).toEqual(plain);
    }
    await expectFailure(
      'wrong-key',
      openOpenpgp(pieces(message, 50), [{ kind: 'password', bytes: text('wrong') }], { allowUnauthenticated: true }),
    );
  });

  test('of PGP 2, which names neither its cipher nor its derivation, opens when that is asked for', async () => {
    const message = vector('pgp2-password.gpg');
    await expectFailure('unsupported', decrypt(message, [password]));
    const opened = await openOpenpgp(pieces(message, 100), [password], { allowUnauthenticated: true });
    expect(opened.cipher).toBe('IDEA');
    expect(await all(opened.plain)).toEqual(plain);
    const wrong: OpenpgpOffer = { kind: 'password', bytes: text('wrong') };
    await expectFailure('wrong-key', openOpenpgp(pieces(message, 100), [wrong], { allowUnauthenticated: true }));
  });

  test('signed or stored only is called not encrypted', async () => {
    await expectFailure('not-encrypted', decrypt(vector('only-signed.gpg'), [key]));
    await expectFailure('not-encrypted', decrypt(vector('stored.gpg'), [key]));
  });

  test('a password that would cost terabytes, or to be tried without end, is not tried unless that is asked for', async () => {
    const data = Buffer.concat([Uint8Array.of(0xd2, 61, 1), noise(60)]);
    const argon2 = (memory: number) =>
      Buffer.concat([Uint8Array.of(0xc3, 22, 4, 9, 4), noise(16), Uint8Array.of(1, 1, memory)]);
    const greedy = await expectFailure('hostile', decrypt(Buffer.concat([argon2(31), data]), [password]));
    expect(greedy.message).toContain('Argon2 over 2048 GiB of memory');
    expect(greedy.hint).toContain('--allow-costly');
    await expectFailure('wrong-key', decrypt(Buffer.concat([argon2(5), data]), [password]));
    const both = Buffer.concat([argon2(31), vector('key.gpg')]);
    await expectFailure('hostile', decrypt(both, [password]));
    expect(await decrypt(both, [password, key])).toEqual(plain);
    const salted = Buffer.concat([Uint8Array.of(0xc3, 12, 4, 9, 1, 8), noise(8)]);
    const endless = Buffer.concat([...Array.from({ length: 70 }, () => salted), data]);
    await expectFailure('hostile', decrypt(endless, [password]));
    await expectFailure('wrong-key', openOpenpgp(pieces(endless, 100), [password], { allowCostly: true }));
  });

  test('text, zeros and nothing are refused', async () => {
    await expectFailure('damaged', decrypt(text('not a message'), [key]));
    await expectFailure('damaged', decrypt(new Uint8Array(100), [key]));
    await expectFailure('truncated', decrypt(new Uint8Array(0), [key]));
  });
});

test('whatever is changed in the packets before the data, the answer is one of the closed list', async () => {
  const codes = new Map<string, number>();
  for (const name of ['key.gpg', 'signed.gpg', 'both.gpg']) {
    const message = vector(name);
    for (let position = 0; position < 130; position++) {
      const changed = message.slice();
      changed[position] = (changed[position] as number) ^ (1 << (position % 8));
      const error = await decrypt(changed, [key]).then(
        () => undefined,
        (it: unknown) => it,
      );
      if (error === undefined) continue;
      expect(error).toBeInstanceOf(RestoreError);
      const { code } = (error as RestoreError).failure;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  expect([...codes.keys()]).not.toContain('io');
  expect(codes.get('damaged')).toBeGreaterThan(200);
});

describe('armor', () => {
  const armored = vector('two-armored.gpg');
  const asText = Buffer.from(armored).toString('latin1');

  test('is read with text before it, CRLF, a comment, without its checksum and without its blank line', async () => {
    const binary = await all(decodeArmor(pieces(armored, Number.POSITIVE_INFINITY)));
    const variants = [
      `Dear all,\n\n${asText}`,
      asText.replaceAll('\n', '\r\n'),
      asText.replace('MESSAGE-----\n', 'MESSAGE-----\nComment: made by hand\nVersion: 1\n'),
      asText.replace(/\n=[A-Za-z0-9+/]{4}\n/, '\n'),
      asText.replace('MESSAGE-----\n\n', 'MESSAGE-----\n'),
      `\ufeff${asText}`,
    ];
    for (const variant of variants) {
      for (const size of [1, 13, Number.POSITIVE_INFINITY])
        expect(await all(decodeArmor(pieces(text(variant), size)))).toEqual(binary);
    }
  });

  test('without its last line is truncated, with a strange character damaged at its place', async () => {
    for (const end of [40, 300, asText.length - 30])
      await expectFailure('truncated', decodeArmor(pieces(armored.subarray(0, end), 50)));
    const place = asText.indexOf('\n\n') + 100;
    const failure = await expectFailure(
      'damaged',
      decodeArmor(pieces(text(`${asText.slice(0, place)}!${asText.slice(place + 1)}`), 50)),
    );
    expect(failure.offset).toBe(place);
  });

  test('of a large message comes back', async () => {
    const large = noise(300_000);
    const lines = Buffer.from(large).toString('base64').replace(/.{64}/g, '$&\n');
    const message = text(`-----BEGIN PGP MESSAGE-----\n\n${lines}\n=AAAA\n-----END PGP MESSAGE-----\n`);
    for (const size of [1_000, Number.POSITIVE_INFINITY])
      expect(Buffer.from(await all(decodeArmor(pieces(message, size)))).equals(large)).toBe(true);
  });
});

describe('WAL-G', () => {
  const walgKey: OpenpgpOffer = {
    kind: 'openpgp',
    bytes: new Uint8Array(readFileSync(new URL('../../vectors/wal-g/openpgp-key.asc', import.meta.url))),
  };
  const hello =
    'c15e03fb455e4a1423534e12010740c81101ed14559f54101a36b374b572680637931eea3cba0749e637a8f6d3233630a012bd756077cfa93a72bd07b08845c34a776c181a85af6925559d3dabc957c28c36abe8e813031ef2bd2cd0052b1b12d23d0183e9dddfbde0640cb86e65b8839108a1f499135f4d49ce00c4fe0e29b7d6bd42387fc9ab1233d0525850c3e39c82a57ca60f96a7e0a3e01402b3baef';
  const returns =
    'c15e03fb455e4a1423534e12010740ca7338fbd92602ed3789d4e803cd7de0f224d5d0939de8184ca4524c17bf182830f63f33c92f3f2216497b08ba8b25fdf5cc0736f0bc27bb6cc651fcf0267bde8f0947c9e90ddb5eb88ff2ccd52836ec58d2380152e0fa2b96bc5c20d5520859ded8a703a3f3961adaedc7a309249450fabb7c539521d2ae460da365d97d93388f72444335b8b5418f832a';

  test('what it wrote as text keeps every carriage return', async () => {
    expect(Buffer.from(await decrypt(Buffer.from(hello, 'hex'), [walgKey])).toString()).toBe('hello wal-g\n');
    expect(Buffer.from(await decrypt(Buffer.from(returns, 'hex'), [walgKey])).toString('hex')).toBe('610d0a620d630a');
  });
});

describe('keys as people keep them', () => {
  const armored = Buffer.from(vector('key.asc')).toString('latin1');

  test.each([
    ['with \\n for line ends', armored.trim().replaceAll('\n', '\\n')],
    ['with CRLF', armored.replaceAll('\n', '\r\n')],
    ['indented', armored.replaceAll(/^/gm, '    ')],
    ['without the blank line', armored.replace('\n\n', '\n')],
    ['with all line ends lost', armored.trim().replaceAll('\n', ' ')],
    ['behind another key', `${Buffer.from(vector('locked.asc')).toString()}\n${armored}`],
    ['with a byte order mark', `\ufeff${armored}`],
  ])('%s', async (_, written) => {
    expect(
      await decrypt(vector('key.gpg'), [{ kind: 'openpgp', bytes: text(written), passphrase: text('locked pass') }]),
    ).toEqual(plain);
  });

  test('binary', async () => {
    const { keys } = await readKeys(vector('key.asc'));
    const binary = new Uint8Array((keys[0] as library.Key).write());
    expect(await decrypt(vector('key.gpg'), [{ kind: 'openpgp', bytes: binary }])).toEqual(plain);
  });

  test('a message in its binary form is called what it is', async () => {
    expect((await expectFailure('usage', readKeys(vector('key.gpg')))).message).toContain('message, not a key');
    expect((await expectFailure('usage', readKeys(vector('only-signed.gpg')))).message).toContain('message, not a key');
  });

  test.each([
    ['a message', '-----BEGIN PGP MESSAGE-----\n\nabcd\n-----END PGP MESSAGE-----\n', 'message, not a key'],
    ['a key without its end', armored.slice(0, 400), 'END line is missing'],
    [
      'a file of private-keys-v1.d of gpg 2.4',
      'Created: 20261122T092644\nKey: (protected-private-key (rsa (n #00F0700E\n 3DA3#)))\n',
      'private-keys-v1.d',
    ],
    ['a file of private-keys-v1.d of gpg 2.2', '(21:protected-private-key(3:rsa(1:n257:', 'private-keys-v1.d'],
    ['a keybox', '\0\0\0 \x01\x01\0\x02KBXf\0\0\0\0', 'keybox'],
    ['a key of ssh', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END', 'no OpenPGP key'],
    ['a signature', '-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n', 'signature, not a key'],
    ['something else', 'my secret key', 'no armored OpenPGP key'],
    ['an empty file', '', 'no armored OpenPGP key'],
    ['a damaged key', armored.replace(/^lF.{20}/m, 'lFgEAAAAAAAAAAAAAAAAAA'), 'its text is damaged'],
  ])('%s is refused without being shown', async (_, written, message) => {
    const failure = await expectFailure('usage', readKeys(text(written)));
    expect(failure.message).toContain(message);
    expect(JSON.stringify(failure)).not.toContain('lFgEa');
  });
});

describe('what is encrypted here', () => {
  test('opens with the private key and with the password, whatever the length', async () => {
    for (const length of [0, 1, 500, 65_529, 65_530, 65_536, 200_000]) {
      const contents = noise(length);
      for (const size of [777, Number.POSITIVE_INFINITY]) {
        const toKey = await all(encryptToKeys(pieces(contents, size), vector('key.pub.asc')));
        expect(await decrypt(toKey, [key], 4_096)).toEqual(contents);
      }
    }
    const withPassword = await all(encryptWithPassword(pieces(plain, 100), text('correct horse\n')));
    expect(await decrypt(withPassword, [password])).toEqual(plain);
  });

  test('is read by the library itself, with its integrity proven', async () => {
    const encrypted = await all(encryptToKeys(pieces(plain, 100), Buffer.concat([vector('key.pub.asc'), text('\n')])));
    const message = await library.readMessage({ binaryMessage: encrypted });
    const { data } = await library.decrypt({
      message,
      decryptionKeys: await library.readPrivateKey({ armoredKey: Buffer.from(vector('key.asc')).toString() }),
      format: 'binary',
    });
    expect(new Uint8Array(data)).toEqual(plain);
  });

  test('to several keys opens with each of them', async () => {
    const both = Buffer.concat([vector('key.pub.asc'), text('\n'), vector('locked.asc')]);
    const encrypted = await all(encryptToKeys(pieces(plain, 100), both));
    for (const offer of [key, locked]) expect(await decrypt(encrypted, [offer])).toEqual(plain);
  });

  test('cannot be made to a key that only signs', async () => {
    const { publicKey } = await library.generateKey({
      type: 'ecc',
      userIDs: [{ name: 'signs' }],
      subkeys: [{ sign: true }],
    });
    const failure = await expectFailure('usage', encryptToKeys(pieces(plain, 100), text(publicKey)));
    expect(failure.message).toContain('encrypt');
  });

  test('messages of the newest form (RFC 9580, AEAD) open too', async () => {
    for (const preferredAEADAlgorithm of [library.enums.aead.gcm, library.enums.aead.ocb]) {
      const encrypted = await library.encrypt({
        message: await library.createMessage({ binary: noise(300_000) }),
        passwords: ['correct horse'],
        format: 'binary',
        config: { aeadProtect: true, preferredAEADAlgorithm, aeadChunkSizeByte: 6 },
      });
      const bytes = encrypted as Uint8Array;
      expect(await decrypt(bytes, [password], 5_000)).toEqual(noise(300_000));
      const flipped = bytes.slice();
      flipped[150_000] = (flipped[150_000] as number) ^ 1;
      await expectFailure('damaged', decrypt(flipped, [password], 5_000));
      await expectFailure('truncated', decrypt(bytes.subarray(0, 200_000), [password], 5_000));
    }
  });
});

async function decrypt(
  message: Uint8Array,
  offers: OpenpgpOffer[],
  size = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  return all((await openOpenpgp(pieces(message, size), offers)).plain);
}

function text(it: string): Uint8Array {
  return new TextEncoder().encode(it);
}

/** Bytes that no compressor makes smaller and that are the same in every run. */
function noise(length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let index = 0; index * 32 < length; index++) parts.push(createHash('sha256').update(`noise ${index}`).digest());
  return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}
