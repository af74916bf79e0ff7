import { expect, test } from 'vitest';
import { errorOf, withoutValues } from '../../../engine/src/start/protocol.ts';

test.each([
  ['22P02', 'invalid input syntax for type integer: "secret"', 'invalid input syntax for type integer'],
  ['22P02', 'invalid input value for enum public.mood: "secret"', 'invalid input value for enum public.mood'],
  ['22P02', 'malformed array literal: "{secret: "x"}"', 'malformed array literal'],
  ['22003', 'value "99999999999999" is out of range for type integer', 'a value is out of range for type integer'],
  ['22008', 'date/time field value out of range: "secret"', 'date/time field value out of range'],
  ['22021', 'invalid byte sequence for encoding "UTF8": 0xc3 0x28', 'invalid byte sequence for encoding "UTF8"'],
  ['22P04', 'missing data for column "customer"', 'missing data for column "customer"'],
  ['22001', 'value too long for type character varying(3)', 'value too long for type character varying(3)'],
  ['42601', 'syntax error at or near "secret"', 'syntax error'],
  ['42601', 'unterminated quoted string at or near "\'secret\nmore"', 'unterminated quoted string'],
  ['P0001', 'secret', 'code of the dump itself raised an error'],
  ['42P01', 'relation "public.orders" does not exist', 'relation "public.orders" does not exist'],
  ['23505', 'could not create unique index "one"', 'could not create unique index "one"'],
])('%s: %s', (code, message, expected) => {
  expect(withoutValues(code, message)).toBe(expected);
});

test('of the line that COPY quotes only the number is taken', () => {
  const fields = [
    'SERROR',
    'C22P02',
    'Minvalid input syntax for type integer: "secret"',
    'Dsecret',
    'WCOPY t, line 250, column i: "secret"',
  ];
  const error = errorOf(Buffer.from(`${fields.join('\0')}\0\0`));
  expect([error.code, error.message, error.copyLine]).toEqual(['22P02', 'invalid input syntax for type integer', 250]);
  expect(JSON.stringify(error) + String(error)).not.toContain('secret');
});
