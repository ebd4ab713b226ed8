// What was deleted comes back, on every replica, byte for byte; with the gateway running and without it.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
  test('bytes are flipped in a copy of the store -> verify names the file, and it is cured; or the database', async () => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one');
    writeFileSync(join(one.folder, 'large'), noise(2_000_000));
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
    const running = await run(['verify', '--data', cast.gateway.data]);
    expect(running).toMatchObject({ code: 0, output: expect.stringContaining('all is well') });
    await cast.gateway.stop();
    const stopped = await run(['verify', '--data', cast.gateway.data]);
    expect(stopped).toMatchObject({ code: 0, output: running.output });

    const copy = join(cast.root, 'copy');
    const flip = async (place: (file: Buffer) => number): Promise<string> => {
      cpSync(join(cast.gateway.data, 'store'), join(copy, 'store'), { recursive: true });
      const file = readFileSync(join(copy, 'store', 'data.mdb'));
      const at = place(file);
      file[at]! ^= 0x10;
      writeFileSync(join(copy, 'store', 'data.mdb'), file);
      const { code, output } = await run(['verify', '--data', copy]);
      expect(code, `byte ${at}: ${output}`).toBe(1);
      return output;
    };
    // noise() is not compressed: a piece of it stands in the file as it is.
    const piece = noise(2_000_000).subarray(1_000_000, 1_000_032);
    expect(await flip(file => file.indexOf(piece))).toMatch(
      /^damaged: shared\/large: the content of version 1, current, 2000000 bytes: 1 of its \d+ blocks/m,
    );
    // As README says: the gateway is told by verify, and the file is written anew on a board that has it.
    cpSync(join(copy, 'store'), join(cast.gateway.data, 'store'), { recursive: true });
    await cast.gateway.start();
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
    const told = await run(['verify', '--data', cast.gateway.data]);
    expect(told).toMatchObject({ code: 1, output: expect.stringContaining('the gateway was told') });
    writeFileSync(join(one.folder, 'large'), noise(2_000_000));
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
    const cured = await run(['verify', '--data', cast.gateway.data]);
    expect(cured).toMatchObject({ code: 0, output: expect.stringContaining('all is well') });
    await cast.gateway.stop();

    // Both of LMDB's own first pages begin with this number (LMDB: MDB_MAGIC).
    const magic = Buffer.from([0xde, 0xc0, 0xef, 0xbe]);
    expect(await flip(file => file.indexOf(magic))).toMatch(
      /damaged: the database itself: .*first pages are damaged\nput a backup in its place/,
    );
  });

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
    const again = await run(put);
    expect(again).toEqual({
      code: 0,
      output: expect.stringContaining('0 entries, 0 B; 5 stood there already'),
    });
    const share = join(cast.root, 'all');
    const whole = await run(['restore', 'shared', '--at', time, '--to', share, '--data', data]);
    expect(whole).toEqual({ code: 0, output: expect.stringMatching(/all: 5 entries, /) });
    expect(readTree(join(share, 'dir'))).toEqual(readTree(place));
    for (const board of [one, two]) expect((await board.now()).conflicts).toBe(0);
  });
});
