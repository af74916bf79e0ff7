import { expect, test } from 'vitest';
import { LineIndex } from '../../server/src/lineIndex.ts';

const text = 'ä😀b\r\nsecond\rthird\n\nlast';

test('all three kinds of line break end a line, and a break belongs to no character', () => {
  const lines = new LineIndex(text);
  expect(lines.lineCount).toBe(5);
  expect(lines.position(text.indexOf('third'))).toEqual({ line: 2, character: 0 });
  expect(lines.offset({ line: 0, character: 99 })).toBe(4);
  expect(lines.offset({ line: 3, character: 5 })).toBe(text.indexOf('last') - 1);
});

test.each(['utf-16', 'utf-8', 'utf-32'] as const)(
  'every place between characters survives the way there and back in %s',
  (encoding) => {
    const lines = new LineIndex(text, encoding);
    for (let offset = 0; offset <= text.length; offset++) {
      const isInside =
        /[\udc00-\udfff]/.test(text[offset] ?? '') || (text[offset] === '\n' && text[offset - 1] === '\r');
      if (!isInside) expect(lines.offset(lines.position(offset))).toBe(offset);
    }
  },
);

test('characters are counted as the client counts them', () => {
  const at = text.indexOf('b');
  expect(new LineIndex(text, 'utf-16').position(at).character).toBe(3);
  expect(new LineIndex(text, 'utf-8').position(at).character).toBe(6);
  expect(new LineIndex(text, 'utf-32').position(at).character).toBe(2);
});

test('a position that is nowhere is taken to the nearest place', () => {
  const lines = new LineIndex(text);
  expect(lines.offset({ line: 99, character: 0 })).toBe(text.length);
  expect(lines.offset({ line: -1, character: -5 })).toBe(0);
  expect(lines.offset({} as never)).toBe(0);
  expect(lines.offset({ line: Number.NaN, character: 1.5 })).toBe(1);
  expect(lines.position(-1)).toEqual({ line: 0, character: 0 });
  expect(lines.position(9_999)).toEqual({ line: 4, character: 4 });
  expect(new LineIndex('').offset({ line: 0, character: 0 })).toBe(0);
});
