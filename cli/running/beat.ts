// Tells others, every so often, that all is well: systemd, and a file for a watchdog of another kind. Silence says
// that it is not: whoever listens starts the process again.
//
// systemd listens on a datagram socket, which Node cannot write to, so `systemd-notify` is started for each word: here
// 0.6 ms of this process and 4 ms of its own. Told at the start (READY), then three times in WatchdogSec.

import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Pulse } from '../../agent/pulse.ts';
import type { AgentStatus } from '../../agent/status.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { countOf } from '../screen/figures.ts';
import { STATES } from '../screen/report.ts';

const BEAT_MS = 10_000;
/** Where systemd only asks when it is ready, its status line is renewed this often. */
const NOTIFY_MS = 60_000;
/** systemd-notify waits for systemd to read what it said; one that hangs must not be joined by others. */
const NOTIFY_MS_MAX = 5_000;

type Status = AgentStatus | GatewayStatus;

export interface BeatOptions {
  /** Touched, and made if need be; in it stands what is told to systemd as well. */
  file: string | undefined;
  env: NodeJS.ProcessEnv;
  warn(text: string): void;
}

/** Begins at once. The timers keep nothing alive. */
export function beat({ file, env, warn }: BeatOptions, read: () => Status): () => void {
  const judge = judgeOf();
  const notify = notifierOf(env, warn);
  const touch = toucherOf(file, warn);
  let hasWarned = false;
  const round = () => {
    const status = read();
    const now = performance.now();
    const isWell = judge(status, now);
    if (!isWell) {
      if (!hasWarned) warn('nothing has moved for long: the watchdogs are no longer told that all is well');
      hasWarned = true;
      return;
    }
    hasWarned = false;
    const line = lineOf(status);
    touch(line);
    notify?.tell(line, now);
  };
  if (file === undefined && notify === undefined) return () => {};
  round();
  const timer = setInterval(round, Math.min(BEAT_MS, notify?.everyMs ?? BEAT_MS)).unref();
  return () => clearInterval(timer);
}

/** A gateway is well while each of its plain copies is. */
function judgeOf(): (status: Status, now: number) => boolean {
  const pulses = new Map<string, Pulse>();
  const one = (name: string, status: AgentStatus, now: number): boolean => {
    const pulse = pulses.get(name) ?? new Pulse();
    pulses.set(name, pulse);
    return pulse.isWell(status, now);
  };
  return (status, now) =>
    status.kind === 'agent'
      ? one('', status, now)
      : status.folders.map(({ share, agent }) => one(share, agent, now)).every(Boolean);
}

/** One line, as `systemctl status` shows it. */
export function lineOf(status: Status): string {
  if (status.kind === 'agent') return `${status.name}: ${STATES[status.state]}`;
  const { folders, boards, link } = status;
  const online = boards.filter(board => board.online).length;
  return `${countOf(folders.length, 'share')}, ${countOf(online, 'board')} online${link.up ? '' : '; the broker is away'}`;
}

function toucherOf(file: string | undefined, warn: (text: string) => void): (line: string) => void {
  if (file === undefined) return () => {};
  let hasWarned = false;
  return line => {
    try {
      writeFileSync(file, `${line}\n`);
      hasWarned = false;
    } catch (error) {
      if (!hasWarned) warn(`--pulse: ${(error as Error).message}`);
      hasWarned = true;
    }
  };
}

interface Notifier {
  everyMs: number;
  /** Tells it if that is due at `now` (milliseconds of any clock): at once where the last word did not arrive. */
  tell(line: string, now: number): void;
}

/** None where no systemd listens. */
function notifierOf(env: NodeJS.ProcessEnv, warn: (text: string) => void): Notifier | undefined {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = env;
  if (NOTIFY_SOCKET === undefined) return undefined;
  const isWatched = WATCHDOG_USEC !== undefined && [undefined, String(process.pid)].includes(WATCHDOG_PID);
  const everyMs = isWatched ? Number(WATCHDOG_USEC) / 1000 / 3 : NOTIFY_MS;
  let [isUnderWay, isReady] = [false, false];
  let dueAt = Number.NEGATIVE_INFINITY;
  const end = (isTold: boolean) => {
    isUnderWay = false;
    if (isTold) isReady = true;
    else dueAt = Number.NEGATIVE_INFINITY;
  };
  return {
    everyMs,
    tell(line, now) {
      if (isUnderWay || now < dueAt) return;
      isUnderWay = true;
      dueAt = now + everyMs;
      const words = [...(isReady ? [] : ['READY=1']), 'WATCHDOG=1', `STATUS=${line}`];
      let child: ChildProcess;
      try {
        child = spawn('systemd-notify', words, {
          stdio: 'ignore',
          env: { NOTIFY_SOCKET, PATH: env.PATH },
          timeout: NOTIFY_MS_MAX,
          killSignal: 'SIGKILL',
        });
      } catch (error) {
        // No memory for a process: other troubles are told by an event.
        warn(`systemd-notify: ${(error as Error).message}`);
        end(false);
        return;
      }
      child.once('error', error => {
        // Not there at all: to be asked for, and complained of, no more often than it is due.
        warn(`systemd-notify: ${error.message}`);
        isUnderWay = false;
      });
      child.once('exit', code => end(code === 0));
      child.unref();
    },
  };
}
