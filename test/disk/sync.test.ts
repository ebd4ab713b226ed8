// A sync of the file system takes a process, which a machine short of memory may not have: Node says so in two ways.

import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { realSystem } from '../../agent/disk/system.ts';
import { errno } from './ground.ts';

/** What comes of a spawn; neither: the program ran. */
let outcome: { throws?: string; tells?: string };
let spawns = 0;

vi.mock('node:child_process', async load => ({
  ...(await load<typeof import('node:child_process')>()),
  spawn: () => {
    spawns++;
    const { throws, tells } = outcome;
    if (throws !== undefined) throw errno(throws);
    const child = new EventEmitter();
    setImmediate(() => (tells === undefined ? child.emit('exit', 0) : child.emit('error', errno(tells))));
    return child;
  },
}));

const synced = () => new Promise<boolean>(done => realSystem.syncFileSystem(0, done));

test('sync: no memory or no process for it -> said, and had the next time; no such program -> not asked again', async () => {
  for (const trouble of [{ throws: 'ENOMEM' }, { tells: 'EAGAIN' }, { tells: 'EMFILE' }]) {
    outcome = trouble;
    expect(await synced()).toBe(false);
    outcome = {};
    expect(await synced()).toBe(true);
  }
  outcome = { tells: 'ENOENT' };
  expect(await synced()).toBe(false);
  outcome = {};
  spawns = 0;
  expect([await synced(), spawns]).toEqual([false, 0]);
});
