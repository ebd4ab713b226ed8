// A gateway's store from beside it: to read, and to bring versions back.
//
// A gateway that runs is asked to make the change (restoring.ts has the question). Where none runs, this process takes
// its place for a moment: it holds the control socket, so that none starts meanwhile, and writes the store itself.

import { join } from 'node:path';
import { openLeastArena } from '../../agent/arena/arena.ts';
import { ask, type Control, openControl } from '../../agent/control.ts';
import { Failure } from '../../agent/failure.ts';
import { type Restored, restoreVersion, type Wanted } from '../hub/restore.ts';
import { answersOf, questionOf } from '../restoring.ts';
import { openLmdbStore, readLmdbStore } from '../store/lmdb.ts';
import type { Store } from '../store/port.ts';

/** A gateway at a slow disk may take its time to commit. */
const ANSWER_MS = 60_000;

export interface Access {
  store: Store;
  /** What became of each, durable. */
  commit(share: string, wanted: readonly Wanted[]): Promise<readonly Restored[]>;
  close(): Promise<void>;
}

const storeOf = (data: string): string => join(data, 'store');

/** To read it only; no block that is not what its id says. */
export const openReader = (data: string): Store => readLmdbStore(storeOf(data), openLeastArena());

export async function openAccess(data: string): Promise<Access> {
  const control = await takePlace(data);
  if (control === undefined) {
    const store = openReader(data);
    return {
      store,
      commit: (share, wanted) => askGateway(data, share, wanted),
      close: () => store.close(),
    };
  }
  const store = openLmdbStore(storeOf(data));
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
