// What is asked of the gateway for the fetches under way, and how much at a time.
//
// Credit: the board asks for so many frames of content at a time (`windowFrames`), whatever the number of slots, so
// that is what can arrive. A file of any size passes through. What did not come by ANSWER_MS is asked for again.

import { RUN_BYTES_MAX } from '../../protocol/limits.ts';
import type { PullItem } from '../../protocol/messages.ts';
import type { Gauge } from '../gauge.ts';
import type { Core } from './core.ts';
import { NO_CONTENT } from './entry.ts';
import type { Fetch, Fetching } from './fetching.ts';

const ANSWER_MS = 10_000;

export class Pulls {
  private readonly core: Core;
  private readonly fetching: Fetching;
  private readonly items: PullItem[] = [];
  private readonly gauge: Gauge;
  private readonly windowBytes: number;
  private isMarked = false;
  private wasLive = false;

  constructor(core: Core, fetching: Fetching) {
    this.core = core;
    this.fetching = fetching;
    this.windowBytes = core.options.windowFrames * RUN_BYTES_MAX;
    this.gauge = core.gauge(
      'pull window',
      this.windowBytes,
      'waits',
      () => this.fetching.bytesAsked,
      'bytes',
    );
  }

  /** Something may be asked for that could not be before. */
  mark(): void {
    this.isMarked = true;
  }

  /** The link is gone: what was asked for will not come. */
  reset(): void {
    for (const fetch of this.fetching.all()) {
      fetch.frames = 0;
      this.fetching.note(fetch);
    }
    this.items.length = 0;
    this.mark();
  }

  tick(): void {
    for (const fetch of this.fetching.all()) {
      if (fetch.state !== 'pulling' || fetch.frames === 0) continue;
      if (this.core.now >= fetch.heardAt + ANSWER_MS) {
        fetch.frames = 0;
        this.fetching.note(fetch);
        this.mark();
      } else this.core.wake(fetch.heardAt + ANSWER_MS);
    }
  }

  /** Takes up what may be asked for now. */
  pump(): void {
    const { isLive } = this.core;
    if (isLive && (this.isMarked || !this.wasLive)) this.askAll();
    this.wasLive = isLive;
  }

  /** Sends what was taken up. */
  flush(): void {
    if (this.items.length === 0) return;
    const items = this.items.splice(0);
    const message = { is: 'pull', session: this.core.options.session, items } as const;
    this.core.emit({ do: 'send', message, body: undefined });
  }

  private askAll(): void {
    this.isMarked = false;
    for (const fetch of this.fetching.asking()) {
      if (this.fetching.bytesAsked >= this.windowBytes) {
        this.gauge.met();
        break;
      }
      this.ask(fetch);
    }
    this.gauge.grew();
  }

  private ask(fetch: Fetch): void {
    const { bytesAsked: asked } = this.fetching;
    const left = fetch.version.size - fetch.offset;
    const room = this.windowBytes - asked;
    const wanted = Math.min(Math.ceil(left / RUN_BYTES_MAX), Math.floor(room / RUN_BYTES_MAX));
    const credit = Math.max(asked === 0 ? 1 : 0, wanted);
    if (credit === 0 && left > room) {
      this.gauge.met();
      return;
    }
    fetch.frames = Math.max(credit, 1);
    fetch.heardAt = this.core.now;
    this.core.wake(this.core.now + ANSWER_MS);
    const { req, offset, version } = fetch;
    const base = fetch.base?.local.content ?? NO_CONTENT;
    this.items.push({ req, content: version.content, base, offset, credit: fetch.frames });
    this.fetching.note(fetch);
  }
}
