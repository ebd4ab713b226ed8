import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Grants } from '../../gateway/grants.ts';

const directory = mkdtempSync(join(tmpdir(), 'toastbox-grants-'));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'shares');
const open = (text: string, warnings: string[] = []) => {
  writeFileSync(file, text);
  return new Grants(file, warning => warnings.push(warning));
};

describe('grants', () => {
  test('grants: lines, stars, comments -> who may join what; its own, always; nobody else', () => {
    const grants = open('# home\nboard-7: photos,notes\n\nkiosk: *\n*: common\n');
    const may = (pairs: string[][]) => pairs.map(([board, share]) => grants.mayJoin(board!, share!));
    expect(
      may([
        ['board-7', 'photos'],
        ['board-7', 'notes'],
        ['kiosk', 'anything'],
        ['stranger', 'common'],
        ['stranger', 'stranger'],
        ['@photos', 'photos'],
      ]),
    ).toEqual(Array(6).fill(true));
    expect(
      may([
        ['board-7', 'other'],
        ['stranger', 'photos'],
        ['board-8', 'notes'],
        ['@photos', 'notes'],
        ['photos', 'notes'],
      ]),
    ).toEqual(Array(5).fill(false));
    grants.close();
  });

  test('grants: changed while it runs -> in force at once; spoilt or gone -> what it said before, and a warning', () => {
    const warnings: string[] = [];
    const grants = open('a: x\n', warnings);
    let changes = 0;
    grants.onChange = () => changes++;
    const replace = (text: string) => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    replace('a: y\n');
    expect([grants.mayJoin('a', 'x'), grants.mayJoin('a', 'y'), changes]).toEqual([false, true, 1]);
    replace('a\n');
    expect([grants.mayJoin('a', 'y'), changes]).toEqual([true, 1]);
    rmSync(file);
    expect(grants.mayJoin('a', 'y')).toBe(true);
    expect(warnings).toEqual([
      `${file}:1: is not BOARD: SHARE, SHARE, where either side may be *; what it said before stays in force`,
      `cannot read ${file}: it does not exist; what it said before stays in force`,
    ]);
    grants.close();
  });

  test.each(['a', 'a:', 'a: b c', 'a: b/c', 'a: b,', '@a: b', 'a/b: c', 'a: b\na: c', ': b'])(
    'grants: %j -> refused by its line',
    text => {
      expect(() => open(text)).toThrow(`${file}:`);
    },
  );
});
