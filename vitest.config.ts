import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/system/**'],
    testTimeout: 60_000,
    pool: 'forks',
    // All processors: usually one is left idle, which is half of two.
    maxWorkers: '100%',
  },
});
