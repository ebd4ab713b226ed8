// Processes that die, a broker that restarts, frames that are no frames: the built commands against a real
// Mosquitto. What was acknowledged is not sent again.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Random } from '../sim/random.ts';
import { type Cast, openCast, until } from './cast.ts';

/** Enough that a kill falls into the middle. */
const FILES = 300;
const FILE_BYTES = 20_000;
/** Hello, the log's end and offers of what was not committed yet: far below one file's content. */
const RESENT_BYTES_MAX = 15_000;

let cast: Cast;
afterEach(() => cast?.close());

function fill(folder: string, seed: number): void {
  const random = new Random(seed);
  mkdirSync(folder, { recursive: true });
  for (let file = 0; file < FILES; file++) writeFileSync(join(folder, `f${file}`), random.bytes(FILE_BYTES));
}

test('resilience: agent, gateway and broker killed in the middle -> equal trees in the end', async () => {
  cast = await openCast('mosquitto');
  const one = await cast.board('one');
  const two = await cast.board('two');
  const all = [one.folder, two.folder, cast.gateway.copy('shared')];
  fill(join(one.folder, 'a'), 1);
  await until('some went up', async () => (await one.now()).position > 20);
  await one.kill();
  await one.restart();
  fill(join(two.folder, 'b'), 2);
  await until('more went up', async () => (await two.now()).position > FILES);
  await cast.gateway.kill();
  await cast.gateway.restart();
  await cast.restartBroker();
  await two.kill();
  await two.restart();
  const tree = await cast.settle(all);
  expect(tree.size).toBe(2 * FILES + 2);
});

test('resilience: an agent killed at rest -> sends nothing again', async () => {
  cast = await openCast('mosquitto');
  const one = await cast.board('one');
  fill(join(one.folder, 'a'), 3);
  await cast.settle([one.folder, cast.gateway.copy('shared')]);
  await one.kill();
  await one.restart();
  await cast.settle([one.folder, cast.gateway.copy('shared')]);
  const { bytes } = await one.now();
  expect(bytes.in + bytes.out).toBeLessThan(RESENT_BYTES_MAX);
});

test('resilience: garbage on both topics -> counted, and the next change goes through', async () => {
  cast = await openCast('mosquitto');
  const one = await cast.board('one');
  for (const way of ['up', 'down']) {
    const words = ['-p', `${cast.port}`, '-t', `toastbox/1/board/one/${way}`, '-m', 'no frame at all'];
    expect(spawnSync('mosquitto_pub', words).status).toBe(0);
  }
  await until('both counted it', async () => {
    return (await one.now()).malformed > 0 && (await cast.gateway.now()).malformed > 0;
  });
  writeFileSync(join(one.folder, 'after'), 'still here');
  await cast.settle([one.folder, cast.gateway.copy('shared')]);
});

test('resilience: a foreign client follows the retained status -> online, and offline by the will', async () => {
  cast = await openCast('mosquitto');
  const one = await cast.board('one');
  const read = () => {
    const words = ['-p', `${cast.port}`, '-t', 'toastbox/1/board/one/status', '-C', '1', '-W', '5'];
    return JSON.parse(spawnSync('mosquitto_sub', words).stdout.toString() || '{}');
  };
  await until('online', async () => read().state === 'online' && read().share === 'shared');
  await one.kill();
  await until('offline', async () => read().state === 'offline');
});
