// The talk with the gateway: hello, what is new, what is settled.
//
//            linkUp                welcome, our folder
//   DOWN ------------> GREETING ------------------------> LIVE
//    ^                  | ^  hello again after HELLO_MS    | `again`, a malformed frame, a stranger: GREETING
//    '---- linkDown ----+-+--------------------------------'
//                       |
//                       '-- welcome, another folder or a history that is not ours: start over
//                       '-- refuse: said, and tried again after REFUSED_MS
//
// Nothing is remembered across sessions but the catalog: whatever was under way is derived from it again.
//
// A gateway's store may be put back from a copy, and count on from there. Whether what is known here is of the history
// that it has, it sees at hello, by terms. So changes are taken only from the start of it that said welcome: of another
// one, whose frames come late or whose welcome was lost, nothing is known. With such a stranger the session begins
// anew, HELLO_MS after the last hello at the earliest, or two gateways on one broker would never let it rest.

import { sameBytes } from '../../protocol/bytes.ts';
import { FRAME_BYTES_MIN, VERSION_MAX, VERSION_MIN } from '../../protocol/limits.ts';
import type { Message, MessageNamed } from '../../protocol/messages.ts';
import type { Apply } from './apply.ts';
import type { Core } from './core.ts';
import { NO_CONTENT } from './entry.ts';

const HELLO_MS = 5_000;
const REFUSED_MS = 30_000;
const ANSWER_MS = 10_000;
/** Frames of changes asked for at once. */
const CREDIT = 4;

type State = 'down' | 'greeting' | 'live';

export class Session {
  state: State = 'down';
  head = 0;
  /** What a gateway that refuses says. */
  refusal: string | undefined;
  /** The link's largest frame; the gateway's is known after welcome. */
  private linkBytesMax = 0;
  private helloAt = 0;
  private askedAt = 0;
  private credit = 0;
  /** The start of the gateway that said welcome. */
  private term: Uint8Array = NO_CONTENT;
  /** Another one was heard. */
  private isStranger = false;
  private readonly core: Core;
  private readonly apply: Apply;

  constructor(core: Core, apply: Apply) {
    this.core = core;
    this.apply = apply;
  }

  onLinkUp(frameBytesMax: number): void {
    this.linkBytesMax = frameBytesMax;
    if (frameBytesMax < FRAME_BYTES_MIN) {
      this.core.trouble(new Uint8Array(0), 'EMSGSIZE', `using a broker that takes ${frameBytesMax} bytes`);
      return;
    }
    this.greet();
  }

  onLinkDown(): void {
    this.state = 'down';
    this.core.isLive = false;
  }

  /** Begins anew on a link that is up. */
  greet(): void {
    if (this.linkBytesMax < FRAME_BYTES_MIN) return;
    const { core } = this;
    this.state = 'greeting';
    core.isLive = false;
    this.isStranger = false;
    this.helloAt = core.now;
    core.wake(core.now + HELLO_MS);
    const { ahead } = core.catalog;
    this.send({
      is: 'hello',
      session: core.options.session,
      versionMin: VERSION_MIN,
      versionMax: VERSION_MAX,
      share: core.options.share,
      folder: core.catalog.folder,
      position: core.catalog.position,
      frameBytesMax: this.linkBytesMax,
      window: core.options.windowFrames,
      software: core.options.software,
      term: core.catalog.positionTerm,
      ahead: ahead.seq,
      aheadTerm: ahead.term,
      trail: core.catalog.trail,
    });
  }

  private send(message: Message): void {
    this.core.emit({ do: 'send', message, body: undefined });
  }

  tick(): void {
    const { now } = this.core;
    if (this.state === 'greeting') {
      const due = this.helloAt + (this.refusal === undefined ? HELLO_MS : REFUSED_MS);
      if (now >= due) this.greet();
      else this.core.wake(due);
    }
    if (this.isStranger) {
      if (now >= this.helloAt + HELLO_MS) this.onStranger();
      else this.core.wake(this.helloAt + HELLO_MS);
    }
    if (this.credit > 0) {
      if (now >= this.askedAt + ANSWER_MS) this.credit = 0;
      else this.core.wake(this.askedAt + ANSWER_MS);
    }
  }

  /** Asks for changes as long as the gateway has some that are not recorded here. */
  pump(): void {
    const { position } = this.core.catalog;
    if (this.state === 'live' && position >= this.head && !this.core.isCaughtUp) {
      this.core.isCaughtUp = true;
      this.core.isLocalMarked = true; // what is held against the common history waited for this
    }
    if (this.state !== 'live' || this.credit > 0 || position >= this.head) return;
    this.credit = CREDIT;
    this.askedAt = this.core.now;
    this.core.wake(this.core.now + ANSWER_MS);
    this.send({ is: 'next', session: this.core.options.session, after: position, credit: CREDIT });
  }

  /** True when a session begins: whatever was under way begins anew. */
  onWelcome(message: MessageNamed<'welcome'>): boolean {
    const { catalog } = this.core;
    if (this.state !== 'greeting') {
      this.check(message.term);
      return false;
    }
    this.refusal = undefined;
    const known = catalog.folder;
    if (known.length > 0 && !sameBytes(known, message.folder)) {
      this.core.emit({ do: 'startOver', why: 'the gateway has another folder under this name', common: 0 });
      return false;
    }
    const common = Math.min(message.head, message.common);
    if (common < Math.max(catalog.position, catalog.ahead.seq)) {
      const why = 'the gateway is older than what it told before';
      this.core.emit({ do: 'startOver', why, common: Math.min(common, catalog.settledPosition()) });
      return false;
    }
    if (known.length === 0) catalog.folder = message.folder;
    this.term = message.term;
    catalog.trail = message.trail;
    this.state = 'live';
    this.core.isCaughtUp = false;
    this.head = message.head;
    this.credit = 0;
    this.core.isLive = true;
    this.core.frameBytesMax = Math.min(this.linkBytesMax, message.frameBytesMax);
    this.core.note({ kind: 'session', text: `joined at change ${message.head}`, time: message.time });
    return true;
  }

  onRefuse(reason: string): void {
    // It waits for a person, so it is a trouble: said also where little is, and kept as the last error.
    if (this.refusal !== reason) this.core.trouble(NO_CONTENT, reason, 'the gateway refuses');
    this.refusal = reason;
    this.state = 'greeting';
    this.core.isLive = false;
    this.helloAt = this.core.now;
    this.core.wake(this.core.now + REFUSED_MS);
  }

  onHead(head: number): void {
    this.head = Math.max(this.head, head);
  }

  /** Records changes that follow what is recorded. What a peer may not say, or undefined. */
  onChanges(message: MessageNamed<'changes'>): string | undefined {
    const { catalog } = this.core;
    if (!this.check(message.term)) return undefined;
    // What is known already is passed over: an own change may have moved the position meanwhile.
    const { position } = catalog;
    // Nothing follows what is known, though a head was told: by another start of the gateway, before it went.
    if (message.after === position && message.upto === position) this.head = position;
    if (message.after > position || message.upto <= position) return undefined; // lost before, late or doubled
    let last = message.after;
    for (const item of message.items) {
      if (item.seq <= last || item.seq > message.upto) return 'changes out of order';
      last = item.seq;
      const fault = item.seq > position ? this.apply.record(item) : undefined;
      if (fault !== undefined) return fault;
    }
    catalog.advance(message.upto, message.uptoTerm);
    this.onHead(message.upto);
    // The last frame of an answer: nothing more comes of it, whatever credit is left.
    this.credit = message.upto >= this.head ? 0 : Math.max(0, this.credit - 1);
    this.askedAt = this.core.now;
    return undefined;
  }

  /** Whether this start of the gateway is the one that said welcome. */
  private check(term: Uint8Array): boolean {
    if (sameBytes(term, this.term)) return true;
    if (this.state === 'live') {
      this.isStranger = true;
      this.core.wake(Math.max(this.core.now, this.helloAt + HELLO_MS));
    }
    return false;
  }

  /** The session is to begin anew. */
  onStranger: () => void = () => {};
}
