// `toastbox restore`: makes a version current again, for everyone, or puts it elsewhere on this machine.

import { Failure } from '../../agent/failure.ts';
import { type Access, openAccess, openReader } from '../../gateway/history/access.ts';
import { exportTo, type Wish } from '../../gateway/history/export.ts';
import { plan } from '../../gateway/history/plan.ts';
import { standing, stateAt } from '../../gateway/history/tree.ts';
import { findVersion, isLive } from '../../gateway/history/versions.ts';
import type { Wanted } from '../../gateway/hub/restore.ts';
import { versionOf } from '../../gateway/hub/verdict.ts';
import { WANTED_MAX } from '../../gateway/restoring.ts';
import type { Store, Version } from '../../gateway/store/port.ts';
import { Kind, Verdict } from '../../protocol/messages.ts';
import type { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { Screen } from '../screen/screen.ts';
import { lostText, Told } from '../screen/told.ts';
import { momentText } from '../screen/version.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { dataOf, historyLine, type Place, placeOf, shareLine } from '../settings/store.ts';

/** Of base64 in one question: well under what a control socket takes. */
const QUESTION_BYTES_MAX = 32 * 1024;

export async function restoreCommand({ words, world, out, errors }: Invocation): Promise<Exit> {
  const { settings, argument } = resolveSettings('restore', words, world);
  const screen = new Screen({ out, errors, progress: 'none', isQuiet: false });
  const data = dataOf(settings.data, world.directory);
  const { at, version: number, to, json } = settings;
  const access = to === undefined ? await openAccess(data) : undefined;
  const store = access?.store ?? openReader(data);
  try {
    const place = placeOf(store, argument!);
    const told = new Told(screen, place.folder.share, at, json);
    const version = chosen(store, place, argument!, { at, number, told, data: settings.data });
    const wish = { ...place, version, time: at };
    if (access !== undefined) await restore(access, wish, told);
    else told.put(to!, version, exportTo(store, wish, to!, told));
    return told.end();
  } finally {
    await (access ?? store).close();
  }
}

/** By what a version is chosen, and what says where nothing fits. */
interface Choice {
  at: number | undefined;
  number: number | undefined;
  told: Told;
  /** As it was given: the advice is to be typed as it stands. */
  data: string | undefined;
}

/** The version that is wanted back; undefined for the root of a share. */
function chosen(
  store: Store,
  { folder, path }: Place,
  text: string,
  { at, number, told, data }: Choice,
): Version | undefined {
  const see = `${historyLine(text, data)} lists what there is`;
  const current = store.current(folder.number, path);
  if (path.length === 0 && at !== undefined) return undefined;
  if (path.length > 0 && current === undefined)
    throw new Failure('usage', `${text}: nothing was ever kept of it`, shareLine(text, data));
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
    const state = stateAt(store, folder, path, at);
    const version = standing(state);
    if (state.oldest !== undefined && isLive(version)) told.onLost(path, state.oldest);
    if (isLive(version)) return version;
    if (state.oldest !== undefined) throw new Failure('usage', `${text}: ${lostText(state.oldest)}`, see);
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
  { folder, path, version, time }: Wish,
  told: Told,
): Promise<void> {
  const send = async (wanted: readonly Wanted[]) => {
    const answers = await commit(folder.share, wanted);
    for (const [index, each] of wanted.entries()) {
      const { verdict, seq } = answers[index] ?? { verdict: Verdict.BUSY, seq: 0 };
      told.answer(each, seq, WHY_NOT[verdict]);
    }
  };
  let batch: Wanted[] = [];
  let bytes = 0;
  // The plan is read to its end first: what is committed below must not move what is still to be read.
  for (const wanted of [...plan(store, folder, path, version, time, told.onLost)]) {
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
}

const WHY_NOT: Readonly<Partial<Record<Verdict, string>>> = {
  [Verdict.STALE]: 'it changed just now: look at its history again',
  [Verdict.CONFLICT]: 'it changed just now: look at its history again',
  [Verdict.NOT_EMPTY]:
    'a directory that holds something stands there: move it away, or put this elsewhere by --to',
  [Verdict.NO_PARENT]: 'what is above it is no directory now: move that away, or put this elsewhere by --to',
  [Verdict.BUSY]: 'the gateway cannot keep changes now: see its status',
  [Verdict.REFUSED]: 'its content is not kept any more, or damaged',
};
