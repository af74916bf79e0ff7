import { expect, test } from 'vitest';
import { fillTemplate, wrapKey } from '../../client/src/keyText.ts';
import { KEY_PLACEHOLDER } from '../../server/src/protocol.ts';

const armored = '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabc\n-----END PGP PRIVATE KEY BLOCK-----\n';

test('a key stands where the template has its placeholder, without a line end of its own', () => {
  expect(fillTemplate({ text: `key: ${KEY_PLACEHOLDER}\n`, indent: '' }, 'abc\n')).toBe('key: abc\n');
});

test('an armored key is indented like the block scalar it goes into, its empty line stays empty', () => {
  expect(fillTemplate({ text: `stringData:\n  key: |\n    ${KEY_PLACEHOLDER}\n`, indent: '    ' }, armored)).toBe(
    'stringData:\n  key: |\n    -----BEGIN PGP PRIVATE KEY BLOCK-----\n\n    abc\n    -----END PGP PRIVATE KEY BLOCK-----\n',
  );
});

test('characters that replacement patterns know are taken as they are', () => {
  expect(fillTemplate({ text: `a${KEY_PLACEHOLDER}b`, indent: '' }, "$&$1$'")).toBe("a$&$1$'b");
});

test('a key inside base64 is encoded with the conf around it', () => {
  const text = wrapKey('pass\n', { before: '[global]\nrepo1-cipher-pass=', after: '\n', wrap: 'base64', indent: '  ' });
  expect(Buffer.from(text, 'base64').toString()).toBe('[global]\nrepo1-cipher-pass=pass\n');
});

test('a key at a plain place is the key', () => {
  expect(wrapKey('pass', {})).toBe('pass');
});
