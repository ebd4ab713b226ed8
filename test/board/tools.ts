// Tests that need programs of the machine's: where one is missing they are skipped, and that is said. `npm test` passes
// with Node and npm alone; in CI all of them are there.

import { test } from 'vitest';
import { has } from '../transport/brokers.ts';

export function testWith(...programs: readonly string[]): typeof test {
  const missing = programs.filter(name => !has(name));
  if (missing.length > 0) console.warn(`skipped, not installed: ${missing.join(', ')}`);
  return missing.length > 0 ? (test.skip as typeof test) : test;
}
