import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkApart, claimFolder } from '../../agent/claim.ts';
import { ask, type Control, openControl } from '../../agent/control.ts';

let root: string;
let folder: string;
let home: string;
let opened: Control[];
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'toastbox-claim-'));
  folder = join(root, 'photos');
  home = join(folder, '.toastbox');
  fs.mkdirSync(folder);
  opened = [];
});
afterEach(async () => {
  for (const control of opened) await control.close();
  fs.rmSync(root, { recursive: true });
});

const stateOf = (name: string): string => {
  const state = join(root, name);
  fs.mkdirSync(state, { recursive: true });
  return state;
};
const claim = async (state: string): Promise<Control> => {
  const control = await claimFolder({ folder, state }, { status: () => state });
  opened.push(control);
  return control;
};

describe('claim', () => {
  test('claim: a second agent with a state of its own on the same folder -> refused, with the pid of the first', async () => {
    const first = await claim(stateOf('one'));
    expect(first.why).toBeUndefined();
    await expect(claim(stateOf('two'))).rejects.toMatchObject({
      kind: 'running',
      message: `already running (pid ${process.pid}) on ${home}`,
    });
    expect(await ask(home, 'status')).toBe(stateOf('one'));
    await first.close();
    await claim(stateOf('two'));
  });

  test('claim: the first keeps its state in the folder -> the second is refused all the same, through a symlink too', async () => {
    opened.push(await openControl(home, {}));
    await claim(home); // its own
    const running = { kind: 'running' };
    await expect(claim(stateOf('two'))).rejects.toMatchObject(running);
    fs.symlinkSync(folder, join(root, 'link'));
    await expect(
      claimFolder({ folder: join(root, 'link'), state: stateOf('two') }, {}),
    ).rejects.toMatchObject(running);
  });

  test('claim: a folder that a catalog knows, and is not mounted -> nothing is made in its mount point', async () => {
    const state = stateOf('one');
    fs.writeFileSync(join(state, 'catalog'), '');
    expect((await claim(state)).why).toBeUndefined();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test('claim: nothing can be made in the folder -> goes on, and says so', async () => {
    fs.writeFileSync(home, 'a file');
    const { why } = await claim(stateOf('one'));
    expect(why).toMatch(/cannot be claimed/);
  });

  test('claim: a state in what is synced -> refused in words; in .toastbox, beside, or with a like name not', () => {
    const usage = expect.objectContaining({ kind: 'usage' });
    for (const state of [folder, join(folder, 'state'), join(folder, 'a/b'), join(folder, '.toastbox.d')])
      expect(() => checkApart({ folder, state })).toThrowError(usage);
    fs.symlinkSync(folder, join(root, 'link'));
    expect(() => checkApart({ folder, state: join(root, 'link', 'state') })).toThrowError(usage);
    for (const state of [home, join(home, 'x'), root, `${folder}-state`])
      expect(() => checkApart({ folder, state })).not.toThrow();
  });
});
