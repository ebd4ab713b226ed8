import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dataOf, historyLine, shareLine } from '../../cli/settings/store.ts';

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
    const isRefused = () => {
      process.seteuid?.(NOBODY);
      try {
        expect(() => dataOf(data, '/')).toThrow(`${data}: permission denied`);
      } finally {
        process.seteuid?.(0);
      }
    };
    isRefused();
    // Only the file: it is there for all to see, and verify would take it for damaged.
    chmodSync(join(data, 'store'), 0o755);
    chmodSync(join(data, 'store', 'data.mdb'), 0o600);
    isRefused();
  });
});

describe('store: the advice', () => {
  test('store: a path to look up -> a line that a shell takes as it stands', () => {
    expect(historyLine('photos/a.txt', undefined)).toBe('toastbox history photos/a.txt');
    expect(historyLine("photos/it's", '/my data')).toBe(
      "toastbox history 'photos/it'\\''s' --data '/my data'",
    );
    expect(shareLine('./photos/2024/none', '/d')).toBe(
      'toastbox history photos --data /d lists what changed last in the share',
    );
  });
});
