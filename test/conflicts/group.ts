// Several simulated boards and a hub on links that lose nothing: a board is apart until it joins. One clock, no
// chance, so whatever happens is the boards' own doing and happens again.
//
// The first board is always there, as the gateway's plain copy is: what reaches it reached every replica.

import { type Arena, openArena } from '../../agent/arena/arena.ts';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { Hub } from '../../gateway/hub/hub.ts';
import type { HubEvent } from '../../gateway/hub/ports.ts';
import { sameBytes } from '../../protocol/bytes.ts';
import { decodeFrame, encodeFrameHeader } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX, ID_BYTES } from '../../protocol/limits.ts';
import type { BoardLink, BoardLinkHandlers } from '../../transport/link.ts';
import { type MemoryStore, openMemoryStore } from '../gateway/memory.ts';
import { Machine } from '../sim/machine.ts';
import { Time } from '../sim/time.ts';
import { makeBase } from './changes.ts';

interface Link {
  handlers: BoardLinkHandlers | undefined;
  isUp: boolean;
  contentBytes: number;
}

/** Hints are not told: changes are found by a rescan, all of them at once. */
const RESCAN_MS = 61_000;
const REST_MS_MAX = 30 * 60_000;
const STEP_MS = 1_000;

let hasher: Arena | undefined;

/** Three boards at rest on one base. */
export function openTrio(): { group: Group; copy: Machine; a: Machine; b: Machine } {
  const group = new Group(['copy', 'a', 'b']);
  const [copy, a, b] = group.machines as [Machine, Machine, Machine];
  for (const machine of group.machines) machine.start();
  makeBase(a.volume);
  group.look();
  group.rest();
  return { group, copy, a, b };
}

export class Group {
  readonly time = new Time();
  readonly machines: readonly Machine[];
  readonly store: MemoryStore = openMemoryStore({ bloomBits: 2 ** 12 });
  readonly story: string[] = [];
  readonly #links = new Map<string, Link>();
  readonly #hub: Hub;

  constructor(names: readonly string[]) {
    hasher ??= openArena({ bytes: 2 * 1024 * 1024 });
    this.#hub = new Hub({
      store: this.store,
      hasher,
      squeeze,
      newFolderId: () => new Uint8Array(ID_BYTES).fill(7),
      sharesMax: 64,
      frameBytesMax: FRAME_BYTES_MAX,
    });
    this.machines = names.map(name => {
      this.#links.set(name, { handlers: undefined, isUp: true, contentBytes: 0 });
      return new Machine(name, {
        time: this.time,
        openLink: (machine, handlers) => this.#openLink(machine.name, handlers),
        onLoss: () => {},
        tell: line => this.story.push(`${this.time.now % 1e9} ${line}`),
      });
    });
  }

  get head(): number {
    return this.store.folders()[0]?.head ?? 0;
  }

  /** Whether the history has this content of this path. */
  hasReplaced(path: string, content: Uint8Array): boolean {
    const [folder] = this.store.folders();
    const versions = this.store.versions(folder!.number, Buffer.from(path), 100);
    const isKnown = versions.some(version => sameBytes(version.content, content));
    return isKnown && this.store.content(content) !== undefined;
  }

  part(machine: Machine): void {
    const link = this.#links.get(machine.name)!;
    link.isUp = false;
    link.handlers?.down('apart');
  }

  /** Bytes of content that came from it: bodies of frames. */
  contentBytesFrom(machine: Machine): number {
    return this.#links.get(machine.name)!.contentBytes;
  }

  join(machine: Machine): void {
    this.#links.get(machine.name)!.isUp = true;
    this.#connect(machine.name);
  }

  /** Every board has looked through its whole folder since now. */
  look(): void {
    this.time.runFor(RESCAN_MS);
  }

  /** Runs until all that are joined say that nothing is left to do. */
  rest(): void {
    const end = this.time.now + REST_MS_MAX;
    do {
      if (this.time.now > end) throw new Error(['no rest:', ...this.#unrest(), ...this.story].join('\n'));
      this.time.runFor(STEP_MS);
    } while (this.#unrest().length > 0);
  }

  #unrest(): string[] {
    const joined = this.machines.filter(({ name }) => this.#links.get(name)!.isUp);
    return joined.flatMap(machine => {
      const engine = machine.sync?.look()?.engine;
      if (engine === undefined) return [`${machine.name} does not run`];
      const { link, pendingUp, pendingDown, isScanning, settled } = engine;
      const isAtRest =
        link === 'live' && pendingUp + pendingDown === 0 && !isScanning && settled === this.head;
      return isAtRest
        ? []
        : [`${machine.name}: ${link}, ${pendingUp} up, ${pendingDown} down, ${settled} of ${this.head}`];
    });
  }

  #openLink(board: string, handlers: BoardLinkHandlers): BoardLink {
    const link = this.#links.get(board)!;
    link.handlers = handlers;
    this.#connect(board);
    return {
      counts: {
        framesOut: 0,
        bytesOut: 0,
        framesIn: 0,
        bytesIn: 0,
        dropsOut: 0,
        dropsIn: 0,
        ups: 0,
        tries: 0,
      },
      queue: { bytes: 0, bytesMax: FRAME_BYTES_MAX, highWater: 0, drops: 0 },
      send: (frame, sent) => {
        this.time.after(1, () => link.handlers === handlers && sent());
        if (!link.isUp) return;
        const bytes = frame.slice();
        this.time.after(1, () => link.isUp && this.#receive(board, bytes));
      },
      setStatus: () => {},
      close: async () => {},
    };
  }

  #connect(board: string): void {
    const link = this.#links.get(board)!;
    this.time.after(1, () => {
      if (link.isUp) link.handlers?.up({ frameBytesMax: FRAME_BYTES_MAX, protocol: 5, broker: 'group' });
    });
  }

  #receive(board: string, bytes: Uint8Array): void {
    const decoded = decodeFrame(bytes, 'up', FRAME_BYTES_MAX);
    if ('malformed' in decoded) throw new Error(decoded.malformed);
    this.#links.get(board)!.contentBytes += decoded.body.length;
    this.#give({ is: 'message', board, message: decoded.message, body: decoded.body });
  }

  #give(event: HubEvent): void {
    const outcome = this.store.transaction(() => this.#hub.take(event, this.time.now));
    if (!outcome.isDurable) throw new Error(outcome.code);
    for (const effect of this.#hub.drain()) {
      if (effect.do === 'note')
        this.story.push(`${this.time.now % 1e9} gateway ${JSON.stringify(effect.note)}`);
      if (effect.do !== 'send') continue;
      const link = this.#links.get(effect.board)!;
      const header = encodeFrameHeader(effect.message);
      const frame = effect.body === undefined ? header : Buffer.concat([header, effect.body]);
      this.time.after(1, () => link.isUp && link.handlers?.frame(frame));
    }
    const { wakeAt } = this.#hub;
    if (wakeAt === Number.POSITIVE_INFINITY) return;
    this.time.after(Math.max(1, wakeAt - this.time.now), () => {
      if (this.time.now >= this.#hub.wakeAt) this.#give({ is: 'tick' });
    });
  }
}
