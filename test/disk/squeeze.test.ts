import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { AGENT_NODE_FLAGS } from '../../cli/flags.ts';
import { DICTIONARY_BYTES_MAX, RUN_BYTES_MAX } from '../../protocol/limits.ts';

const none = new Uint8Array(0);
const bytesOf = (max: number) => fc.uint8Array({ maxLength: max });

test('squeeze: any bytes and dictionary -> come back whole, the same bytes each time', () => {
  fc.assert(
    fc.property(bytesOf(2000), bytesOf(500), (bytes, dictionary) => {
      const stored = squeeze.deflate(bytes, dictionary);
      expect(Buffer.compare(squeeze.deflate(bytes, dictionary), stored)).toBe(0);
      const back = squeeze.inflate(stored, dictionary, bytes.length);
      expect(back && Buffer.compare(back, bytes)).toBe(0);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('squeeze: largest run after largest dictionary -> a repeat costs a thirtieth', () => {
  const dictionary = new Uint8Array(DICTIONARY_BYTES_MAX).map(
    (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255,
  );
  const bytes = dictionary.slice(0, RUN_BYTES_MAX);
  const stored = squeeze.deflate(bytes, dictionary);
  expect(stored.length).toBeLessThan(RUN_BYTES_MAX / 30);
  expect(Buffer.from(squeeze.inflate(stored, dictionary, RUN_BYTES_MAX) ?? none).equals(bytes)).toBe(true);
});

test('squeeze: length differs from what is stored -> undefined', () => {
  const stored = squeeze.deflate(Buffer.alloc(1000, 7), none);
  for (const length of [0, 1, 999, 1001, 100_000])
    expect(squeeze.inflate(stored, none, length)).toBeUndefined();
});

test('squeeze: a bomb -> refused at its announced length', () => {
  const bomb = deflateRawSync(Buffer.alloc(64 << 20));
  expect(squeeze.inflate(bomb, none, 1000)).toBeUndefined();
});

test('squeeze: cut short, padded or another dictionary -> undefined', () => {
  const dictionary = Buffer.from('the quick brown fox jumps over the lazy dog');
  const stored = squeeze.deflate(dictionary, dictionary);
  const padded = Buffer.concat([stored, Buffer.from([0])]);
  for (let end = 0; end < stored.length; end++)
    expect(squeeze.inflate(stored.subarray(0, end), dictionary, dictionary.length)).toBeUndefined();
  expect(squeeze.inflate(padded, dictionary, dictionary.length)).toBeUndefined();
  expect(squeeze.inflate(stored, none, dictionary.length)).toBeUndefined();
});

test('squeeze: arbitrary bytes of a peer -> undefined or the right length, never an exception', () => {
  fc.assert(
    fc.property(bytesOf(300), bytesOf(100), fc.nat(400), (bytes, dictionary, length) => {
      const back = squeeze.inflate(bytes, dictionary, length);
      expect(back === undefined || back.length === length).toBe(true);
    }),
    { seed: 2, numRuns: 3000 },
  );
});

const BUILT = fileURLToPath(new URL('../../dist/agent/disk/squeeze.js', import.meta.url));

// In a process of its own, that may collect as an agent may.
const LITTER = `
  const { squeeze } = await import(BUILT);
  const none = new Uint8Array(0);
  const plain = Buffer.from(Array.from({ length: 28672 }, (_, at) => (at * at) >> 7));
  const stored = squeeze.deflate(plain, none);
  let most = 0;
  for (let turn = 0; turn < 1000; turn++) {
    DOES;
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  }
  console.log(most);
`;

test.each([
  ['inflated', 'squeeze.inflate(stored, none, plain.length)'],
  ['deflated', 'squeeze.deflate(plain, none)'],
])('squeeze: a thousand runs %s -> their buffers are garbage that goes, not megabytes of it', (_, does) => {
  const code = LITTER.replace('BUILT', JSON.stringify(BUILT)).replace('DOES', does);
  const { stdout } = spawnSync(process.execPath, [...AGENT_NODE_FLAGS, '--input-type=module', '-e', code]);
  expect(Number(stdout.toString())).toBeGreaterThan(0);
  // 13 MB without; a collection of V8's own, just before, leaves some of them to the next.
  expect(Number(stdout.toString())).toBeLessThan(3 * 2 ** 20);
});

// In a process of its own, which gets 64 MiB more address space than it has already, by util-linux's prlimit.
const SHORT_OF_MEMORY = `
  const { squeeze } = await import(${JSON.stringify(BUILT)});
  const { execFileSync } = await import('node:child_process');
  const { readFileSync } = await import('node:fs');
  const none = new Uint8Array(0);
  const stored = squeeze.deflate(Buffer.from('of a peer'), none);
  const has = Number(/^VmSize:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (has + (64 << 20))]);
  let code = 'nothing thrown';
  try { squeeze.inflate(stored, none, 1 << 30); } catch (error) { code = error.code; }
  console.log(code, String(Buffer.from(squeeze.inflate(stored, none, 9))));
`;
const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

test.skipIf(!hasPrlimit)('squeeze: no memory for the answer -> ENOMEM, and no word against the bytes', () => {
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', SHORT_OF_MEMORY]);
  expect(stdout.toString()).toBe('ENOMEM of a peer\n');
});

test('squeeze: a length that no buffer has -> thrown on: a mistake of ours', () => {
  const stored = squeeze.deflate(Buffer.from('of a peer'), none);
  expect(() => squeeze.inflate(stored, none, 2 ** 53 - 1)).toThrow(/out of range/);
});
