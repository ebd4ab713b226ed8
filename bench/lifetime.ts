// The whole life of an agent with a crowd of small files: first sync, restart with nothing changed, an hour's worth of
// changes. Three parts of the bench show three sides of it (files, scan, million), so each size is lived once a run.
//
// Where time goes is told by processor seconds of the three processes: on two cores they get in each other's way.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Crowd, churnCrowd, makeCrowd } from './crowd.ts';
import { type Looks, lookAround } from './look.ts';
import type { Sampler } from './memory.ts';
import { Place } from './place.ts';
import { type Board, pause, SHARE, Stand, until } from './stand.ts';
import { firstDifference } from './tree.ts';
import { processorMs, traffic } from './usage.ts';

const LIMIT_MS = 3 * 3_600_000;
/** Seldom enough to cost nobody anything. */
const POLL_MS = 200;
/** One change a second is 3,600 an hour: bursts of sixty, with rests in which the agent gets to them. */
export const CHURN_CHANGES = 3_600;
const BURST_CHANGES = 60;
const BURST_REST_MS = 150;
/** Rescans are part of the hour; their distance is shortened as it is. */
const RESCAN = '15s';

export interface FirstSync {
  durableMs: number;
  plainMs: number;
  agentPeak: number;
  gatewayPeak: number;
  brokerPeak: number;
  agentProcessorMs: number;
  gatewayProcessorMs: number;
  brokerProcessorMs: number;
  /** Bytes that the agent made dirty in files of its own. */
  agentToDisk: number;
}

export interface Restart {
  scanMs: number;
  /** From the process's start until it says idle. */
  readyMs: number;
  read: number;
  peak: number;
  processorMs: number;
}

export interface Churn {
  changes: number;
  ms: number;
  agentPeak: number;
  gatewayPeak: number;
}

export interface Lifetime extends Crowd {
  first: FirstSync;
  /** The catalog's file after the first sync. */
  catalogBytes: number;
  arenaBytes: number;
  restart: Restart;
  /** Others' looks at the same folder, while the agent was idle. */
  looks: Looks;
  churn: Churn;
}

const lived = new Map<string, Promise<Lifetime>>();

export function lifetime(files: number, seed: number, sampler: Sampler): Promise<Lifetime> {
  const key = `${files} ${seed}`;
  let life = lived.get(key);
  if (life === undefined) {
    life = live(files, seed, sampler);
    lived.set(key, life);
  }
  return life;
}

async function live(files: number, seed: number, sampler: Sampler): Promise<Lifetime> {
  const place = new Place('lifetime');
  const stand = new Stand(place);
  const work = `${files.toLocaleString('en-US')} files`;
  try {
    await stand.open();
    const crowd = makeCrowd(place.folder('board'), files, seed);
    const { board, first } = await firstSync(stand, crowd, work, sampler);
    const catalogBytes = statSync(join(board.folder, '.toastbox', 'catalog')).size;
    const difference = firstDifference(board.folder, stand.plain);
    if (difference !== undefined) throw new Error(`board and plain copy differ at ${difference}`);
    const restart = await restarted(stand, board, work, sampler);
    const looks = lookAround(board.folder, stand.plain);
    const churn = await changed(stand, board, files, seed, work, sampler);
    const arenaBytes = (await stand.status(board))?.arena.bytes ?? 0;
    return { ...crowd, first, catalogBytes, arenaBytes, restart, looks, churn };
  } finally {
    await stand.close();
    await place.close();
  }
}

async function firstSync(
  stand: Stand,
  crowd: Crowd,
  work: string,
  sampler: Sampler,
): Promise<{ board: Board; first: FirstSync }> {
  const gateway = stand.gateway!.pid;
  const broker = stand.broker!.pid;
  const before = { gateway: processorMs(gateway), broker: processorMs(broker) };
  const gatewayRow = sampler.watch(`${work}, first sync`, 'gateway', gateway, true);
  const brokerRow = sampler.watch(`${work}, first sync`, 'Mosquitto', broker, true);
  const begin = performance.now();
  const board = stand.directBoard('board');
  const { pid } = board.process;
  const agentRow = sampler.watch(`${work}, first sync`, 'agent', pid);
  const share = async () => (await stand.gatewayStatus())?.folders.find(folder => folder.share === SHARE);
  const ask = async (what: string, question: () => Promise<true | undefined>): Promise<number> => {
    await until(`${work}, ${what}`, LIMIT_MS, question, POLL_MS);
    return performance.now() - begin;
  };
  const durableMs = await ask('durable', async () => {
    await stand.status(board); // throws if it ended
    const now = await share();
    return now !== undefined && now.entries === crowd.entries && now.bytes === crowd.bytes ? true : undefined;
  });
  const head = (await share())!.head;
  const plainMs = await ask('plain copy', async () =>
    (await share())?.agent.settled === head ? true : undefined,
  );
  await ask('idle', async () => ((await stand.isIdle()) ? true : undefined));
  const first = {
    durableMs,
    plainMs,
    agentProcessorMs: processorMs(pid),
    gatewayProcessorMs: processorMs(gateway) - before.gateway,
    brokerProcessorMs: processorMs(broker) - before.broker,
    agentToDisk: traffic(pid).toDisk,
  };
  await sampler.end();
  return {
    board,
    first: {
      ...first,
      agentPeak: agentRow.peak,
      gatewayPeak: gatewayRow.peak,
      brokerPeak: brokerRow.peak,
    },
  };
}

async function restarted(stand: Stand, board: Board, work: string, sampler: Sampler): Promise<Restart> {
  const begin = performance.now();
  await stand.restart(board, '--rescan', RESCAN);
  const { pid } = board.process;
  const row = sampler.watch(`${work}, restart`, 'agent', pid);
  const status = await until(`${work}, restart`, LIMIT_MS, async () => {
    const now = await stand.status(board);
    return now?.state === 'idle' && now.scan.lastFinishedAt !== undefined ? now : undefined;
  });
  const readyMs = performance.now() - begin;
  const { scan } = status;
  const used = processorMs(pid);
  await sampler.end();
  return {
    scanMs: scan.lastFinishedAt! - scan.startedAt!,
    readyMs,
    read: scan.read,
    peak: row.peak,
    processorMs: used,
  };
}

async function changed(
  stand: Stand,
  board: Board,
  files: number,
  seed: number,
  work: string,
  sampler: Sampler,
): Promise<Churn> {
  const agentRow = sampler.watch(`${work}, changes`, 'agent', board.process.pid);
  const gatewayRow = sampler.watch(`${work}, changes`, 'gateway', stand.gateway!.pid);
  const begin = performance.now();
  for (let round = 0; round < CHURN_CHANGES / BURST_CHANGES; round++) {
    churnCrowd(board.folder, files, seed, round, BURST_CHANGES);
    await pause(BURST_REST_MS);
  }
  const isAfter = Date.now();
  await until(
    `${work}, changes`,
    LIMIT_MS,
    async () => {
      const status = await stand.status(board);
      // A scan that began after the last change has found what watching missed.
      if (status === undefined || (status.scan.startedAt ?? 0) < isAfter) return undefined;
      return (await stand.isIdle()) ? true : undefined;
    },
    POLL_MS,
  );
  const ms = performance.now() - begin;
  await sampler.end();
  const difference = firstDifference(board.folder, stand.plain);
  if (difference !== undefined) throw new Error(`after the changes they differ at ${difference}`);
  return { changes: CHURN_CHANGES, ms, agentPeak: agentRow.peak, gatewayPeak: gatewayRow.peak };
}
