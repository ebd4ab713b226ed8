// Whether an agent is well, for a watchdog that starts it again, or the whole board, when it is not. Pure: it is given
// a status now and then, and the time.
//
//   well      it rests rightly: nothing is to be done
//             it waits for a person: a full disk, a folder that is not there, a refusal; no start heals that
//             it works, and something has moved within STUCK_MS
//   not well  there is something to do, nothing is in the way, and nothing moves
//
// A loop that is stuck asks for no judgement and tells nobody that all is well: that is the other half.
//
// What moves is taken widely: positions, counts, bytes read, sent and received, a connection begun. So one whose peer
// is silent is well while it asks again: a board that starts over and over for a gateway that is away would be worse
// than one that waits. It cannot see one that asks for ever for what it will never get.

import type { AgentStatus } from './status.ts';

/** With nothing moving for so long, nothing will: every wait of the agent's own is under a minute (a connection is
 * tried every 30 s, an unanswered question asked again after 10 s); the rest is for a slow disk. */
export const STUCK_MS = 10 * 60_000;

export class Pulse {
  private seen = '';
  private movedAt = Number.NEGATIVE_INFINITY;

  /** `now`: milliseconds of a clock that nobody sets. */
  isWell(status: AgentStatus, now: number): boolean {
    const seen = movementOf(status);
    if (seen !== this.seen || isResting(status)) {
      this.seen = seen;
      this.movedAt = now;
    }
    return now - this.movedAt < STUCK_MS;
  }
}

const isResting = ({ state }: AgentStatus): boolean => state === 'idle' || state === 'trouble';

function movementOf(status: AgentStatus): string {
  const { state, link, position, settled, pending, bytes, scan, catalog, progress, lastError } = status;
  return [
    ...[state, link.up, link.tries, position, settled],
    ...[pending.up, pending.down, pending.bytesUp, pending.bytesDown],
    ...[bytes.in, bytes.out, scan.seen, scan.read, catalog.commits, progress?.bytesDone, lastError?.at],
  ].join(' ');
}
