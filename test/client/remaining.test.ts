import { describe, expect, test, vi } from 'vitest';

vi.mock('vscode', () => ({
  l10n: {
    t: (text: string, ...args: unknown[]) => text.replace(/\{(\d)\}/g, (_, index) => String(args[Number(index)])),
  },
  ProgressLocation: {},
  window: {},
}));

const { Remaining, formatBytes, formatSeconds } = await import('../../client/src/remaining.ts');
const { progressText } = await import('../../client/src/bytesProgress.ts');

describe('bytes are printed as file managers count them', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [12_340, '12.3 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [5_300_000_000, '5.3 GB'],
    [2 ** 60, '1153 PB'],
  ])('%d', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

test.each([
  [1, '1 s'],
  [89, '89 s'],
  [90, '2 min'],
  [5_400, '1 h 30 min'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});

describe('the time left', () => {
  test('is the rest at the speed so far, and unknown at first', () => {
    const remaining = new Remaining();
    expect(remaining.secondsLeft(0, 10_000, 0)).toBeUndefined();
    expect(remaining.secondsLeft(500, 10_000, 500)).toBeUndefined();
    expect(remaining.secondsLeft(2_000, 10_000, 2_000)).toBe(8);
  });

  test('stays unknown as long as the total is, or while nothing arrives', () => {
    const remaining = new Remaining();
    remaining.secondsLeft(0, undefined, 0);
    expect(remaining.secondsLeft(4_000, undefined, 4_000)).toBeUndefined();
    const stalled = new Remaining();
    stalled.secondsLeft(0, 10, 0);
    expect(stalled.secondsLeft(0, 10, 60_000)).toBeUndefined();
  });

  test('follows a change of speed', () => {
    const remaining = new Remaining();
    remaining.secondsLeft(0, 100_000, 0);
    for (let second = 1; second <= 10; second++) remaining.secondsLeft(second * 1_000, 100_000, second * 1_000);
    let left: number | undefined;
    for (let second = 11; second <= 40; second++)
      left = remaining.secondsLeft(10_000 + (second - 10) * 100, 100_000, second * 1_000);
    expect(left).toBeGreaterThan(800);
  });
});

test('progress says how much, how long and what', () => {
  expect(progressText({ step: 'base/5/1259', bytes: 1_200_000_000, total: 3_400_000_000 }, 40)).toBe(
    '1.2 GB of 3.4 GB · 40 s left · base/5/1259',
  );
  expect(progressText({ step: '', bytes: 10 }, undefined)).toBe('10 B');
});
