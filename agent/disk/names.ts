// Names of a directory, any number of them, handed out in order of their bytes from a fixed buffer.
//
//   gathering:  | output chunk | name name name ...      free      ... offsets |
//   merging:    | output chunk | chunk of run 0 | chunk of run 1 | ...         |
//
// Names gather in the buffer behind one another, each with its length before it; a table of their offsets grows
// towards them from the end. When the two meet, the names are sorted and written to the spill file as a run; runs
// of one level that would fill the buffer's chunks are merged into one of the next level. At the end the runs that
// are left are merged as they are read. A directory that fits is sorted in place and touches no file.
//
// Names that come twice (a directory may change while it is read) go out once.
//
// Cost: n log n comparisons, and each name written once per level: 60 runs a level with 256 KiB of buffer, so two
// levels hold over 30 million names. The spill file is as long as all names, once per level.

import { NAME_BYTES_MAX } from '../../protocol/limits.ts';
import type { System } from './system.ts';
import { DiskError } from './trouble.ts';

/** Read and written at once. Under 4 KiB the calls cost more than the bytes. */
const CHUNK_BYTES = 4096;
/** With fewer chunks there is nothing to merge into. */
const CHUNKS_MIN = 4;

interface Run {
  start: number;
  end: number;
  level: number;
}

/** A run being read: `at` is where its current name's length stands in the buffer. */
interface Reader {
  next: number;
  end: number;
  chunk: number;
  filled: number;
  at: number;
}

export class SortedNames {
  readonly #system: System;
  readonly #buffer: Uint8Array;
  readonly #offsets: Uint32Array;
  readonly #openSpill: () => number;
  readonly #onFull: () => void;
  readonly #fanIn: number;
  #spillFd = -1;
  #spillEnd = 0;
  #runs: Run[] = [];
  #front = CHUNK_BYTES;
  #count = 0;
  #output = 0;
  /** In order of their current names, as a binary heap; none when everything fits the buffer. */
  #heap: Reader[] = [];
  #handed = 0;
  readonly #last = new Uint8Array(NAME_BYTES_MAX);
  #lastLength = -1;

  /** `openSpill` opens an empty file to read and write, when one is needed; `onFull` is told before each run. */
  constructor(system: System, buffer: Uint8Array, openSpill: () => number, onFull = () => {}) {
    const usable = buffer.length - (buffer.length % CHUNK_BYTES);
    if (usable < CHUNKS_MIN * CHUNK_BYTES) throw new RangeError('listing buffer under 16 KiB');
    if (buffer.byteOffset % 4 !== 0) throw new RangeError('listing buffer not aligned');
    this.#system = system;
    this.#buffer = buffer.subarray(0, usable);
    this.#offsets = new Uint32Array(buffer.buffer, buffer.byteOffset, usable / 4);
    this.#openSpill = openSpill;
    this.#onFull = onFull;
    this.#fanIn = usable / CHUNK_BYTES - 1;
  }

  add(name: Uint8Array): void {
    if (this.#front + 1 + name.length > this.#buffer.length - 4 * (this.#count + 1)) this.#spill();
    this.#buffer[this.#front] = name.length;
    this.#buffer.set(name, this.#front + 1);
    this.#count++;
    this.#offsets[this.#offsets.length - this.#count] = this.#front;
    this.#front += 1 + name.length;
  }

  /** Bytes of the buffer in use: names and their offsets, or all of it while runs are merged. */
  get bytesTaken(): number {
    return this.#heap.length > 0 ? this.#buffer.length : this.#front + 4 * this.#count;
  }

  /** No more names come: from now on next() hands them out. */
  finish(): void {
    if (this.#runs.length === 0) {
      this.#sort();
      return;
    }
    if (this.#count > 0) this.#spill();
    while (this.#runs.length > this.#fanIn) this.#mergeLast();
    this.#heap = this.#startReading(this.#runs);
  }

  /** The next name, valid until the next call; undefined at the end. */
  next(): Uint8Array | undefined {
    for (;;) {
      const at = this.#runs.length > 0 ? this.#heap[0]?.at : this.#gathered();
      if (at === undefined) return undefined;
      const name = this.#name(at);
      const isRepeat = name.length === this.#lastLength && name.every((byte, i) => byte === this.#last[i]);
      this.#last.set(name);
      this.#lastLength = name.length;
      if (this.#runs.length > 0) this.#advance(this.#heap);
      else this.#handed++;
      if (!isRepeat) return this.#last.subarray(0, this.#lastLength);
    }
  }

  close(): void {
    if (this.#spillFd >= 0) this.#system.closeSync(this.#spillFd);
    this.#spillFd = -1;
  }

  #gathered(): number | undefined {
    return this.#handed < this.#count
      ? this.#offsets[this.#offsets.length - this.#count + this.#handed]
      : undefined;
  }

  #name(at: number): Uint8Array {
    return this.#buffer.subarray(at + 1, at + 1 + (this.#buffer[at] as number));
  }

  #sort(): void {
    this.#offsets.subarray(this.#offsets.length - this.#count).sort((a, b) => this.#compare(a, b));
  }

  #compare(a: number, b: number): number {
    const bytes = this.#buffer;
    const aLength = bytes[a] as number;
    const bLength = bytes[b] as number;
    const common = Math.min(aLength, bLength);
    for (let i = 1; i <= common; i++) {
      const difference = (bytes[a + i] as number) - (bytes[b + i] as number);
      if (difference !== 0) return difference;
    }
    return aLength - bLength;
  }

  /** Writes what is gathered to the spill file, in order, and begins anew. */
  #spill(): void {
    this.#sort();
    this.#onFull();
    if (this.#spillFd < 0) this.#spillFd = this.#openSpill();
    const start = this.#spillEnd;
    for (let i = this.#count; i > 0; i--) this.#put(this.#offsets[this.#offsets.length - i] as number);
    this.#flush();
    this.#runs.push({ start, end: this.#spillEnd, level: 0 });
    this.#front = CHUNK_BYTES;
    this.#count = 0;
    while (this.#isLevelFull()) this.#mergeLast();
  }

  #isLevelFull(): boolean {
    const first = this.#runs[this.#runs.length - this.#fanIn];
    return first !== undefined && first.level === this.#runs.at(-1)?.level;
  }

  /** Merges the last runs, as many as there are chunks, into one. */
  #mergeLast(): void {
    const runs = this.#runs.splice(-this.#fanIn);
    const start = this.#spillEnd;
    const heap = this.#startReading(runs);
    for (let reader = heap[0]; reader !== undefined; reader = heap[0]) {
      this.#put(reader.at);
      this.#advance(heap);
    }
    this.#flush();
    this.#runs.push({ start, end: this.#spillEnd, level: (runs[0] as Run).level + 1 });
  }

  #put(at: number): void {
    const length = 1 + (this.#buffer[at] as number);
    if (this.#output + length > CHUNK_BYTES) this.#flush();
    this.#buffer.copyWithin(this.#output, at, at + length);
    this.#output += length;
  }

  #flush(): void {
    for (let done = 0; done < this.#output; ) {
      const count = this.#system.writeSync(
        this.#spillFd,
        this.#buffer,
        done,
        this.#output - done,
        this.#spillEnd,
      );
      if (count === 0) throw new DiskError('EIO');
      done += count;
      this.#spillEnd += count;
    }
    this.#output = 0;
  }

  #startReading(runs: Run[]): Reader[] {
    const readers = runs.map(({ start, end }, i): Reader => {
      const chunk = CHUNK_BYTES * (i + 1);
      return { next: start, end, chunk, filled: chunk, at: chunk };
    });
    // Sorted is a heap already.
    return readers.filter(reader => this.#fill(reader)).sort((a, b) => this.#compare(a.at, b.at));
  }

  /** Makes sure that the reader's whole current name is in the buffer; false at the end of its run. */
  #fill(reader: Reader): boolean {
    const { at, filled } = reader;
    if (at < filled && at + 1 + (this.#buffer[at] as number) <= filled) return true;
    this.#buffer.copyWithin(reader.chunk, at, filled);
    reader.at = reader.chunk;
    reader.filled = reader.chunk + filled - at;
    while (reader.next < reader.end && reader.filled < reader.chunk + CHUNK_BYTES) {
      const room = Math.min(reader.chunk + CHUNK_BYTES - reader.filled, reader.end - reader.next);
      const count = this.#system.readSync(this.#spillFd, this.#buffer, reader.filled, room, reader.next);
      if (count === 0) throw new DiskError('EIO');
      reader.filled += count;
      reader.next += count;
    }
    return reader.at < reader.filled;
  }

  /** Takes the first reader's name off and restores the heap. */
  #advance(heap: Reader[]): void {
    const first = heap[0] as Reader;
    first.at += 1 + (this.#buffer[first.at] as number);
    if (!this.#fill(first)) {
      const last = heap.pop() as Reader;
      if (heap.length === 0) return;
      if (last !== first) heap[0] = last;
    }
    for (let parent = 0; ; ) {
      let child = 2 * parent + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && this.#isBefore(heap, child + 1, child)) child++;
      if (!this.#isBefore(heap, child, parent)) return;
      [heap[parent], heap[child]] = [heap[child] as Reader, heap[parent] as Reader];
      parent = child;
    }
  }

  #isBefore(heap: Reader[], a: number, b: number): boolean {
    return this.#compare((heap[a] as Reader).at, (heap[b] as Reader).at) < 0;
  }
}
