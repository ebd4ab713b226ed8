import { defineConfig } from 'vitest/config';

// The built commands as processes, against a real Mosquitto, on the real file system: one file after the other.
export default defineConfig({
  test: {
    include: ['test/system/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    pool: 'forks',
  },
});
