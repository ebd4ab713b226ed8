import { expect, test } from 'vitest';
import { checkNetwork } from '../../cli/card/network.ts';

const IP = 'mqtt://10.0.2.9:1884';
const NAME = 'mqtts://broker.lan';
type Word = string | undefined;
type Words = readonly [address?: Word, router?: Word, dns?: Word, broker?: Word, time?: Word];
const check = ([address, router, dns, broker = IP, time]: Words) =>
  checkNetwork({ address, router, dns, 'time-server': time }, broker);

test.each<[string, Words]>([
  ['DHCP', [undefined, undefined, undefined, NAME, 'pool.ntp.org']],
  ['all of it', ['10.0.2.15/24', '10.0.2.2', '8.8.8.8', NAME, 'pool.ntp.org']],
  ['a broker in the network', ['10.0.2.15/24']],
  ['addresses with the first bit set', ['192.168.255.254/16', '192.168.0.1', '192.168.0.1', NAME]],
  ['two hosts alone', ['10.0.2.8/31']],
  ['the whole world', ['10.0.2.15/1', undefined, undefined, 'mqtt://1.2.3.4']],
  ['a broker by IPv6', ['10.0.2.15/24', undefined, undefined, 'mqtt://[fe80::1]:1883']],
])('network: %s -> taken', (_, words) => {
  check(words);
});

test.each<[string, Words, RegExp]>([
  ['a router by DHCP', [undefined, '10.0.2.2'], /router and dns need an address/],
  ['the network itself', ['10.0.2.0/24'], /address: 10\.0\.2\.0\/24 names the network itself/],
  ['everyone in it', ['10.0.2.255/24'], /address: .* everyone/],
  ['no network', ['0.0.0.7/24'], /address: 0\.0\.0\.7\/24 is none that a board may have/],
  ['the machine itself', ['127.0.0.2/8'], /is none that a board may have/],
  ['a group', ['224.0.0.5/24'], /is none that a board may have/],
  ['a router elsewhere', ['192.168.1.7/24', '192.168.2.1'], /router: 192\.168\.2\.1 is none in the network/],
  ['a router that is the board', ['192.168.1.7/24', '192.168.1.7'], /router: .* is none in/],
  ['a router that is the network', ['192.168.1.7/24', '192.168.1.0'], /router: .* is none in/],
  ['a router for one address', ['10.0.2.15/32', '10.0.2.2'], /router: .* is none in/],
  [
    'a broker by name, no dns',
    ['10.0.2.15/24', '10.0.2.2', undefined, NAME],
    /broker: .*needs dns.*broker\.lan/,
  ],
  [
    'a time server by name, no dns',
    ['10.0.2.15/24', undefined, undefined, IP, 'ntp.lan'],
    /time-server: .*needs dns/,
  ],
  ['a broker elsewhere, no router', ['10.0.3.15/24'], /broker: 10\.0\.2\.9 is not in .* a router is needed/],
  ['dns elsewhere, no router', ['10.0.2.15/24', undefined, '8.8.8.8'], /dns: 8\.8\.8\.8 is not in/],
])('network: %s -> said', (_, words, said) => {
  expect(() => check(words)).toThrow(said);
});
