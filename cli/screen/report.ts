// A status in words: what a person wants to know first, aligned, in a dozen lines; and what to do when something is
// in the way. Pure.
//
//   agent board-7: idle, everything is in sync
//     folder      /home/pi/photos, share photos
//     link        up for 1 h 3 min: mqtt://broker.lan:1883, MQTT 5
//     ...

import type { AgentState, AgentStatus, LinkStatus } from '../../agent/status.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { printableText } from '../../protocol/path.ts';
import { bytesText, countOf, countText, durationText, timeText } from './figures.ts';
import { wrap } from './wrap.ts';

type Row = readonly [name: string, value: string];

export const STATES: Readonly<Record<AgentState, string>> = {
  starting: 'starting',
  scanning: 'scanning the folder',
  syncing: 'syncing',
  idle: 'idle, everything is in sync',
  trouble: 'in trouble, see below; the rest goes on',
  offline: 'offline; changes are kept and go when the link is back',
};

export function reportOf(status: AgentStatus | GatewayStatus, now: number): string {
  const lines = status.kind === 'agent' ? agentReport(status, now) : gatewayReport(status, now);
  // Errors tell what a peer or a broker said.
  return lines.map(printableText).join('\n');
}

function agentReport(status: AgentStatus, now: number): string[] {
  const { pending, bytes, scan } = status;
  const rows: Row[] = [
    ['folder', `${status.folder}, share ${status.share}`],
    ['link', linkText(status.link, now)],
    ['position', positionText(status)],
    [
      'pending',
      `up ${countText(pending.up)} (${bytesText(pending.bytesUp)}), down ${countText(pending.down)} (${bytesText(pending.bytesDown)})`,
    ],
    ['traffic', `in ${bytesText(bytes.in)}, out ${bytesText(bytes.out)}`],
  ];
  rows.push(['scan', scanText(scan, now)], ['watching', watchingText(status)]);
  rows.push(...conflictRows(status));
  if (status.skipped > 0) rows.push(['skipped', countOf(status.skipped, 'name')]);
  if (status.malformed > 0) rows.push(['dropped', countOf(status.malformed, 'malformed frame')]);
  if (status.lastError)
    rows.push(['last error', `${timeText(status.lastError.at, now)}: ${status.lastError.text}`]);
  rows.push(['arena', arenaText(status)], ['process', processText(status, now)]);
  return [`agent ${status.name}: ${STATES[status.state]}`, ...aligned(rows), ...adviceOf(status)];
}

/** Those that stand there; nothing if there are none. */
function conflictRows({ conflicts, conflictCopies }: AgentStatus): Row[] {
  if (conflicts === 0) return [];
  const more = conflicts - conflictCopies.length;
  const names = more > 0 ? [...conflictCopies, `and ${countText(more)} more`] : conflictCopies;
  return [['conflicts', countText(conflicts)], ...names.map((name): Row => ['', name])];
}

function gatewayReport(status: GatewayStatus, now: number): string[] {
  const rows: Row[] = [
    ['data', status.data],
    ['folders', status.folder],
    ['link', linkText(status.link, now)],
  ];
  if (status.listen) {
    const { host, port, clients } = status.listen;
    rows.push(['broker', `built in, at ${host}:${port}, ${countOf(clients, 'client')}`]);
  }
  rows.push(
    ['traffic', `in ${bytesText(status.bytes.in)}, out ${bytesText(status.bytes.out)}`],
    ['store', bytesText(status.store.bytes)],
  );
  if (status.store.lostBlocks > 0)
    rows.push(['damaged', `${countOf(status.store.lostBlocks, 'block')}: toastbox verify names the files`]);
  if (status.malformed > 0) rows.push(['dropped', countOf(status.malformed, 'malformed frame')]);
  if (status.lastError)
    rows.push(['last error', `${timeText(status.lastError.at, now)}: ${status.lastError.text}`]);
  rows.push(['process', processText(status, now)]);

  const online = status.boards.filter(board => board.online).length;
  const lines = [
    `gateway: ${countOf(status.folders.length, 'share')}, ${countText(online)} of ${countOf(status.boards.length, 'board')} online`,
    ...aligned(rows),
  ];
  for (const { share, head, entries, bytes, agent } of status.folders) {
    lines.push(
      '',
      `share ${share}: ${countOf(entries, 'entry').replace(/entrys$/, 'entries')}, ${bytesText(bytes)}, head ${countText(head)}`,
    );
    const copy: Row[] = [['plain copy', `${STATES[agent.state].split(/[,;]/)[0]}, ${agent.folder}`]];
    copy.push(...conflictRows(agent));
    if (agent.lastError)
      copy.push(['last error', `${timeText(agent.lastError.at, now)}: ${agent.lastError.text}`]);
    for (const board of status.boards.filter(one => one.share === share)) {
      const seen = board.online ? 'online' : `last heard ${durationText((now - board.seenAt) / 1000)} ago`;
      const behind = board.settled >= head ? 'in sync' : `${countOf(head - board.settled, 'change')} behind`;
      copy.push(['board', [board.name, seen, behind, ...oddOf(board.counters)].join(', ')]);
    }
    lines.push(...aligned(copy));
  }
  if (status.boards.length === 0)
    lines.push(
      '',
      ...wrap(
        'No board has been here yet. On a board: toastbox agent --folder DIR --broker URL --name BOARD',
        '  -> ',
        '     ',
      ),
    );
  return lines;
}

/** What a board that is well never does. */
const oddOf = ({ malformed, mismatches }: GatewayStatus['boards'][number]['counters']): string[] => [
  ...(malformed > 0 ? [countOf(malformed, 'malformed frame')] : []),
  ...(mismatches > 0 ? [`${countOf(mismatches, 'time')} other bytes than offered`] : []),
];

function linkText({ up, broker, protocol, since, why }: LinkStatus, now: number): string {
  const time = durationText((now - since) / 1000);
  if (!up) return `down for ${time}: ${whyDown(broker, why)}`;
  const mqtt = protocol === undefined ? '' : `, MQTT ${protocol === 4 ? '3.1.1' : protocol}`;
  return `up for ${time}: ${broker}${mqtt}`;
}

/** Why a connection failed begins with where it should have led. */
function whyDown(broker: string, why: string | undefined): string {
  if (why === undefined) return broker;
  return why.includes('://') ? why : `${broker}: ${why}`;
}

function positionText({ position, head, settled }: AgentStatus): string {
  const durable = settled === position ? '' : `, durable here to ${countText(settled)}`;
  return `${countText(position)} of ${countText(head)}${durable}`;
}

function scanText({ running, seen, lastFinishedAt }: AgentStatus['scan'], now: number): string {
  if (running) return `running, ${countText(seen)} seen`;
  if (lastFinishedAt === undefined) return 'none yet';
  return `${countText(seen)} seen, ended ${durationText((now - lastFinishedAt) / 1000)} ago`;
}

function watchingText({ watching }: AgentStatus): string {
  const { directories, of, budget, rescanSeconds } = watching;
  const rescan = `a rescan every ${durationText(rescanSeconds)}`;
  if (budget === 0) return `nothing; ${rescan} finds what changes`;
  // Directories are counted by scans: there may be more of them since.
  if (directories >= of && directories === budget)
    return `${countText(directories)} directories, no more than that; others by ${rescan}`;
  if (directories >= of) return `all of ${countText(directories)} directories; ${rescan} besides`;
  return `${countText(directories)} of ${countText(of)} directories; the rest by ${rescan}`;
}

function arenaText({ arena, spills }: AgentStatus): string {
  const pools = arena.pools.map(({ name, cells, taken, highWater, waits }) => {
    const full = waits === 0 ? '' : `, ${countText(waits)} ${name === 'pages' ? 'evicted' : 'waits'}`;
    return `${name} ${countText(taken)} of ${countText(cells)} (most ${countText(highWater)}${full})`;
  });
  const spilled = spills === 0 ? [] : [`${countText(spills)} parts of listings spilled`];
  return [bytesText(arena.bytes), ...pools, ...spilled].join(', ');
}

const processText = (
  { version, pid, startedAt }: { version: string; pid: number; startedAt: number },
  now: number,
) => `pid ${pid}, toastbox ${version}, up for ${durationText((now - startedAt) / 1000)}`;

/** What a person can do. Nothing where there is nothing to do. */
function adviceOf(status: AgentStatus): string[] {
  const advice: string[] = [];
  if (!status.link.up)
    advice.push(
      status.link.why === undefined
        ? `Is the broker running, and is ${status.link.broker} right? The agent keeps trying.`
        : 'Why the link is down stands with it above. The agent keeps trying, at most 30 s apart.',
    );
  else if (status.state === 'offline')
    advice.push('The broker is there, the gateway is not: start it with toastbox gateway, at this broker.');
  if (status.state === 'trouble')
    advice.push(
      status.lastError?.text === 'opening the folder: CHANGED'
        ? 'Another folder stands there, or its .toastbox/folder is missing: mount the right one, and the agent goes on. If this one is meant: stop the agent, remove its state (.toastbox of the folder, or what --state says), start it; it joins as a new board.'
        : 'The last error above names what is in the way. When it is gone the agent goes on by itself.',
    );
  if (status.conflicts > 0)
    advice.push(
      'A conflict copy holds what one board changed while another changed the same file: take what you need from it, then delete it.',
    );
  if (status.skipped > 0)
    advice.push(
      'Skipped are paths of more than 4,095 bytes and file systems mounted inside, which the log names, and sockets, pipes and devices: they never sync.',
    );
  if (status.malformed > 0)
    advice.push(
      'Malformed frames: something else publishes under toastbox/1/, or one end is an older toastbox.',
    );
  return advice.flatMap(text => ['', ...wrap(text, '  -> ', '     ')]);
}

const NAME_COLUMNS = 12;

const aligned = (rows: readonly Row[]): string[] =>
  rows.flatMap(([name, value]) =>
    wrap(value, `  ${name.padEnd(NAME_COLUMNS)}`, ' '.repeat(NAME_COLUMNS + 2)),
  );
