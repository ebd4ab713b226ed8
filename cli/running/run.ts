// Runs an agent or a gateway from start to end: signals, notes, progress, and what it exits with.
//
//   starting --started--> running --signal, or the parent is gone--> stopping --> 0
//       |                    |                                          |
//       +--> its Failure     +--> failed by itself: its Failure         +--> second signal, or STOP_MS over: 1

import type { Note } from '../../agent/engine/ports.ts';
import type { LogLevel } from '../../agent/options.ts';
import type { AgentStatus, Progress } from '../../agent/status.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { Exit } from '../exits.ts';
import { lineOf, Repeats } from '../screen/notes.ts';
import type { Screen } from '../screen/screen.ts';
import { type BeatOptions, beat } from './beat.ts';
import { awaitEnding, type Ending } from './signals.ts';

/** A stop waits for one commit and one disconnect. A supervisor's own patience is 90 s (systemd). */
const STOP_MS = 20_000;

export interface Running {
  status(): AgentStatus | GatewayStatus;
  stop(): Promise<void>;
  failed: Promise<Error>;
}

export interface RunOptions {
  ending?: Ending;
  /** Who is told that all is well. */
  beats?: BeatOptions;
}

/** Ends the process at once, in whatever state. What is on disk is whole at any instant. */
export function forceExit(screen: Screen, why: string): never {
  screen.end();
  screen.warn(`toastbox: ${why}`);
  process.exit(Exit.FAILED);
}

export async function runToEnd(
  screen: Screen,
  start: () => Promise<Running>,
  onStarted: (running: Running) => void,
  { ending = awaitEnding(() => forceExit(screen, 'forced to end')), beats }: RunOptions,
): Promise<Exit> {
  try {
    const running = await start();
    onStarted(running);
    const stopBeats = beats === undefined ? () => {} : beat(beats, () => running.status());
    const stopProgress = showProgress(screen, () => progressOf(running.status()));
    const end = await Promise.race([ending.asked, running.failed]);
    stopProgress();
    stopBeats();
    const timer = setTimeout(() => forceExit(screen, `did not stop in ${STOP_MS / 1000} s`), STOP_MS);
    await running.stop();
    clearTimeout(timer);
    if (end instanceof Error) throw end;
    screen.say('stopped');
    return Exit.FINE;
  } finally {
    screen.end();
    ending.release();
  }
}

/** Reads the progress as often as the screen can use it. The timers keep nothing alive. */
export function showProgress(
  screen: Screen,
  read: () => Progress | undefined | Promise<Progress | undefined>,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const round = async () => {
    const progress = screen.showsProgress ? await read() : undefined;
    if (isOver) return;
    screen.progress(progress, performance.now());
    timer = setTimeout(round, screen.progressMs).unref();
  };
  void round();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** The work to show: an agent's own; of a gateway's plain copies the one with the most left. */
export function progressOf(status: AgentStatus | GatewayStatus): Progress | undefined {
  if (status.kind === 'agent') return status.progress;
  let most: Progress | undefined;
  for (const { share, agent } of status.folders) {
    if (agent.progress === undefined) continue;
    if (most !== undefined && leftOf(most) >= leftOf(agent.progress)) continue;
    const path = agent.progress.path;
    most = { ...agent.progress, path: path === '' ? share : `${share}/${path}` };
  }
  return most;
}

const leftOf = ({ bytesDone, bytesTotal }: Progress): number => bytesTotal - bytesDone;

/** The callbacks that an agent or gateway reports through, onto the screen. `mark` stands before each line. */
export function reportTo(
  screen: Screen,
  mark = '',
): {
  onNote(note: Note, share?: string): void;
  onLog(level: LogLevel, text: string): void;
} {
  const repeats = new Repeats();
  return {
    onNote(note, share) {
      const line = lineOf(note);
      const text = `${mark}${share === undefined ? '' : `[${share}] `}${line.text}`;
      if (note.kind === 'trouble' && repeats.has(text, performance.now())) return;
      screen.note({ ...line, text }, performance.now(), note.kind === 'trouble' || note.kind === 'conflict');
    },
    onLog(level, text) {
      const line = `${mark}${level === 'info' ? '' : `${level}: `}${text}`;
      if (level !== 'info' && repeats.has(line, performance.now())) return;
      screen.note({ text: line, counts: 'message', bytes: 0 }, performance.now(), level !== 'info');
    },
  };
}
