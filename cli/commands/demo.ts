// `toastbox demo`, which is `npm start`: both ends on this machine, under one directory.
//
//   this process: gateway and broker          child process: agent
//     AT/gateway-data   store                   AT/board             its folder
//     AT/gateway/demo   plain copy              AT/board/.toastbox   its state
//
// The agent is a process of its own, as on a board, so that its memory is what it would be there. It ends when the
// channel to this process closes, however that comes about: no agent is left behind.

import { type ChildProcess, spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { finished } from 'node:stream/promises';
import { ask } from '../../agent/control.ts';
import { Failure } from '../../agent/failure.ts';
import { WATCHES_MAX } from '../../agent/options.ts';
import { makeAll } from '../../agent/private.ts';
import type { AgentStatus } from '../../agent/status.ts';
import { isLoopback } from '../../gateway/guard.ts';
import { RESERVED_NAME } from '../../protocol/path.ts';
import { Exit, failureOf, portFailureOf } from '../exits.ts';
import { AGENT_MALLOC_ENV, AGENT_NODE_FLAGS } from '../flags.ts';
import type { Invocation } from '../invocation.ts';
import { loadGateway } from '../running/load.ts';
import { forceExit, progressOf, reportTo, showProgress } from '../running/run.ts';
import { awaitEnding } from '../running/signals.ts';
import { bytesText } from '../screen/figures.ts';
import { type Screen, screenFor } from '../screen/screen.ts';
import { resolveSettings } from '../settings/resolve.ts';

/** As of a gateway. */
const KEEP_DAYS = 30;
const SHARES_MAX = 256;
const BOARD = 'board';
const SHARE = 'demo';
/** Before each line, so that both ends' stand in one column. */
const BOARD_MARK = 'board    ';
const GATEWAY_MARK = 'gateway  ';
/** The agent has this long to end after it was asked to. */
const STOP_MS = 10_000;
/** Longer lines of the agent are cut: nothing of what it says is kept but the line under way. */
const LINE_MAX = 8 * 1024;

export async function demoCommand(invocation: Invocation): Promise<Exit> {
  const { words, world, errors } = invocation;
  const { settings, warnings } = resolveSettings('demo', words, world);
  if (!isLoopback(settings.listen.host))
    throw new Failure(
      'usage',
      `the demo's broker has no users, so it listens on this machine only, not on ${settings.listen.host}`,
      'toastbox help gateway says how to let boards in',
    );
  const ending = awaitEnding(() => forceExit(screen, 'forced to end'));
  const screen = screenFor(invocation, settings, () => ending.ask('nobody reads what it says'));
  for (const warning of warnings) screen.warn(`warn: ${warning}`);
  const places = {
    data: join(settings.at, 'gateway-data'),
    copies: join(settings.at, 'gateway'),
    board: join(settings.at, 'board'),
  };
  makeFolder(places.board);
  makeFolder(join(places.copies, SHARE));

  const startGateway = await loadGateway();
  const { onNote, onLog } = reportTo(screen, GATEWAY_MARK);
  const gateway = await startGateway({
    data: places.data,
    folder: places.copies,
    listen: settings.listen,
    arenaBytes: settings.arena,
    rescanSeconds: 600,
    watches: WATCHES_MAX,
    keepDays: KEEP_DAYS,
    sharesMax: SHARES_MAX,
    keepaliveSeconds: 60,
    onNote: note => onNote(note),
    onLog,
  }).catch(error => {
    throw portFailureOf(error, settings.listen);
  });
  let end: string | Error | Ended;
  const { host } = settings.listen;
  const broker = `mqtt://${host.includes(':') ? `[${host}]` : host}:${gateway.port ?? settings.listen.port}`;
  const hasBar = settings.progress === 'auto' && errors.isTTY === true;
  const agent = startAgent(invocation, screen, [
    ...['--folder', places.board, '--broker', broker, '--name', BOARD, '--share', SHARE],
    ...['--arena', String(settings.arena), '--progress', hasBar ? 'none' : settings.progress],
    ...(settings.quiet ? ['--quiet'] : []),
  ]);
  try {
    for (const line of introduction(places, broker, settings.arena, world.directory)) screen.say(line);
    const stopProgress = showProgress(screen, async () => {
      const own = progressOf(gateway.status());
      if (!hasBar) return own;
      // A bar for both ends; the agent's while it has one.
      const status = await ask(join(places.board, RESERVED_NAME), 'status').catch(() => undefined);
      return (status as AgentStatus | undefined)?.progress ?? own;
    });
    end = await Promise.race([ending.asked, gateway.failed, agent.ended]);
    stopProgress();
  } finally {
    screen.end();
    await agent.stop();
    await gateway.stop();
    ending.release();
  }
  if (end instanceof Error) throw end;
  if (typeof end === 'object' && end.code !== Exit.FINE) {
    screen.warn(
      `toastbox: the board's agent has ended (${end.signal ?? `exit code ${end.code}`}); what it said stands above`,
    );
    return (end.code ?? Exit.FAILED) as Exit;
  }
  screen.say(`stopped; the folders stay under ${show(settings.at, world.directory)}`);
  return Exit.FINE;
}

function makeFolder(path: string): void {
  try {
    makeAll(path);
  } catch (error) {
    throw failureOf(error);
  }
}

const show = (path: string, directory: string): string => {
  const near = relative(directory, path);
  return near === '' || near.startsWith('..') ? path : near;
};

function introduction(
  places: { board: string; copies: string },
  broker: string,
  arenaBytes: number,
  directory: string,
): string[] {
  const board = show(places.board, directory);
  const copy = show(join(places.copies, SHARE), directory);
  const width = Math.max(board.length, copy.length);
  return [
    'toastbox demo: one folder, two ends. Ctrl-C ends it; the files stay.',
    `  board    ${board.padEnd(width)}   an agent, arena of ${bytesText(arenaBytes)}`,
    `  gateway  ${copy.padEnd(width)}   the plain copy, broker at ${broker}`,
    '',
    'Put a file into one, watch it come up in the other. In a second terminal:',
    `  echo hello > ${join(board, 'hello.txt')}`,
    `  cat ${join(copy, 'hello.txt')}`,
    `  npx toastbox status --folder ${board}`,
    '',
  ];
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface AgentProcess {
  ended: Promise<Ended | Error>;
  stop(): Promise<void>;
}

/** Starts the same program as an agent, with nothing of this one's environment that it would take for its own. */
function startAgent({ program, world }: Invocation, screen: Screen, words: readonly string[]): AgentProcess {
  const env = Object.fromEntries(Object.entries(world.env).filter(([name]) => !name.startsWith('TOASTBOX_')));
  const child = spawn(process.execPath, [...AGENT_NODE_FLAGS, program, 'agent', ...words], {
    env: { ...AGENT_MALLOC_ENV, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const ended = new Promise<Ended | Error>(done => {
    child.once('error', error =>
      done(new Failure('environment', `cannot start the agent: ${error.message}`)),
    );
    // Its last words are read before it counts as ended. ('close' would say both, but never comes after disconnect().)
    const silent = Promise.all([finished(child.stdout!), finished(child.stderr!)]);
    child.once('exit', (code, signal) => {
      const tell = () => done({ code, signal });
      silent.then(tell, tell);
    });
  });
  forward(child.stdout!, text => screen.say(`${BOARD_MARK}${text}`));
  forward(child.stderr!, text => screen.warn(`${BOARD_MARK}${text}`));
  return { ended, stop: () => stopAgent(child, ended) };
}

/** Closing the channel asks for the end. Unlike a signal it cannot be a second one that forces. */
async function stopAgent(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

function forward(stream: NodeJS.ReadableStream, line: (text: string) => void): void {
  let pending = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (pending + text).split('\n');
    pending = (lines.pop() ?? '').slice(0, LINE_MAX);
    for (const each of lines) line(each);
  });
  stream.on('end', () => {
    if (pending !== '') line(pending);
  });
}
