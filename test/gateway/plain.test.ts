import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Copy } from '../../gateway/plain/copy.ts';

const place = mkdtempSync(join(tmpdir(), 'toastbox-plain-'));
afterAll(() => rmSync(place, { recursive: true }));

test('plain: a file stands where a copy is to be -> named, with what to do, and left alone', () => {
  const folder = join(place, 'photos');
  writeFileSync(folder, 'mine');
  const options = { share: 'photos', folder, state: join(place, 'state'), arenaBytes: 2 ** 21 };
  expect(
    () =>
      new Copy(
        { ...options, rescanSeconds: 60, watches: 1 },
        () => {},
        () => {},
      ),
  ).toThrow(
    expect.objectContaining({
      kind: 'environment',
      message: `cannot make the plain copy ${folder}: something else stands there`,
      advice: expect.stringContaining('move away what stands there'),
    }),
  );
});
