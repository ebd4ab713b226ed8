// What a verdict of the gateway's changes in the catalog. `before` is the entry as it is now, with what was read for
// the offer.

import { type DoneItem, Kind, Verdict } from '../../protocol/messages.ts';
import type { Core } from './core.ts';
import { type Entry, hasSameContent } from './entry.ts';
import type { Offer } from './offered.ts';

/** ACCEPTED or SAME: both ends have what was offered. */
export function agree(core: Core, offer: Offer, before: Entry, { verdict, seq }: DoneItem): void {
  const { facts } = offer;
  // Read again meanwhile, it has a new list of the same blocks.
  const { list } = before.local !== undefined && hasSameContent(before.local, facts) ? before.local : facts;
  const synced = facts.kind === Kind.ABSENT ? undefined : { ...facts, seq, list };
  // SAME may still differ in time and permissions: then the gateway's are applied.
  const openFrom = verdict === Verdict.SAME ? seq : seq + 1;
  const isNewer = before.remote !== undefined && before.remote.seq >= openFrom;
  // One that came after ours may have been taken as agreed on: it was like what stood there before.
  const agreed = before.synced;
  const overtaking = agreed !== undefined && agreed.seq >= openFrom ? { ...agreed, list: 0 } : undefined;
  // A symlink's target was not kept then: all changes are asked for again, and those that are known passed over.
  const isToAsk =
    !isNewer &&
    overtaking?.kind === Kind.SYMLINK &&
    !(synced !== undefined && hasSameContent(synced, overtaking));
  if (isToAsk) core.catalog.rewind();
  const remote = isNewer ? before.remote : isToAsk ? undefined : overtaking;
  core.put(offer.place, { ...before, synced, remote }, before);
  core.keep(offer.path);
  if (verdict !== Verdict.ACCEPTED) return; // the gateway had it already
  core.counters.sentFiles++;
  core.note({ kind: 'sent', path: offer.path, what: facts.kind, bytes: offer.bytesSent });
}

/** STALE: the gateway knows this content as older than its own. Taken as agreed, the newer one is applied. */
export function giveWay(core: Core, offer: Offer, before: Entry, seq: number): void {
  const synced = offer.facts.kind === Kind.ABSENT ? undefined : { ...offer.facts, list: 0 };
  core.put(offer.place, { ...before, synced }, before);
  // A change that should have come long ago: ask for all of them again. Those that are known are passed over.
  if (before.remote === undefined && core.catalog.position >= seq) core.catalog.rewind();
}
