// What a traced process wrote to one file, and what it sent, in order: strace's lines as events. A disk may keep any of
// what was written since the last sync, so a power cut has many outcomes: images() makes some of them.
//
//   write, write, sync, write (O_DSYNC), sent, write ...
//   '----lost or kept---'  durable        '-- told: what it says must be in every image from here on

import type { Random } from '../sim/random.ts';

export type Event =
  | { is: 'write'; offset: number; bytes: Buffer; isDurable: boolean }
  | { is: 'sync' }
  /** Names of its directory are durable after one was removed there. */
  | { is: 'named' }
  | { is: 'sent'; bytes: Buffer };

/** Follows every thread; strings in full, as hexadecimal; -D: the traced process is the caller's own child. */
export const STRACE = (output: string): string[] => [
  ...['strace', '-D', '-f', '-y', '-xx', '-s', '10000000', '--seccomp-bpf', '-o', output],
  ...[
    '-e',
    'trace=openat,lseek,pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,fdatasync,fsync,msync,ftruncate,unlink',
  ],
];

/** A device writes its sectors one by one. */
const SECTOR_BYTES = 512;

/** Events of the file `directory/name`, and of everything that went to sockets. */
export function readEvents(text: string, directory: string, name: string): Event[] {
  const events: Event[] = [];
  const file = `${directory}/${name}`;
  let isRemoved = false;
  /** Calls that other threads' came between, by thread. */
  const begun = new Map<string, string>();
  const durable = new Set<string>();
  /** Where each descriptor stands. */
  const places = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, thread, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined || rest === undefined) continue;
    const isBegun = rest.endsWith('<unfinished ...>');
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const call = resumed === null ? rest : `${begun.get(thread) ?? ''}${resumed[1]}`;
    if (isBegun) begun.set(thread, rest.slice(0, -'<unfinished ...>'.length).trimEnd());

    if (call.startsWith('unlink(')) isRemoved ||= bytesOf(call).toString().startsWith(`${directory}/`);
    const [, what, target] = /^(\w+)\((?:AT_FDCWD|\d+)<([^>]*)>/.exec(call) ?? [];
    if (what === undefined || target === undefined) continue;
    if (what === 'openat') {
      const [, fd, path] = / = (\d+)<([^>]*)>$/.exec(call) ?? [];
      if (fd !== undefined && fromHex(path!).toString() === file && /O_D?SYNC/.test(call)) durable.add(fd);
      continue;
    }
    const path = fromHex(target).toString();
    if (/^(socket|TCP|UNIX)/.test(path)) {
      // Told when it begins to be sent; what resumes was told already.
      if (resumed === null && what !== 'fsync') events.push({ is: 'sent', bytes: bytesOf(call) });
      continue;
    }
    if (path === directory && what === 'fsync' && !isBegun && isRemoved) {
      isRemoved = false;
      events.push({ is: 'named' });
    }
    // Written and synced when it is done.
    if (path !== file || isBegun) continue;
    const fd = /\((\d+)</.exec(call)![1]!;
    if (what === 'fdatasync' || what === 'fsync') events.push({ is: 'sync' });
    else if (what === 'lseek') places.set(fd, Number(/ = (\d+)$/.exec(call)![1]));
    else if (what === 'pwrite64' || what === 'pwritev' || what === 'writev') {
      const bytes = bytesOf(call);
      const stands = places.get(fd) ?? 0;
      const offset = what === 'writev' ? stands : Number(/, (\d+)\) += \d+$/.exec(call)![1]);
      if (what === 'writev') places.set(fd, stands + bytes.length);
      if (!call.endsWith(`= ${bytes.length}`)) throw new Error(`a short write: ${call.slice(-80)}`);
      events.push({ is: 'write', offset, bytes, isDurable: durable.has(fd) });
    } else throw new Error(`${what} of ${file} is not played`);
  }
  return events;
}

const bytesOf = (call: string): Buffer =>
  Buffer.concat([...call.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(match => fromHex(match[1]!)));

const fromHex = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex');

/** What the medium may hold when the power goes after event 1, 2, 3 ...: nothing unsynced, all of it, and some. */
export function* images(
  events: readonly Event[],
  random: Random,
): Generator<{ after: number; image: Buffer; kept: string }> {
  let medium: Buffer = Buffer.alloc(0);
  let pending: { offset: number; bytes: Buffer }[] = [];
  for (const [index, event] of events.entries()) {
    if (event.is === 'sent' || event.is === 'named') continue;
    if (event.is === 'sync') {
      medium = written(medium, pending);
      pending = [];
    } else if (event.isDurable) medium = written(medium, [event]);
    else pending.push(event);
    const after = index + 1;
    yield { after, image: medium, kept: 'nothing unsynced' };
    if (pending.length === 0) continue;
    yield { after, image: written(medium, pending), kept: 'all' };
    yield { after, image: written(medium, sectorsOf(pending, random)), kept: 'some sectors' };
  }
}

function sectorsOf(writes: readonly { offset: number; bytes: Buffer }[], random: Random): typeof writes {
  const share = random.pick([0.1, 0.5, 0.9]);
  const sectors: { offset: number; bytes: Buffer }[] = [];
  for (const { offset, bytes } of writes)
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES)
      if (random.chance(share))
        sectors.push({ offset: offset + at, bytes: bytes.subarray(at, at + SECTOR_BYTES) });
  return sectors;
}

function written(image: Buffer, writes: readonly { offset: number; bytes: Buffer }[]): Buffer {
  const end = writes.reduce((most, { offset, bytes }) => Math.max(most, offset + bytes.length), image.length);
  const next = Buffer.alloc(end);
  image.copy(next);
  for (const { offset, bytes } of writes) bytes.copy(next, offset);
  return next;
}
