// Everything a folder holds, in both directions, over both brokers.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Cast, openCast, run } from './cast.ts';
import { fill, turn, turnBack } from './catalogue.ts';
import { readTree } from './trees.ts';

let cast: Cast;
afterEach(() => cast?.close());

describe('folder: everything a folder holds', () => {
  test('Mosquitto, filled and turned on a board, then on the gateway, then on the other board -> three equal trees', async () => {
    cast = await openCast('mosquitto');
    const [one, two] = [await cast.board('one'), await cast.board('two')];
    const copy = cast.gateway.copy('shared');
    const all = [one.folder, copy, two.folder];
    expect((await one.now()).link.protocol).toBe(5);

    fill(one.folder, 1);
    const filled = readTree(one.folder);
    expect(await cast.settle(all)).toEqual(filled);
    turn(one.folder, 2);
    const turned = readTree(one.folder);
    expect(await cast.settle(all)).toEqual(turned);

    turnBack(copy);
    const back = readTree(copy);
    expect(await cast.settle(all)).toEqual(back);

    for (const name of readdirSync(two.folder))
      if (name !== '.toastbox') rmSync(join(two.folder, name), { recursive: true });
    expect(await cast.settle(all)).toEqual(new Map());
    fill(two.folder, 3);
    const refilled = readTree(two.folder);
    expect(await cast.settle(all)).toEqual(refilled);

    for (const board of [one, two]) {
      const { conflicts, malformed, lastError } = await board.now();
      expect({ conflicts, malformed, lastError }).toEqual({
        conflicts: 0,
        malformed: 0,
        lastError: undefined,
      });
    }
  });

  test('embedded broker, filled before the agent ever ran -> equal trees, over 3.1.1', async () => {
    cast = await openCast('embedded');
    const one = await cast.board('one', { isStarted: false });
    fill(one.folder, 4);
    const filled = readTree(one.folder);
    await one.start();
    const two = await cast.board('two');
    const all = [one.folder, cast.gateway.copy('shared'), two.folder];
    expect(await cast.settle(all)).toEqual(filled);
    expect((await one.now()).link.protocol).toBe(4);
    turn(two.folder, 5);
    const turned = readTree(two.folder);
    expect(await cast.settle(all)).toEqual(turned);
  });

  test('two boards that had folders before -> the sum of both, equal files once, different ones kept twice', async () => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one', { isStarted: false });
    const two = await cast.board('two', { isStarted: false });
    for (const { folder, name } of [one, two]) {
      writeFileSync(join(folder, `of ${name}`), name);
      writeFileSync(join(folder, 'same'), 'same');
      writeFileSync(join(folder, 'different.txt'), `of ${name}`);
      mkdirSync(join(folder, 'both'));
      writeFileSync(join(folder, 'both', name), name);
    }
    await one.start();
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
    await two.start();
    const tree = await cast.settle([one.folder, cast.gateway.copy('shared'), two.folder]);
    const copies = [...tree.keys()].filter(name => name.includes('.conflict-two-'));
    expect(copies).toHaveLength(1);
    expect(copies[0]).toMatch(/^different\.conflict-two-\d{8}-\d{6}\.txt$/);
    expect(readFileSync(join(one.folder, copies[0]!), 'utf8')).toBe('of two');
    expect(readFileSync(join(two.folder, 'different.txt'), 'utf8')).toBe('of one');
    expect([...tree.keys()].filter(name => !copies.includes(name)).sort()).toEqual(
      ['both', 'both/one', 'both/two', 'different.txt', 'of one', 'of two', 'same'].sort(),
    );
    expect((await two.now()).conflicts).toBe(1);
  });

  test('a second agent on the folder of a board, or on the plain copy, with a state of its own -> exit 3', async () => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one');
    const copy = cast.gateway.copy('shared');
    writeFileSync(join(one.folder, 'x'), 'x');
    await cast.settle([one.folder, copy]);
    for (const [nth, folder] of [one.folder, copy].entries()) {
      const words = ['--folder', folder, '--state', join(cast.root, `state ${nth}`), '--name', 'two'];
      const { code, output } = await run(['agent', ...words, '--broker', cast.url]);
      expect(output).toMatch(/already running \(pid \d+\)/);
      expect(code).toBe(3);
    }
    expect(cast.gateway.output).not.toMatch(/cannot be claimed/);
  });

  test('boards without --share -> a folder of its own each', async () => {
    cast = await openCast('mosquitto');
    const [one, two] = [await cast.board('one', { share: 'one' }), await cast.board('two', { share: 'two' })];
    writeFileSync(join(one.folder, 'x'), 'of one');
    writeFileSync(join(two.folder, 'x'), 'of two');
    await cast.settle([one.folder, cast.gateway.copy('one')]);
    await cast.settle([two.folder, cast.gateway.copy('two')]);
    expect(readFileSync(join(cast.gateway.copy('one'), 'x'), 'utf8')).toBe('of one');
    expect(readFileSync(join(cast.gateway.copy('two'), 'x'), 'utf8')).toBe('of two');
  });

  test('.toastboxignore -> what it lists stays where it is, both ways, and goes once it is no longer listed', async () => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one');
    const copy = cast.gateway.copy('shared');
    writeFileSync(join(one.folder, '.toastboxignore'), '*.tmp\n/cache/\n!keep.tmp\n');
    await cast.settle([one.folder, copy]);
    mkdirSync(join(one.folder, 'cache', 'deep'), { recursive: true });
    mkdirSync(join(one.folder, 'a'));
    for (const name of ['x.tmp', 'keep.tmp', 'cache/deep/y', 'a/z.tmp', 'a/cache'])
      writeFileSync(join(one.folder, name), name);
    writeFileSync(join(copy, 'of the gateway.tmp'), 'stays there');
    writeFileSync(join(copy, 'last'), '');
    const carried = ['.toastboxignore', 'a', 'a/cache', 'keep.tmp', 'last'];
    const left = (root: string) => [...readTree(root).keys()].filter(path => !carried.includes(path));
    const tree = await cast.settle([one.folder, copy], { isCompared: path => carried.includes(path) });
    expect([...tree.keys()]).toEqual(carried);
    expect(left(one.folder)).toEqual(['a/z.tmp', 'cache', 'cache/deep', 'cache/deep/y', 'x.tmp']);
    expect(left(copy)).toEqual(['of the gateway.tmp']);

    writeFileSync(join(one.folder, '.toastboxignore'), '/cache/\n');
    await cast.settle([one.folder, copy], { isCompared: path => !path.startsWith('cache') });
    expect(existsSync(join(one.folder, 'of the gateway.tmp'))).toBe(true);
    expect(existsSync(join(copy, 'cache'))).toBe(false);
    expect(existsSync(join(one.folder, 'cache', 'deep', 'y'))).toBe(true);
  });

  test('a directory deleted elsewhere that holds what is ignored here -> stays with it, everybody comes to rest', async () => {
    cast = await openCast('mosquitto');
    const [one, two] = [await cast.board('one'), await cast.board('two')];
    const all = [one.folder, cast.gateway.copy('shared'), two.folder];
    mkdirSync(join(one.folder, 'directory'));
    for (const name of ['a', 'x.tmp']) writeFileSync(join(one.folder, 'directory', name), name);
    await cast.settle(all);
    await two.stop();
    rmSync(join(one.folder, 'directory'), { recursive: true });
    await cast.settle(all.slice(0, 2));
    writeFileSync(join(two.folder, '.toastboxignore'), '*.tmp\n');
    await two.start();
    const tree = await cast.settle(all, { isCompared: path => path !== 'directory/x.tmp' });
    expect([...tree.keys()]).toEqual(['.toastboxignore', 'directory']);
    expect(readFileSync(join(two.folder, 'directory', 'x.tmp'), 'utf8')).toBe('x.tmp');
  });
});
