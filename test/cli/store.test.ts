import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dataOf } from '../../cli/settings/store.ts';

const data = mkdtempSync(join(tmpdir(), 'toastbox-store-'));
afterAll(() => rmSync(data, { recursive: true }));
const NOBODY = 65_534;

describe('store: which one', () => {
  test('store: none there -> said', () => {
    expect(() => dataOf(data, '/')).toThrow(`${data}: no gateway keeps its store here`);
  });

  test.skipIf(process.getuid?.() !== 0)("store: another user's -> that it may not be read", () => {
    mkdirSync(join(data, 'store'), { mode: 0o700 });
    writeFileSync(join(data, 'store', 'data.mdb'), '');
    chmodSync(data, 0o755);
    expect(dataOf(data, '/')).toBe(data);
    process.seteuid?.(NOBODY);
    try {
      expect(() => dataOf(data, '/')).toThrow(`${data}: permission denied`);
    } finally {
      process.seteuid?.(0);
    }
  });
});
