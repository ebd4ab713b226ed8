// Starts an agent on the real world: control socket, catalog file, folder, watcher, broker. Composes, decides
// nothing.

import { randomBytes, randomInt } from 'node:crypto';
import { readdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { RESERVED_NAME } from '../protocol/path.ts';
import { shownUrl } from '../transport/endpoint.ts';
import { connectBoard } from '../transport/mqtt.ts';
import { readNotice, writeClock } from './board.ts';
import { checkApart, claimFolder } from './claim.ts';
import { realClock } from './clock.ts';
import { type Answers, type Control, NO_CONTROL, openControl } from './control.ts';
import { openPages } from './disk/pages.ts';
import { realScheduler } from './disk/schedule.ts';
import { realSystem } from './disk/system.ts';
import { InotifyWatcher } from './disk/watcher.ts';
import { endpointOf } from './endpoint.ts';
import { Failure, systemFailure } from './failure.ts';
import type { GaugeReading } from './gauge.ts';
import { Book } from './memory/book.ts';
import type { AgentLedger } from './memory/ledger.ts';
import { type AgentOptions, CATALOG_NAME, type RunningAgent } from './options.ts';
import { makePrivate } from './private.ts';
import { factsOf, Report } from './report.ts';
import { Sweep } from './sweep.ts';
import { Sync, type SyncPorts } from './sync.ts';
import { VERSION } from './version.ts';

/** A catalog that was set aside. */
const ASIDE = /^catalog\.\d{8}T\d{6}$/;
/** In the folder: files on their way in (disk/home.ts). */
const STAGE_PLACE = `${RESERVED_NAME}/stage`;
/** Between looks at the status: whether the retained one is still true, and whether there is rest. */
const STATUS_MS = 1_000;
/** Files on their way down at once: a quarter of a megabyte of heap. */
const FETCHES_MAX = 512;
/** Frames of content on their way at once: four of 32 KiB, which the arena has cells for (assembly/plan.ts). */
const WINDOW_FRAMES = 4;

/** The real outside but for the link: what the agent and the gateway's plain copies share. */
export function realPorts(
  state: string,
  watches: number,
): Omit<SyncPorts, 'openLink' | 'onNote' | 'onLog' | 'onFail'> {
  const catalog = join(state, CATALOG_NAME);
  return {
    system: realSystem,
    scheduler: realScheduler,
    clock: realClock(),
    openWatcher: ports => new InotifyWatcher(ports, watches),
    openPages: () => openPages(catalog),
    setCatalogAside() {
      // The last one is enough to see what happened: a disk that damages files must not be filled with them.
      for (const name of readdirSync(state)) if (ASIDE.test(name)) unlinkSync(join(state, name));
      const aside = `${catalog}.${new Date().toISOString().replaceAll(/[-:]|\..*/g, '')}`;
      renameSync(catalog, aside);
      return aside;
    },
    freshMarker: () => randomBytes(16).toString('hex'),
    draw: limit => randomInt(limit),
  };
}

/** One that is missing may be a disk that is not mounted: making it would sync an empty folder. */
function checkFolder(folder: string): void {
  try {
    if (statSync(folder).isDirectory()) return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw systemFailure(`the folder ${folder} cannot be used`, error);
    const advice = `make it first (mkdir -p ${folder}), or mount the disk that it is on`;
    throw new Failure('environment', `the folder ${folder} does not exist`, advice);
  }
  throw new Failure('environment', `${folder} is not a directory`, '--folder names the directory to sync');
}

export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { folder, state, name, share, arenaBytes, rescanSeconds } = options;
  checkFolder(folder);
  checkApart({ folder, state });
  makePrivate(state, 'make the folder writable, or give another place with --state');
  const software = `toastbox ${VERSION}`;
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<Error>(resolve => {
    fail = resolve;
  });
  let report: Report | undefined;
  let book: Book | undefined;
  const control = await takeBoth({ folder, state }, options.onLog, {
    status: () => report?.status(),
    memory: () => memoryOf(report, book, state),
  });
  const ports: SyncPorts = {
    ...realPorts(state, options.watches),
    openLink: (session, handlers) =>
      connectBoard(
        {
          ...endpointOf(options),
          board: name,
          session,
          software,
          keepaliveSeconds: options.keepaliveSeconds,
        },
        handlers,
      ),
    onNote(note) {
      report?.onNote(note);
      if (options.clockFile !== undefined && note.kind === 'session' && note.time !== undefined) {
        const why = writeClock(options.clockFile, note.time);
        if (why !== undefined) options.onLog('warn', why);
      }
      options.onNote(note);
    },
    onLog: options.onLog,
    onFail: error => fail(error instanceof Error ? error : new Error(String(error))),
  };
  try {
    const sync = new Sync(
      {
        folder,
        board: name,
        share,
        software,
        arenaBytes,
        isArenaTouched: true,
        rescanSeconds,
        fetchesMax: FETCHES_MAX,
        windowFrames: WINDOW_FRAMES,
      },
      ports,
    );
    report = new Report(
      { name, share, folder, broker: shownUrl(options.broker), arenaBytes, rescanSeconds },
      sync,
      options.noticeFile === undefined ? undefined : readNotice(options.noticeFile),
    );
    book = openBook({ state, folder, isProcess: true }, sync, options.onLog);
    sync.start();
    const timer = tellStatus(sync, report);
    let stopping: Promise<void> | undefined;
    return {
      status: () => (report as Report).status(),
      stop: () => {
        clearInterval(timer);
        book?.close();
        stopping ??= sync.stop().then(() => control.close());
        return stopping;
      },
      failed,
    };
  } catch (error) {
    await control.close();
    throw error;
  }
}

/** The state and the folder, for this process alone. */
async function takeBoth(
  places: { folder: string; state: string },
  onLog: AgentOptions['onLog'],
  answers: Answers,
): Promise<{ close(): Promise<void> }> {
  const taken: Control[] = [await openControl(places.state, answers)];
  const close = async () => {
    for (const control of taken) await control.close();
  };
  try {
    taken.push(await claimFolder(places, answers));
  } catch (error) {
    await close();
    throw error;
  }
  for (const { why } of taken) if (why !== undefined) onLog('warn', `${why}: ${NO_CONTROL}`);
  return { close };
}

/** The memory ledger's book of a folder that is kept by `sync`. `more`: what else is bounded in its process. */
export function openBook(
  place: { state: string; folder: string; isProcess: boolean },
  sync: Sync,
  onLog: AgentOptions['onLog'],
  more: () => GaugeReading[] = () => [],
): Book {
  const { state, folder, isProcess } = place;
  return new Book({
    state,
    folder: {
      catalog: join(state, CATALOG_NAME),
      stage: join(folder, STAGE_PLACE),
      look() {
        const look = sync.lookAtMemory();
        return look === undefined ? undefined : { ...look, gauges: [...look.gauges, ...more()] };
      },
    },
    isProcess,
    onTrouble: text => onLog('warn', text),
  });
}

function memoryOf(
  report: Report | undefined,
  book: Book | undefined,
  state: string,
): AgentLedger | undefined {
  const ledger = book?.folder();
  if (report === undefined || book === undefined || ledger === undefined) return undefined;
  const { version, pid, startedAt, name, share, folder } = report.status();
  const { since } = book.marks;
  const process = book.process();
  return { kind: 'agent', version, pid, startedAt, since, name, share, folder, state, process, ...ledger };
}

// Published when something changed, never for its own sake: an idle link carries keep-alives only.
function tellStatus(sync: Sync, report: Report): NodeJS.Timeout {
  let told = '';
  const sweep = new Sweep();
  const timer = setInterval(() => {
    const status = report.status();
    sweep.look(status.scan.running || status.state === 'syncing', performance.now());
    const facts = factsOf(status);
    // A new session has a link of its own, which knows nothing yet.
    const text = JSON.stringify([sync.session, facts]);
    if (text === told) return;
    told = text;
    sync.setStatus(facts);
  }, STATUS_MS);
  timer.unref();
  return timer;
}
