// First sync of very many small files, end to end: agent, Mosquitto, gateway with its plain folder, wall time from
// starting the agent on the full folder. Beside it rsync -a of the same folder to its daemon, as it is and with
// --fsync; ours is durable at both ends and in two places there, its store and the plain copy.

import { lifetime } from './lifetime.ts';
import type { Sampler } from './memory.ts';
import { type RsyncTimes, rsyncTimes } from './rivals.ts';
import { mebibytes, NONE, ratio, seconds, table } from './table.ts';

export async function million(options: { seed: number; files: number; sampler: Sampler }): Promise<string> {
  const { seed, files, sampler } = options;
  const { first, bytes, catalogBytes } = await lifetime(files, seed, sampler);
  const peers: RsyncTimes = await rsyncTimes(files, seed);
  const row = (name: string, ms: number | undefined): string[] => [
    name,
    seconds(ms),
    ms === undefined ? NONE : Math.round(files / (ms / 1000)).toLocaleString('en-US'),
    ms === undefined ? NONE : ratio(ms, peers.plain),
    ms === undefined ? NONE : ratio(ms, peers.synced),
  ];
  const used = (name: string, ms: number, peak: number): string[] => [
    name,
    (ms / 1000).toFixed(1),
    ((ms * 1000) / files).toFixed(0),
    mebibytes(peak),
  ];
  return [
    table(
      `million: first sync of ${files.toLocaleString('en-US')} files, ${(bytes / files).toFixed(0)} bytes on average ` +
        '(aim for a million: 300 s)',
      ['', 'seconds', 'files/s', 'x rsync -a', 'x -a --fsync'],
      [
        row('all durable at the gateway', first.durableMs),
        row('plain copy whole and durable', first.plainMs),
        row('rsync -a', peers.plain),
        row('rsync -a --fsync', peers.synced),
      ],
    ),
    table(
      'where it went (aims: agent 32 MiB, gateway 128 MiB)',
      ['', 'processor s', 'µs a file', 'RssAnon MiB'],
      [
        used('agent', first.agentProcessorMs, first.agentPeak),
        used('gateway', first.gatewayProcessorMs, first.gatewayPeak),
        used('Mosquitto', first.brokerProcessorMs, first.brokerPeak),
      ],
    ),
    `catalog on disk: ${(catalogBytes / files).toFixed(0)} bytes a file (aim: 100); ` +
      `the agent wrote ${Math.round(first.agentToDisk / files)} bytes a file\n`,
  ].join('\n');
}
