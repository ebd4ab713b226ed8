// `toastbox restore`: makes a version current again, for everyone, or puts it elsewhere on this machine.
//
// A gateway that runs is asked to make the change (restoring.ts has the question). Where none runs, this process takes
// its place for a moment: it holds the control socket, so that none starts meanwhile, and writes the store itself.

import { ask, type Control, openControl } from '../agent/control.ts';
import { Failure } from '../agent/failure.ts';
import { exportTo, type Wish } from '../gateway/history/export.ts';
import { plan } from '../gateway/history/plan.ts';
import { versionAt } from '../gateway/history/tree.ts';
import { findVersion, isLive } from '../gateway/history/versions.ts';
import { type Restored, restoreVersion, type Wanted } from '../gateway/hub/restore.ts';
import { versionOf } from '../gateway/hub/verdict.ts';
import { answersOf, questionOf, WANTED_MAX } from '../gateway/restoring.ts';
import type { Store, Version } from '../gateway/store/port.ts';
import { Kind, Verdict } from '../protocol/messages.ts';
import { printable, printableText } from '../protocol/path.ts';
import { Exit, failureOf } from './exits.ts';
import { bytesText, countText } from './figures.ts';
import type { Invocation } from './invocation.ts';
import { loadReader, loadWriter } from './load.ts';
import { Screen } from './screen.ts';
import { resolveSettings } from './settings.ts';
import { dataOf, type Place, placeOf, storeOf } from './store.ts';
import { momentText, whatOf } from './version.ts';

/** Of base64 in one question: well under what a control socket takes. */
const QUESTION_BYTES_MAX = 32 * 1024;
/** A gateway at a slow disk may take its time to commit. */
const ANSWER_MS = 60_000;

type Commit = (share: string, wanted: readonly Wanted[]) => Promise<readonly Restored[]>;

interface Access {
  store: Store;
  commit: Commit;
  close(): Promise<void>;
}

export async function restoreCommand({ words, world, out, errors }: Invocation): Promise<Exit> {
  const { settings, argument } = resolveSettings('restore', words, world);
  const screen = new Screen({ out, errors, progress: 'none', isQuiet: false });
  const data = dataOf(settings.data, world.directory);
  const { at, version: number, to, json } = settings;
  const access = to === undefined ? await openAccess(data) : await readOnly(data);
  try {
    const place = placeOf(access.store, argument!);
    const version = chosen(access.store, place, argument!, at, number);
    if (to === undefined) return await restore(access, place, version, at, screen, json);
    return await putElsewhere(access.store, { ...place, version, time: at }, to, screen, json);
  } finally {
    await access.close();
  }
}

/** The version that is wanted back; undefined for the root of a share. */
function chosen(
  store: Store,
  { folder, path }: Place,
  text: string,
  at: number | undefined,
  number: number | undefined,
): Version | undefined {
  const see = `toastbox history ${text} lists what there is`;
  const current = store.current(folder.number, path);
  if (path.length === 0 && at !== undefined) return undefined;
  if (path.length > 0 && current === undefined)
    throw new Failure('usage', `${text}: nothing was ever kept of it`, see);
  if (number !== undefined) {
    const version = versionOf(store, folder.number, path, number);
    if (isLive(version)) return version;
    throw new Failure(
      'usage',
      `${text}: ${version === undefined ? `there is no version ${number}` : `version ${number} is a deletion`}`,
      see,
    );
  }
  if (at !== undefined) {
    const version = versionAt(store, folder, path, at);
    if (isLive(version)) return version;
    throw new Failure('usage', `${text}: it did not exist at ${momentText(at)}`, see);
  }
  const last = findVersion(store, folder, path, isLive);
  if (path.length === 0 || last?.kind === Kind.DIRECTORY)
    throw new Failure('usage', `${text} is a directory: say --at TIME, when it was as it shall be`, see);
  if (isLive(current))
    throw new Failure('usage', `${text} is there: say which version, --version NUMBER or --at TIME`, see);
  if (last !== undefined) return last;
  throw new Failure('usage', `${text}: only its deletion is kept`, see);
}

async function restore(
  { store, commit }: Access,
  { folder, path }: Place,
  version: Version | undefined,
  at: number | undefined,
  screen: Screen,
  isJson: boolean,
): Promise<Exit> {
  let restored = 0;
  let failed = 0;
  const send = async (wanted: readonly Wanted[]) => {
    const answers = await commit(folder.share, wanted);
    for (const [index, { path: each, version: number }] of wanted.entries()) {
      const { verdict, seq } = answers[index] ?? { verdict: Verdict.BUSY, seq: 0 };
      const name = `${folder.share}/${printable(each)}`;
      const why = WHY_NOT[verdict];
      if (why === undefined) restored++;
      else failed++;
      if (isJson) screen.say(JSON.stringify({ path: name, version: number, now: seq, ...(why && { why }) }));
      else if (why === undefined) screen.say(`restored ${name}: version ${number}, now ${seq}`);
      else screen.warn(`not restored ${name}: ${why}`);
    }
  };
  let batch: Wanted[] = [];
  let bytes = 0;
  // The plan is read to its end first: what is committed below must not move what is still to be read.
  for (const wanted of [...plan(store, folder, path, version, at)]) {
    const own = Math.ceil(wanted.path.length / 3) * 4 + 40;
    if (batch.length === WANTED_MAX || bytes + own > QUESTION_BYTES_MAX) {
      await send(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(wanted);
    bytes += own;
  }
  if (batch.length > 0) await send(batch);
  if (restored + failed === 0 && !isJson) screen.say('nothing to do: it is as it was');
  return failed === 0 ? Exit.FINE : Exit.FAILED;
}

async function putElsewhere(
  store: Store,
  wish: Wish,
  to: string,
  screen: Screen,
  isJson: boolean,
): Promise<Exit> {
  const { openLeastArena } = await import('../agent/arena/arena.ts');
  const { folder, version } = wish;
  const exported = exportTo(store, openLeastArena(), wish, to, (below, error) => {
    const path = `${folder.share}/${printable(below)}`;
    const why = printableText(failureOf(error).message);
    if (isJson) screen.say(JSON.stringify({ path, why }));
    else screen.warn(`not restored ${path}: ${why}`);
  });
  const { entries, bytes, stood, failed } = exported;
  if (isJson) screen.say(JSON.stringify({ to, version: version?.seq, ...exported }));
  else {
    const what =
      version === undefined || version.kind === Kind.DIRECTORY
        ? `${countText(entries)} ${entries === 1 ? 'entry' : 'entries'}, ${bytesText(bytes)}`
        : `version ${version.seq}, ${whatOf(version)}`;
    screen.say(`${to}: ${what}${stood === 0 ? '' : `; ${countText(stood)} stood there already`}`);
    if (failed > 0)
      screen.warn(`${countText(failed)} not restored; the same command again goes on with them`);
  }
  return failed === 0 ? Exit.FINE : Exit.FAILED;
}

const WHY_NOT: Readonly<Partial<Record<Verdict, string>>> = {
  [Verdict.STALE]: 'it changed just now: look at its history again',
  [Verdict.CONFLICT]: 'it changed just now: look at its history again',
  [Verdict.NOT_EMPTY]:
    'a directory that holds something stands there: move it away, or put this elsewhere by --to',
  [Verdict.NO_PARENT]: 'what is above it is no directory now: move that away, or put this elsewhere by --to',
  [Verdict.BUSY]: 'the gateway cannot keep changes now: see its status',
  [Verdict.REFUSED]: 'its content is not kept any more',
};

async function readOnly(data: string): Promise<Access> {
  const store = (await loadReader())(storeOf(data));
  return {
    store,
    commit: async () => {
      throw new Error('a store that is only read');
    },
    close: () => store.close(),
  };
}

async function openAccess(data: string): Promise<Access> {
  const control = await takePlace(data);
  if (control === undefined) {
    const access = await readOnly(data);
    return { ...access, commit: (share, wanted) => askGateway(data, share, wanted) };
  }
  const store = (await loadWriter())(storeOf(data));
  return {
    store,
    async commit(share, wanted) {
      const folder = store.folder(share)!;
      const outcome = store.transaction(() =>
        wanted.map(each => restoreVersion(store, folder, each, Date.now())),
      );
      if (outcome.isDurable) return outcome.value;
      throw new Failure('environment', `the store cannot keep it: ${outcome.code}`);
    },
    async close() {
      await store.close();
      await control.close();
    },
  };
}

/** Undefined: a gateway runs there. */
async function takePlace(data: string): Promise<Control | undefined> {
  try {
    const control = await openControl(data, {});
    if (control.why === undefined) return control;
    throw new Failure('environment', `${data}: ${control.why}`, 'put it elsewhere by --to');
  } catch (error) {
    if (error instanceof Failure && error.kind === 'running') return undefined;
    throw error;
  }
}

async function askGateway(data: string, share: string, wanted: readonly Wanted[]): Promise<Restored[]> {
  const answers = answersOf(await ask(data, questionOf(share, wanted), ANSWER_MS));
  if (typeof answers !== 'string') return answers;
  throw new Failure('runtime', `${data}: ${answers}`, 'try again in a moment');
}
