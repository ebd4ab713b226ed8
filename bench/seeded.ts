// Inputs that a seed makes: the same bytes in every run, on every machine.

import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const WORDS = (
  'the a sync board gateway file folder block frame change offer recipe session broker link disk page value index ' +
  'return const function if else for while import export class extends private readonly string number boolean await'
).split(' ');

/** xorshift32, as the tests have it: a number from 0 to 2^32 - 1 at each call. */
export function random(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** Bytes that nothing compresses, at some 1 GB/s: for sizes that must not be held in memory. */
export function writeNoise(file: string, bytes: number, seed: number): void {
  const words = new Uint32Array(2 ** 18);
  let state = seed >>> 0 || 1;
  const handle = openSync(file, 'w');
  for (let written = 0; written < bytes; written += words.byteLength) {
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
    writeSync(handle, words, 0, Math.min(words.byteLength, bytes - written));
  }
  closeSync(handle);
}

/** Lines of words, with numbers between: deflates to about a third. */
export function prose(next: () => number, bytes: number): string {
  const lines: string[] = [];
  for (let length = 0; length < bytes; ) {
    const words = Array.from({ length: 4 + (next() % 8) }, () =>
      next() % 6 === 0 ? (next() % 100_000).toString(36) : WORDS[next() % WORDS.length]!,
    );
    const line = `${'  '.repeat(next() % 4)}${words.join(' ')}\n`;
    lines.push(line);
    length += line.length;
  }
  return lines.join('').slice(0, bytes);
}

function logLines(next: () => number, from: number, bytes: number): string {
  const lines: string[] = [];
  let time = 1_760_000_000_000 + from * 40;
  for (let length = 0; length < bytes; ) {
    time += next() % 400;
    const line =
      `${new Date(time).toISOString()} ${next() % 12 === 0 ? 'WARN' : 'INFO'} ` +
      `worker-${next() % 16} request ${next().toString(16).padStart(8, '0')} took ${next() % 900} ms ` +
      `for /api/v1/${WORDS[next() % WORDS.length]}/${next() % 10_000}\n`;
    lines.push(line);
    length += line.length;
  }
  return lines.join('');
}

/** `count` files of 512 to 1,535 bytes of text, a hundred to a directory. Their bytes together. */
export function makeSmallFiles(folder: string, count: number, seed: number): number {
  const next = random(seed);
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    const directory = join(folder, `d${String(Math.floor(index / 100)).padStart(3, '0')}`);
    if (index % 100 === 0) mkdirSync(directory, { recursive: true });
    const text = prose(next, 512 + (next() % 1024));
    writeFileSync(join(directory, `f${index % 100}.txt`), text);
    bytes += text.length;
  }
  return bytes;
}

/** One change to a folder: what stands there before, and the step that makes the after of it. */
export interface Change {
  name: string;
  before(folder: string): void;
  change(folder: string): void;
}

/** By rename, from outside the folder. */
function replace(folder: string, name: string, bytes: string | Uint8Array): void {
  writeFileSync(`${folder}.new`, bytes);
  renameSync(`${folder}.new`, join(folder, name));
}

const MEBI = 2 ** 20;
/** SQLite's default. */
const PAGE_BYTES = 4096;

/** 1.2 KB more at the end of a log of 12 MB. */
export const appendLog = (seed: number): Change => ({
  name: '1.2 KB appended to a 12 MB log',
  before: folder => writeFileSync(join(folder, 'app.log'), logLines(random(seed), 0, 12 * MEBI)),
  change: folder => {
    const more = logLines(random(seed + 1), 10_000_000, 1200).slice(0, 1200);
    writeFileSync(join(folder, 'app.log'), more, { flag: 'a' });
  },
});

/** A hundred rows set anew in a file of pages, as a database writes them: cells inside, a counter in page one. */
export const updateRows = (seed: number): Change => ({
  name: '100 rows changed in a 13.5 MB file of pages',
  before: folder => {
    const next = random(seed);
    const pages = Buffer.alloc(Math.floor((13.5 * MEBI) / PAGE_BYTES) * PAGE_BYTES);
    for (let at = 0; at < pages.length; at += PAGE_BYTES) {
      pages.writeUInt8(13, at);
      pages.writeUInt32BE(at / PAGE_BYTES, at + 4);
      // Rows are written from the page's end towards its head, some room stays between.
      for (let end = at + PAGE_BYTES; end > at + 400; ) {
        const row = prose(next, 80 + (next() % 160));
        end -= row.length;
        pages.write(row, end, 'latin1');
      }
    }
    writeFileSync(join(folder, 'data.db'), pages);
  },
  change: folder => {
    const next = random(seed + 1);
    const file = join(folder, 'data.db');
    const pages = readFileSync(file);
    const pageCount = pages.length / PAGE_BYTES;
    for (let row = 0; row < 100; row++) {
      const page = next() % pageCount;
      pages.write(prose(next, 40 + (next() % 40)), page * PAGE_BYTES + 400 + (next() % 3500), 'latin1');
      pages.writeUInt32BE(next(), page * PAGE_BYTES + 8);
    }
    pages.writeUInt32BE(next(), 24);
    replace(folder, 'data.db', pages);
  },
});

/** Two lines more, at a third and at two thirds of 5 MB of source. */
export const insertSource = (seed: number): Change => ({
  name: 'two insertions in 5 MB of source',
  before: folder => writeFileSync(join(folder, 'bundle.js'), prose(random(seed), 5 * MEBI)),
  change: folder => {
    const file = join(folder, 'bundle.js');
    const text = readFileSync(file, 'latin1');
    const [first, second] = [Math.floor(text.length / 3), Math.floor((text.length * 2) / 3)];
    const next = random(seed + 1);
    const more = [prose(next, 70), prose(next, 110)];
    const after = `${text.slice(0, first)}${more[0]}${text.slice(first, second)}${more[1]}${text.slice(second)}`;
    replace(folder, 'bundle.js', after);
  },
});

/** A directory of 125 files, 4.2 MB of what hardly compresses, under another name. */
export const renameDirectory = (seed: number): Change => ({
  name: 'a directory of 125 files renamed',
  before: folder => {
    mkdirSync(join(folder, 'pictures'));
    for (let index = 0; index < 125; index++) {
      writeNoise(join(folder, 'pictures', `image-${index}.raw`), 33_600, seed + index + 1);
    }
  },
  change: folder => renameSync(join(folder, 'pictures'), join(folder, 'photos')),
});
