// The simulated link between boards and gateway.
//
// Fault model: a frame may be lost, doubled, delayed by any time up to DELAY_MS, and so overtaken by later ones.
// A link may be cut at any moment: what is on its way is lost, and the board hears of it. Nothing is damaged: TCP
// and MQTT see to that; damaged frames are the codec tests' matter.
//
// Frames are the real ones: made by the codec, handed over as copies, read by the codec.

import type { Random } from './random.ts';
import type { Time } from './time.ts';

export interface Faults {
  lost: number;
  doubled: number;
  /** Longest delay of a frame, milliseconds. */
  delayMs: number;
}

export const NO_FAULTS: Faults = { lost: 0, doubled: 0, delayMs: 1 };

export class Network {
  faults: Faults = NO_FAULTS;
  frames = 0;
  bytes = 0;
  private readonly random: Random;
  private readonly time: Time;
  // A cut link's frames belong to an earlier epoch and are not delivered.
  private readonly epochs = new Map<string, number>();

  constructor(random: Random, time: Time) {
    this.random = random;
    this.time = time;
  }

  cut(board: string): void {
    this.epochs.set(board, this.epoch(board) + 1);
  }

  private epoch(board: string): number {
    return this.epochs.get(board) ?? 0;
  }

  carry(board: string, frame: Uint8Array, deliver: (frame: Uint8Array) => void): void {
    this.frames++;
    this.bytes += frame.length;
    if (this.random.chance(this.faults.lost)) return;
    const copies = this.random.chance(this.faults.doubled) ? 2 : 1;
    const epoch = this.epoch(board);
    for (let copy = 0; copy < copies; copy++) {
      const bytes = frame.slice();
      const delay = this.faults.delayMs === 0 ? 0 : this.random.below(this.faults.delayMs + 1);
      this.time.after(delay, () => {
        if (this.epoch(board) === epoch) deliver(bytes);
      });
    }
  }
}
