import { beforeEach, expect, test, vi } from 'vitest';

const clipboard = { text: '' };
vi.mock('vscode', () => ({
  l10n: { t: (text: string) => text },
  env: {
    clipboard: {
      readText: async () => clipboard.text,
      writeText: async (text: string) => {
        clipboard.text = text;
      },
    },
  },
  window: { setStatusBarMessage: () => ({ dispose: () => undefined }) },
}));

const { copyForAWhile, registerClipboard } = await import('../../client/src/clipboard.ts');

beforeEach(() => {
  vi.useFakeTimers();
  clipboard.text = '';
});

test('a copied key is taken off after 30 seconds', async () => {
  await copyForAWhile('key');
  await vi.advanceTimersByTimeAsync(29_900);
  expect(clipboard.text).toBe('key');
  await vi.advanceTimersByTimeAsync(200);
  expect(clipboard.text).toBe('');
});

test('what a person copied in the meantime stays', async () => {
  await copyForAWhile('key');
  clipboard.text = 'mine';
  await vi.advanceTimersByTimeAsync(60_000);
  expect(clipboard.text).toBe('mine');
});

test('a second key has its own 30 seconds', async () => {
  await copyForAWhile('one');
  await vi.advanceTimersByTimeAsync(20_000);
  await copyForAWhile('two');
  await vi.advanceTimersByTimeAsync(20_000);
  expect(clipboard.text).toBe('two');
  await vi.advanceTimersByTimeAsync(11_000);
  expect(clipboard.text).toBe('');
});

test('closing the window takes it off at once', async () => {
  const registration = registerClipboard();
  await copyForAWhile('key');
  registration.dispose();
  await vi.advanceTimersByTimeAsync(0);
  expect(clipboard.text).toBe('');
});
