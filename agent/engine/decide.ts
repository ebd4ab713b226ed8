// The planner: three states of one path in, the one thing to do out. Pure, and the only place that decides.
//
//   local    what is on disk          synced   what both ends last agreed on
//   remote   what the gateway last said
//
//   local = synced   remote = synced   settled
//   local = synced   remote moved on   APPLY       the gateway's version comes to the disk
//   local moved on   any               READ        until its content is known
//   local moved on   remote = synced   OFFER       the gateway decides: accepted, or someone came first
//   local moved on   remote the same   ADOPT       both ends made the same change
//   local moved on   remote moved on   OFFER       the gateway decides: stale, conflict, or an edit beat a delete
//
// An offer is made against synced: its seq is the base. The board never resolves a conflict by itself, so two
// boards cannot resolve one differently.

import { Kind } from '../../protocol/messages.ts';
import { type Entry, hasSameContent, hasSameFacts, type Local, type Version } from './entry.ts';

export const Action = { SETTLED: 0, READ: 1, ADOPT: 2, OFFER: 3, APPLY: 4 } as const;
export type Action = (typeof Action)[keyof typeof Action];

/** Whether the disk shows the version, in all that travels. Undefined on both sides: nothing, as agreed. */
export function isAt(local: Local | undefined, version: Version | undefined): boolean {
  const isNothing = version === undefined || version.kind === Kind.ABSENT;
  if (local === undefined || isNothing) return local === undefined && isNothing;
  return hasSameContent(local, version) && hasSameFacts(local, version);
}

export function decide(entry: Entry): Action {
  const { local, synced, remote } = entry;
  if (isAt(local, synced)) return remote === undefined ? Action.SETTLED : Action.APPLY;
  if (local !== undefined && local.content === undefined) return Action.READ;
  if (remote === undefined) return Action.OFFER;
  const isGoneOnBoth = local === undefined && remote.kind === Kind.ABSENT;
  if (isGoneOnBoth || (local !== undefined && hasSameContent(local, remote))) return Action.ADOPT;
  return Action.OFFER;
}

/** Whether the path waits for this board to read, adopt or offer it. */
export const isLocalPending = (action: Action): boolean =>
  action === Action.READ || action === Action.ADOPT || action === Action.OFFER;
