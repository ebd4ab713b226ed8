import { defineConfig } from 'vitest/config';

// The built commands as processes, against a real Mosquitto, on the real file system: one file after the other.
export default defineConfig({
  test: {
    include: ['test/system/**/*.test.ts'],
    // The long sizes take their minutes on a busy machine.
    testTimeout: process.env.LONG === '1' ? 3_600_000 : 300_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    pool: 'forks',
  },
});
