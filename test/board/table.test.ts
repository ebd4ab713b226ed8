import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { README, readFigures, tableOf, withTable } from '../../board/check/table.ts';

test('table: in board/README.md -> of the figures beside it (npm run board -- table)', () => {
  const text = readFileSync(README, 'utf8');
  expect(withTable(text, tableOf(readFigures()))).toBe(text);
});

test('table: a figure that nobody measured -> said so', () => {
  const table = tableOf({ armv7: { memory: { ramMib: 64, rssAnonKiB: 20_480 } } });
  expect(table).toContain('| RssAnon and swap at rest after the short check | 20 MiB |');
  expect(table).toContain('| power cuts, nothing lost | not measured |');
});
