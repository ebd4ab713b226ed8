// `toastbox history`: the versions of a path, or what changed under a directory, in words or as JSON.

import { changesUnder, isLive, versionsOf } from '../../gateway/history/versions.ts';
import { readLmdbStore } from '../../gateway/store/lmdb.ts';
import type { Folder, Store, Version } from '../../gateway/store/port.ts';
import { Kind } from '../../protocol/messages.ts';
import { printable } from '../../protocol/path.ts';
import { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { Screen } from '../screen/screen.ts';
import { KIND_WORDS, momentText, whatOf, whoOf } from '../screen/version.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { dataOf, type Place, placeOf, shareLine, storeOf } from '../settings/store.ts';

const HEAD = `${'version'.padStart(9)}  ${'when'.padEnd(19)}  ${'board'.padEnd(16)}  what`;

export async function historyCommand({ words, world, out, errors }: Invocation): Promise<Exit> {
  const { settings, argument } = resolveSettings('history', words, world);
  const screen = new Screen({ out, errors, progress: 'none', isQuiet: false });
  const store = readLmdbStore(storeOf(dataOf(settings.data, world.directory)));
  try {
    const place = placeOf(store, argument!);
    const lines = (settings.json ? inJson : inWords)(store, place, settings.limit);
    let isKnown = false;
    for (const line of lines) {
      screen.say(line);
      isKnown = true;
    }
    if (isKnown) return Exit.FINE;
    screen.warn(`toastbox: nothing was ever kept of ${argument}`);
    if (place.path.length > 0) screen.warn(`  ${shareLine(argument!, settings.data)}`);
    return Exit.FAILED;
  } finally {
    await store.close();
  }
}

function* inWords(store: Store, { folder, path }: Place, limit: number): Generator<string> {
  let isHeaded = false;
  for (const { version, isCurrent, isThere } of first(versionsOf(store, folder, path), limit)) {
    if (!isHeaded) yield HEAD;
    isHeaded = true;
    yield `${rowOf(version)}${isCurrent ? ', current' : ''}${version.isCut ? ', older ones are no longer kept' : ''}${isThere || !isLive(version) ? '' : ', content not kept'}`;
  }
  let isUnder = false;
  for (const { path: below, version } of first(changesUnder(store, folder, path), limit)) {
    if (!isUnder) yield isHeaded ? '\nunder it, the newest change of each path:' : HEAD;
    isUnder = true;
    yield `${rowOf(version)}  ${folder.share}/${printable(below)}`;
  }
}

function rowOf(version: Version): string {
  const { seq, arrived } = version;
  return `${String(seq).padStart(9)}  ${momentText(arrived)}  ${whoOf(version).padEnd(16)}  ${whatOf(version)}`;
}

function* inJson(store: Store, { folder, path }: Place, limit: number): Generator<string> {
  for (const { version, isCurrent, isThere } of first(versionsOf(store, folder, path), limit))
    yield JSON.stringify({ ...factsOf(folder, path, version), current: isCurrent, there: isThere });
  for (const { path: below, version } of first(changesUnder(store, folder, path), limit))
    yield JSON.stringify({ ...factsOf(folder, below, version), current: true, there: true });
}

function factsOf({ share }: Folder, path: Uint8Array, version: Version) {
  const { seq, arrived, kind, mode, size, mtime, content } = version;
  return {
    path: `${share}/${printable(path)}`,
    version: seq,
    at: new Date(arrived).toISOString(),
    board: whoOf(version),
    kind: KIND_WORDS[kind],
    ...(kind === Kind.FILE ? { size, mtime: mtime / 1e6 } : {}),
    ...(kind === Kind.SYMLINK ? { target: printable(content) } : {}),
    ...(kind === Kind.FILE || kind === Kind.DIRECTORY ? { mode } : {}),
  };
}

function* first<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const item of items) {
    yield item;
    if (--left === 0) return;
  }
}
