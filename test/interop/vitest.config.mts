import { defineConfig } from 'vitest/config';

/** Tests against the real pgbackrest, gpg, openssl, libsodium, Neovim: slow, and skipped with a reason where one is missing. */
export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: process.env.CI ? 1 : 0,
    pool: 'forks',
    fileParallelism: false,
    globalSetup: 'test/support/runFolder.ts',
  },
});
