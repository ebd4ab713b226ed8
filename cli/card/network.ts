// Whether a board with a network of its own can reach anything. What is wrong here no status ever tells, since the link
// that would carry it is what does not come up: so all that can be known before is refused in words.

import { isIP } from 'node:net';
import { Failure } from '../../agent/failure.ts';
import type { SettingsOf } from '../options/table.ts';

type Network = Pick<SettingsOf<'card'>, 'address' | 'router' | 'dns' | 'time-server'>;

/** Throws the mistake in a board's network, from which `broker`, a URL, must be reached. */
export function checkNetwork({ address, router, dns, 'time-server': time }: Network, broker: string): void {
  if (address === undefined) {
    if ((router ?? dns) === undefined) return;
    throw wrong('router and dns need an address: without one, DHCP brings all three');
  }
  const { ip, mask } = subnetOf(address);
  const isHost = (host: number) => ~mask < 2 || ((host & ~mask) !== 0 && (host | mask) !== -1);
  const isNear = (host: number) => ((host ^ ip) & mask) === 0;
  if (!isHost(ip)) throw wrong(`address: ${address} names the network itself or everyone in it, no board`);
  const first = ip >>> 24;
  if (first === 0 || first === 127 || first >= 224)
    throw wrong(`address: ${address} is none that a board may have`);
  if (router !== undefined) {
    const way = numberOf(router);
    if (!isNear(way) || !isHost(way) || way === ip)
      throw wrong(`router: ${router} is none in the network of ${address}`);
  }
  const name = new URL(broker).hostname;
  const called = { broker: name, dns, 'time-server': time };
  for (const [option, host] of Object.entries(called)) {
    if (host === undefined) continue;
    const family = isIP(host.replace(/^\[(.*)\]$/, '$1'));
    if (family === 0 && dns === undefined)
      throw wrong(`${option}: with an address of its own, a board needs dns too to find ${host}`);
    if (family === 4 && router === undefined && !isNear(numberOf(host)))
      throw wrong(`${option}: ${host} is not in the network of ${address}, so a router is needed`);
  }
}

const wrong = (text: string): Failure => new Failure('usage', text);

/** An IPv4 address as the 32 bits that it is. */
const numberOf = (ip: string): number => ip.split('.').reduce((all, byte) => (all << 8) | Number(byte), 0);

function subnetOf(address: string): { ip: number; mask: number } {
  const [ip, bits] = address.split('/');
  return { ip: numberOf(ip!), mask: -1 << (32 - Number(bits)) };
}
