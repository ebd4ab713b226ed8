// What travels, in bytes on the wire both ways, on real packages of npm: typescript 5.8.2, then 5.8.3.

import { cpSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { NEW, OLD } from '../../board/check/scenarios/update.ts';
import { fetchNpm, type NpmPiece, unpackNpm } from '../../board/fetch/npm.ts';
import { type Board, type Cast, openCast } from './cast.ts';
import { readTree } from './trees.ts';

/** 23 MB in 100 files replaced by the next patch release. `rsync -z` sends 54,854 bytes for it. */
const PATCH_BYTES_MAX = 60_000;
/** A rename tells two paths and the facts of one file. */
const RENAME_BYTES_MAX = 3_000;
/** Moving a directory of some 120 entries tells each at its old and its new place. */
const MOVE_BYTES_MAX = 60_000;

let cast: Cast;
afterEach(() => cast?.close());

/** Payload bytes that the board sent and got while `change` took effect everywhere. */
async function cost(board: Board, folders: readonly string[], change: () => void): Promise<number> {
  const before = (await board.now()).bytes;
  change();
  const wanted = readTree(board.folder);
  expect(await cast.settle(folders)).toEqual(wanted);
  const after = (await board.now()).bytes;
  return after.out - before.out + after.in - before.in;
}

/** The package unpacked, beside the folders. */
function unpacked(piece: NpmPiece): string {
  const place = join(cast.root, piece.version);
  mkdirSync(place);
  unpackNpm(fetchNpm(piece), place);
  return place;
}

describe('delta: typescript 5.8.2 on a board', () => {
  test('copied in, replaced by 5.8.3, a file and the whole directory renamed -> equal, and little travels', async () => {
    cast = await openCast('mosquitto');
    const board = await cast.board('one');
    const copy = cast.gateway.copy('shared');
    const all = [board.folder, copy];
    const place = join(board.folder, 'package');

    const older = unpacked(OLD);
    const first = await cost(board, all, () =>
      cpSync(older, place, { recursive: true, preserveTimestamps: true }),
    );
    const { bytes } = (await cast.gateway.now()).folders[0]!;
    expect(first).toBeLessThan(bytes / 3);

    const newer = unpacked(NEW);
    const patch = await cost(board, all, () =>
      cpSync(newer, place, { recursive: true, preserveTimestamps: true }),
    );
    const rename = await cost(board, all, () =>
      renameSync(join(place, 'lib', 'typescript.js'), join(place, 'lib', 'renamed.js')),
    );
    const move = await cost(board, all, () => renameSync(place, join(board.folder, 'moved')));
    console.info(
      `typescript: ${first} bytes at first, ${patch} for 5.8.3, ${rename} a rename, ${move} a move`,
    );
    expect(readdirSync(join(copy, 'moved'))).toContain('lib');
    expect(patch).toBeLessThan(PATCH_BYTES_MAX);
    expect(rename).toBeLessThan(RENAME_BYTES_MAX);
    expect(move).toBeLessThan(MOVE_BYTES_MAX);
  });
});
