// What others take to do with the same crowd of files what an agent does: look through it, bring it to another place
// on this machine, and follow the changes of an hour. Anonymous memory of the one process that stands where our agent
// does; what receives runs as a second process and is not counted.
//
//   rsync      -a to its daemon, once for the first sync and once for all changes together: the sending process
//   unison     to its own socket server, the same two runs: the client; beyond SYNCED_FILES_MAX stopped in its first
//              run after CUT_OFF_MS: a lower bound
//   syncthing  one that serves the folder, linked to another on loopback, for the whole time; beyond
//              SYNCED_FILES_MAX without the other one, so only the scan: a lower bound

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { answers, freePort } from './counter.ts';
import { churnCrowd, makeCrowd } from './crowd.ts';
import type { MemoryRow, Sampler } from './memory.ts';
import { has, hasFsync, Rsync } from './peers.ts';
import { Place, type Started } from './place.ts';
import { until } from './stand.ts';

/** Beyond, Syncthing's second instance and Unison would take longer than all else together: some 50 files a second. */
const SYNCED_FILES_MAX = 100_000;
/** Unison has scanned a million by then and is sending. */
const CUT_OFF_MS = 20 * 60_000;
const START_MS = 60_000;
const LIMIT_MS = 3 * 3_600_000;
const POLL_MS = 500;
const CHURN_ROUND = 1;

export interface Rival {
  tool: 'rsync' | 'unison' | 'syncthing';
  /** What it did; why not, if it is not here. */
  did: string;
  /** It did not come to its end. */
  isLowerBound?: boolean;
  peak?: number;
  ms?: number;
}

interface Work {
  files: number;
  seed: number;
  changes: number;
  sampler: Sampler;
  name: string;
}

const missing = (tool: Rival['tool']): Rival => ({ tool, did: `not here: install Debian's ${tool}` });

export async function rivals(
  files: number,
  seed: number,
  changes: number,
  sampler: Sampler,
): Promise<Rival[]> {
  const work = { files, seed, changes, sampler, name: `${files.toLocaleString('en-US')} files` };
  return [
    has('rsync') ? await inPlace(work, rsync) : missing('rsync'),
    has('unison') ? await inPlace(work, unison) : missing('unison'),
    has('syncthing') ? await inPlace(work, syncthing) : missing('syncthing'),
  ];
}

async function inPlace(
  work: Work,
  run: (work: Work, place: Place, from: string) => Promise<Rival>,
): Promise<Rival> {
  const place = new Place(run.name);
  try {
    makeCrowd(place.folder('from'), work.files, work.seed);
    return await run(work, place, place.path('from'));
  } finally {
    await work.sampler.end();
    await place.close();
  }
}

const ended = async (started: Started): Promise<void> => {
  const { child } = started;
  if (child.exitCode === null && child.signalCode === null)
    await new Promise(resolve => child.once('exit', resolve));
};

const change = (work: Work, from: string): void =>
  churnCrowd(from, work.files, work.seed, CHURN_ROUND, work.changes);

export interface RsyncTimes {
  plain?: number;
  synced?: number;
}

/** Wall time of rsync -a of a crowd to its daemon, into an empty folder, as it is and with --fsync. */
export async function rsyncTimes(files: number, seed: number): Promise<RsyncTimes> {
  if (!has('rsync')) return {};
  const place = new Place('rsync');
  const served = new Rsync(place);
  try {
    makeCrowd(place.folder('from'), files, seed);
    await served.open(place.folder('to'));
    const times: RsyncTimes = { plain: await served.time('push', ['-a'], place.path('from')) };
    place.folder('to');
    if (hasFsync()) times.synced = await served.time('push', ['-a', '--fsync'], place.path('from'));
    return times;
  } finally {
    served.close();
    await place.close();
  }
}

async function rsync(work: Work, place: Place, from: string): Promise<Rival> {
  const served = new Rsync(place);
  try {
    await served.open(place.folder('to'));
    const watch = { work: work.name, sampler: work.sampler };
    const before = work.sampler.rows.length;
    const ms = await served.time('push', ['-a', '--delete'], from, watch);
    change(work, from);
    await served.time('push', ['-a', '--delete'], from, watch);
    await work.sampler.end();
    return { tool: 'rsync', did: 'first sync, one more after the changes', peak: mostOf(work, before), ms };
  } finally {
    served.close();
  }
}

const mostOf = ({ sampler }: Work, from: number): number =>
  Math.max(...sampler.rows.slice(from).map(row => row.peak));

async function unison(work: Work, place: Place, from: string): Promise<Rival> {
  const port = await freePort();
  const to = place.folder('to');
  // Unison keeps its archives under $UNISON: each end has its own.
  const end = (name: string, words: string[]): Started =>
    place.start(name, 'env', [`UNISON=${place.path(`${name}-archive`)}`, 'unison', ...words]);
  const server = end('server', ['-socket', String(port)]);
  await until('unison', START_MS, () => answers(port));
  const words = ['-ui', 'text', '-batch', '-silent', '-times', '-confirmbigdel=false'];
  const before = work.sampler.rows.length;
  const isLowerBound = work.files > SYNCED_FILES_MAX;
  const sync = async (): Promise<number> => {
    const begin = performance.now();
    const client = end('client', [from, `socket://127.0.0.1:${port}/${to}`, ...words]);
    work.sampler.watch(work.name, 'unison', client.pid);
    const cutOff = isLowerBound ? setTimeout(() => client.child.kill('SIGKILL'), CUT_OFF_MS) : undefined;
    await ended(client);
    clearTimeout(cutOff);
    const wasCutOff = isLowerBound && client.child.signalCode === 'SIGKILL';
    if (client.child.exitCode !== 0 && !wasCutOff) throw new Error(`unison: ${client.log().slice(-1000)}`);
    return performance.now() - begin;
  };
  const ms = await sync();
  if (!isLowerBound) {
    change(work, from);
    await sync();
  }
  await work.sampler.end();
  await place.stop(server);
  const peak = mostOf(work, before);
  if (isLowerBound) return { tool: 'unison', did: 'first sync, stopped in the middle', peak, isLowerBound };
  return { tool: 'unison', did: 'first sync, one more after the changes', peak, ms };
}

// ---- Syncthing

interface Instance {
  home: string;
  device: string;
  key: string;
  /** Of its web interface, which is asked, and of its listener. */
  port: number;
  listens: number;
}

interface FolderStatus {
  state: string;
  localFiles: number;
  needTotalItems: number;
}

async function instanceOf(place: Place, name: string): Promise<Instance> {
  const home = place.path(name);
  const made = spawnSync('syncthing', [
    'generate',
    '--home',
    home,
    '--no-default-folder',
    '--skip-port-probing',
  ]);
  if (made.status !== 0) throw new Error(`syncthing generate: ${made.stderr}`);
  const text = readFileSync(`${home}/config.xml`, 'utf8');
  const device = /<device id="([^"]+)"/.exec(text)![1]!;
  const key = /<apikey>([^<]+)</.exec(text)![1]!;
  return { home, device, key, port: await freePort(), listens: await freePort() };
}

/** One folder, no discovery, no relays, no reports; all else as it comes. */
function configure(instance: Instance, folder: string, others: readonly Instance[]): void {
  const devices = [instance, ...others];
  const shared = devices.map(({ device }) => `<device id="${device}" introducedBy=""></device>`).join('');
  const known = devices
    .map(
      ({ device, listens }) =>
        `<device id="${device}"><address>tcp://127.0.0.1:${listens}</address></device>`,
    )
    .join('');
  const config = `<configuration version="36">
    <folder id="bench" path="${folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true">${shared}</folder>
    ${known}
    <gui enabled="true" tls="false"><address>127.0.0.1:${instance.port}</address><apikey>${instance.key}</apikey></gui>
    <options>
      <listenAddress>tcp://127.0.0.1:${instance.listens}</listenAddress>
      <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
      <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><startBrowser>false</startBrowser>
      <urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH>
      <crashReportingEnabled>false</crashReportingEnabled><stunKeepaliveStartS>0</stunKeepaliveStartS>
    </options>
  </configuration>`;
  writeFileSync(`${instance.home}/config.xml`, config);
}

async function asked(instance: Instance, path: string, method = 'GET'): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${instance.port}/rest/${path}`, {
    method,
    headers: { 'X-API-Key': instance.key },
  });
  return answer.ok && method === 'GET' ? answer.json() : undefined;
}

const statusOf = async (instance: Instance): Promise<FolderStatus | undefined> =>
  (await asked(instance, 'db/status?folder=bench').catch(() => undefined)) as FolderStatus | undefined;

async function syncthing(work: Work, place: Place, from: string): Promise<Rival> {
  const isSynced = work.files <= SYNCED_FILES_MAX;
  const one = await instanceOf(place, 'one');
  const two = await instanceOf(place, 'two');
  configure(one, from, isSynced ? [two] : []);
  configure(two, place.folder('to'), [one]);
  const start = (instance: Instance): Started =>
    place.start(`syncthing-${instance.port}`, 'env', [
      // The process that syncs, without the one that would restart it.
      ...['STNOUPGRADE=1', 'STMONITORED=yes'],
      ...['syncthing', 'serve', '--home', instance.home, '--no-browser'],
    ]);
  const all = isSynced ? [one, two] : [one];
  const begin = performance.now();
  const [first] = all.map(start);
  const row: MemoryRow = work.sampler.watch(work.name, 'syncthing', first!.pid);
  const settled = (what: string, isDone: (statuses: FolderStatus[]) => boolean): Promise<true> =>
    until(
      `syncthing, ${what}`,
      LIMIT_MS,
      async () => {
        if (first!.child.exitCode !== null) throw new Error(`syncthing: ${first!.log().slice(-1000)}`);
        const statuses = await Promise.all(all.map(statusOf));
        const known = statuses.filter(status => status?.state === 'idle') as FolderStatus[];
        return known.length === all.length && isDone(known) ? true : undefined;
      },
      POLL_MS,
    );
  await settled('first', statuses =>
    statuses.every(status => status.localFiles === work.files && status.needTotalItems === 0),
  );
  const ms = performance.now() - begin;
  change(work, from);
  await asked(one, 'db/scan?folder=bench', 'POST');
  await settled('changes', statuses =>
    statuses.every(status => status.localFiles === statuses[0]!.localFiles && status.needTotalItems === 0),
  );
  await work.sampler.end();
  const did = isSynced ? 'first scan and sync, the changes' : 'first scan alone, a scan for the changes';
  return { tool: 'syncthing', did, peak: row.peak, ms, ...(isSynced ? {} : { isLowerBound: true }) };
}
