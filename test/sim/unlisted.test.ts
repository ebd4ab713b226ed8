// What a life has not looked at it agrees on nothing about: neither before its scan comes there, nor where that failed.

import { expect, test } from 'vitest';
import { Pair } from '../memory/pair.ts';
import { REST_MS, seenAt, show } from './deeds.ts';
import { failure } from './files.ts';
import { ROOT } from './machine.ts';

/** Of the calls of opendir in a start: the stage's, the root's, the directory's. */
test.each([undefined, 0, 1, 2])(
  'unlisted: accepted, the power took it, opendir %s fails -> it comes back',
  calls => {
    const pair = new Pair();
    const { machine, time } = pair;
    const { volume } = machine;
    volume.mkdirSync(`${ROOT}/d`);
    machine.start();
    time.runFor(REST_MS);
    pair.isSpeaking = false;
    volume.writeFileSync(`${ROOT}/d/e`, '');
    machine.hint(Buffer.from('d'), Buffer.from('e'));
    time.runFor(15_000);
    expect(pair.entries).toBe(2);
    machine.kill();
    volume.unlinkSync(`${ROOT}/d/e`);
    pair.isSpeaking = true;
    const spring = (call: string): void => {
      throw failure('EMFILE', call);
    };
    if (calls !== undefined) machine.traps.push({ calls, fits: call => call === 'opendirSync', spring });
    machine.start();
    time.runFor(200_000);
    expect(machine.traps).toEqual([]);
    expect(volume.readFileSync(`${ROOT}/d/e`).length).toBe(0);
    expect(seenAt(pair)).toBe(show(pair));
  },
);
