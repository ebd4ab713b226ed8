// What was deleted comes back, on every replica, byte for byte; with the gateway running and without it.

import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Cast, openCast, run } from './cast.ts';
import { readTree } from './trees.ts';

let cast: Cast;
afterEach(() => cast?.close());

/** Bytes that no compression shortens, the same in every run. */
function noise(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let at = 0, state = 1; at < count; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

interface Told {
  path: string;
  version: number;
  kind: string;
  at: string;
}

describe('history: real processes', () => {
  test('a tree is changed, then deleted -> restored as it was, everywhere, gateway running and stopped', async () => {
    cast = await openCast('mosquitto');
    const [one, two] = [await cast.board('one'), await cast.board('two')];
    const { data } = cast.gateway;
    const copy = cast.gateway.copy('shared');
    const all = [one.folder, copy, two.folder];
    const at = (name: string) => join(one.folder, name);
    const history = async (path: string): Promise<Told[]> => {
      const { code, output } = await run(['history', path, '--data', data, '--json']);
      expect(code, output).toBe(0);
      return output
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as Told);
    };

    mkdirSync(at('dir/sub'), { recursive: true });
    writeFileSync(at('dir/large'), noise(3_000_000));
    writeFileSync(at('dir/sub/notes'), 'first');
    symlinkSync('large', at('dir/link'));
    await cast.settle(all);
    writeFileSync(at('dir/sub/notes'), 'second');
    const before = await cast.settle(all);
    rmSync(at('dir'), { recursive: true });
    expect(await cast.settle(all)).toEqual(new Map());

    // One file that was deleted, in directories that were too.
    const restored = await run(['restore', 'shared/dir/sub/notes', '--data', data]);
    expect(restored.code, restored.output).toBe(0);
    expect([...(await cast.settle(all)).keys()]).toEqual(['dir', 'dir/sub', 'dir/sub/notes']);
    expect(readFileSync(join(two.folder, 'dir/sub/notes'), 'utf8')).toBe('second');

    // All of it, as of just before the first deletion.
    const gone = (await history('shared')).filter(({ kind }) => kind === 'deleted').map(each => each.at);
    const time = new Date(Date.parse(gone.sort()[0]!) - 1).toISOString();
    const tree = await run(['restore', 'shared/dir', '--at', time, '--data', data]);
    expect(tree.code, tree.output).toBe(0);
    expect(await cast.settle(all)).toEqual(before);

    // Its first version, while no gateway runs: everyone has it once one does.
    await cast.gateway.stop();
    const notes = await history('shared/dir/sub/notes');
    const { version } = notes.at(-1)!;
    const stopped = await run(['restore', 'shared/dir/sub/notes', '--version', `${version}`, '--data', data]);
    expect(stopped.code, stopped.output).toBe(0);
    expect(existsSync(join(data, 'control.sock'))).toBe(false);
    await cast.gateway.start();
    await cast.settle(all);
    expect(readFileSync(at('dir/sub/notes'), 'utf8')).toBe('first');
    expect((await history('shared/dir/sub/notes')).length).toBeGreaterThan(notes.length);

    // And elsewhere.
    const place = join(cast.root, 'elsewhere');
    const put = ['restore', 'shared/dir', '--at', time, '--to', place, '--data', data];
    expect((await run(put)).code).toBe(0);
    expect(readTree(place)).toEqual(readTree(at('dir')).set('sub/notes', readTree(place).get('sub/notes')!));
    expect(readFileSync(join(place, 'sub/notes'), 'utf8')).toBe('second');
    expect((await run(put)).code).toBe(4);
    for (const board of [one, two]) expect((await board.now()).conflicts).toBe(0);
  });
});
