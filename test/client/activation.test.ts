/** An activation starts the language server and waits for nothing: VS Code holds other extensions back until it is over. */

import { expect, test, vi } from 'vitest';

/** Whatever the extension asks of VS Code at the start: every name is there, and nothing ever answers. */
const anything: object = new Proxy(function anything() {}, {
  get: (_, name) => {
    if (name === Symbol.iterator) return function* nothing() {};
    if (name === Symbol.toPrimitive) return () => '';
    return name === 'then' || typeof name === 'symbol' ? undefined : name === 'prototype' ? {} : anything;
  },
  set: () => true,
  has: () => true,
  apply: () => anything,
  construct: () => anything,
});
vi.mock('vscode', () => new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : anything), has: () => true }));

const loaded: string[] = [];
vi.mock('vscode-languageclient', () => {
  loaded.push('vscode-languageclient');
  return { State: {}, ExecuteCommandRequest: {}, ProgressType: class {} };
});
const start = vi.fn(() => new Promise<void>(() => {}));
vi.mock('../../client/src/languageClient.ts', () => ({
  createClient: () => ({ start, onRequest: () => undefined, dispose: () => undefined }),
}));

const { activate } = await import('../../client/src/extension.ts');

test('activation is over before the server has started, and before the library that starts it is loaded', async () => {
  const subscriptions: unknown[] = [];
  expect(activate({ subscriptions, asAbsolutePath: (it: string) => it } as never)).toBeUndefined();
  expect(subscriptions.length).toBeGreaterThan(5);
  expect(loaded).toEqual([]);
  expect(start).not.toHaveBeenCalled();
  await vi.waitFor(() => expect(start).toHaveBeenCalled(), 60_000);
}, 120_000);
