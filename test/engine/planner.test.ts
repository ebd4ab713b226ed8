// The planner alone, with a gateway that says what SPEC.md does: from 20,000 random triples of disk, agreed and told
// version of a path it comes to rest, both ends alike, and no content that somebody wrote is gone. TRIPLES=n for
// another count.

import { expect, test } from 'vitest';
import { Action, decide, isAt } from '../../agent/engine/decide.ts';
import type { Entry, Local, Version } from '../../agent/engine/entry.ts';
import { Kind } from '../../protocol/messages.ts';
import { Random } from '../sim/random.ts';

const TRIPLES = Number(process.env.TRIPLES ?? 20_000);
/** Read, offer, its verdict, apply: with a conflict in between, that many steps at most. */
const STEPS_MAX = 6;

const CONTENTS = ['a', 'b', 'c', 'd'];
const NOTHING = new Uint8Array(0);

function someVersion(random: Random, seq: number): Version {
  const kind = random.pick([Kind.FILE, Kind.FILE, Kind.FILE, Kind.SYMLINK, Kind.DIRECTORY, Kind.ABSENT]);
  const holds = kind === Kind.FILE || kind === Kind.SYMLINK;
  return {
    kind,
    seq,
    list: 0,
    mode: kind === Kind.SYMLINK || kind === Kind.ABSENT ? 0 : random.pick([0o644, 0o600]),
    size: kind === Kind.FILE ? 10 : 0,
    mtime: holds ? random.pick([1000, 2000]) : 0,
    content: holds ? Buffer.from(random.pick(CONTENTS).repeat(16)) : NOTHING,
  };
}

const onDisk = ({ kind, mode, size, mtime, content }: Version): Local | undefined =>
  kind === Kind.ABSENT ? undefined : { kind, mode, size, mtime, content, ctime: 1, inode: 7, list: 0 };

/** A triple, and what its file holds though it may not have been read. */
function someTriple(random: Random): { entry: Entry; truth: Version } {
  const agreed = random.chance(0.7) ? someVersion(random, 1) : undefined;
  const synced = agreed?.kind === Kind.ABSENT ? undefined : agreed;
  const truth = random.chance(0.4) && synced !== undefined ? synced : someVersion(random, 0);
  const local = onDisk(truth);
  const isUnread = local?.kind === Kind.FILE && random.chance(0.3);
  const remote = random.chance(0.6) ? someVersion(random, 2) : undefined;
  return {
    entry: { id: 0, local: isUnread ? { ...local, content: undefined } : local, synced, remote },
    truth,
  };
}

const idOf = (version: { kind: number; content: Uint8Array } | undefined): string =>
  version === undefined ? '' : `${version.kind} ${Buffer.from(version.content).toString()}`;

/** What stands on the disk, once it was read. */
const read = (local: Local | undefined): Omit<Version, 'seq'> | undefined =>
  local?.content === undefined ? undefined : { ...local, content: local.content };

const hasContent = ({ kind }: { kind: number }): boolean => kind === Kind.FILE || kind === Kind.SYMLINK;

/** Does what is decided until nothing is. What was set aside, what the gateway was given or had. */
function play(start: Entry, truth: Version): { end: Entry; known: Set<string> } {
  let entry = start;
  const known = new Set([start.synced, start.remote].map(idOf));
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    const { local, synced, remote } = entry;
    switch (decide(entry)) {
      case Action.SETTLED:
        return { end: entry, known };
      case Action.READ:
        if (local === undefined) throw new Error('nothing is to be read');
        entry = { ...entry, local: { ...local, content: truth.content } };
        break;
      case Action.ADOPT:
      case Action.APPLY: {
        if (remote === undefined) throw new Error('nothing was told');
        // Whatever goes from the disk is known elsewhere: it is what was agreed on, or the same as what comes.
        expect([idOf(synced), idOf(remote), '']).toContain(idOf(read(local)));
        const isGone = remote.kind === Kind.ABSENT;
        entry = { ...entry, local: onDisk(remote), synced: isGone ? undefined : remote, remote: undefined };
        break;
      }
      case Action.OFFER: {
        if (local !== undefined && local.content === undefined) throw new Error('offered unread');
        const offered = read(local);
        if (remote === undefined || (local !== undefined && remote.kind === Kind.ABSENT)) {
          known.add(idOf(offered)); // accepted: nothing came first, or an edit beats a deletion
          entry = { ...entry, synced: offered && { ...offered, seq: 3, list: 0 }, remote: undefined };
        } else if (local === undefined || idOf(offered) === idOf(synced)) {
          entry = { ...entry, synced: offered && { ...offered, seq: 1, list: 0 } }; // stale
        } else {
          known.add(idOf(offered)); // in conflict: set aside under another name
          entry = { ...entry, local: undefined, synced: undefined };
        }
        break;
      }
    }
  }
  throw new Error(`no rest after ${STEPS_MAX} steps`);
}

test(`planner: ${TRIPLES} random triples -> rest, both ends alike, nothing that was written is gone`, () => {
  const random = new Random(20);
  const starts = new Map<number, number>();
  for (let count = 0; count < TRIPLES; count++) {
    const { entry, truth } = someTriple(random);
    const first = decide(entry);
    starts.set(first, (starts.get(first) ?? 0) + 1);
    expect(decide(structuredClone(entry))).toBe(first);
    const { end, known } = play(entry, truth);
    expect(end.remote).toBeUndefined();
    expect(isAt(end.local, end.synced)).toBe(true);
    if (hasContent(truth)) expect([...known, idOf(read(end.local))]).toContain(idOf(truth));
  }
  // Each action is where many of them begin.
  for (const action of Object.values(Action)) expect(starts.get(action) ?? 0).toBeGreaterThan(TRIPLES / 200);
});
