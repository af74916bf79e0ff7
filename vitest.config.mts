import { defineConfig } from 'vitest/config';

const elsewhere = ['test/editor/**', 'test/interop/**', 'test/bench/**', 'node_modules/**'];
/** They keep nothing outside of themselves, so that a process may run one after the other. */
const pure = ['test/core/**/*.test.ts', 'test/corpus/**/*.test.ts'];

export default defineConfig({
  test: {
    // Guards against a hang, not measures: two busy cores can take many times what an idle machine takes.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // In CI a test that fails gets a second try, and the last lines of the log name it, so that it is mended.
    retry: process.env.CI ? 1 : 0,
    pool: 'forks',
    projects: [
      // Loading the rules takes longer than most of these files run: it is done once per process.
      { extends: true, test: { name: 'core', include: pure, exclude: elsewhere, isolate: false } },
      {
        extends: true,
        test: {
          name: 'product',
          include: ['test/**/*.test.ts'],
          exclude: [...elsewhere, ...pure],
          globalSetup: 'test/support/runFolder.ts',
        },
      },
    ],
  },
});
