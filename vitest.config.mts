import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/editor/**', 'test/interop/**', 'test/bench/**', 'node_modules/**'],
    // Guards against a hang, not measures: two busy cores can take many times what an idle machine takes.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // In CI a test that fails gets a second try, and the last lines of the log name it, so that it is mended.
    retry: process.env.CI ? 1 : 0,
    pool: 'forks',
  },
});
