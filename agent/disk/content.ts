// File bytes in and out between two looks at the event loop: reads for what is sent, copies and patches for what is
// staged.
//
// Bytes taken from a file of the folder are only good while the file is as the engine knows it: fstat of what was
// opened is compared with `expect` before the first byte and again after the last. A false byte that slips through
// is caught by the content id; this spares the transfer.
//
// Cost: no memory but the arena's: `run` for reads, what an examination leaves free of the window for copies and
// dictionaries.

import { NO_BYTES } from '../../protocol/bytes.ts';
import { DICTIONARY_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import type { Dictionary, Path, Squeeze, Stat, Whole } from '../engine/ports.ts';
import type { DiskArena, Examiner } from './examine.ts';
import type { Folder } from './folder.ts';
import type { Stage } from './stage.ts';
import { isSame, toStat } from './stat.ts';
import type { System } from './system.ts';
import { codeOf, DiskError } from './trouble.ts';

export class Content {
  readonly #system: System;
  readonly #folder: Folder;
  readonly #stage: Stage;
  readonly #examiner: Examiner;
  readonly #squeeze: Squeeze;
  readonly #arena: DiskArena;

  constructor(
    ports: { system: System; folder: Folder; stage: Stage; examiner: Examiner; squeeze: Squeeze },
    arena: DiskArena,
  ) {
    this.#system = ports.system;
    this.#folder = ports.folder;
    this.#stage = ports.stage;
    this.#examiner = ports.examiner;
    this.#squeeze = ports.squeeze;
    this.#arena = arena;
  }

  /** Reads into the run buffer at 0, up to the file's end; `stat` is taken after the read. */
  read(path: Path, offset: number, length: number): { bytes: number; stat: Stat } {
    if (length > this.#arena.run.length) throw new RangeError(`read of ${length} bytes`);
    return this.#withFile(path, fd => {
      const bytes = this.#readFully(fd, this.#arena.run, 0, length, offset);
      return { bytes, stat: toStat(this.#system.fstatSync(fd)) };
    });
  }

  readTarget(path: Path): Uint8Array {
    try {
      return this.#system.readlinkSync(this.#folder.spot(path).place, { encoding: 'buffer' });
    } catch (error) {
      throw codeOf(error) === 'EINVAL' ? new DiskError('CHANGED') : error; // no symlink any more
    }
  }

  copy(slot: number, offset: number, from: Path, expect: Stat, fromOffset: number, length: number): void {
    const scratch = this.#examiner.scratch();
    this.#withFile(from, fd => {
      this.#refuseChanged(fd, expect);
      for (let done = 0; done < length; ) {
        const count = Math.min(scratch.length, length - done);
        this.#readAll(fd, scratch, 0, count, fromOffset + done);
        this.#stage.write(slot, scratch.subarray(0, count), offset + done);
        done += count;
      }
      this.#refuseChanged(fd, expect);
    });
  }

  patch(slot: number, offset: number, length: number, stored: Uint8Array, dictionary: Dictionary): void {
    if (stored.length === length) {
      this.#stage.write(slot, stored, offset);
      return;
    }
    const known = this.#dictionary(slot, offset, dictionary);
    const bytes = this.#squeeze.inflate(stored, known, length);
    // Not what was deflated: the sender's dictionary was another, or its bytes are wrong.
    if (bytes === undefined) throw new DiskError('EBADMSG');
    this.#stage.write(slot, bytes, offset);
  }

  /** Stages a small file whole; the content id of what the disk gives back. */
  stageWhole({ slot, stored, length }: Whole): Uint8Array {
    const bytes = stored.length === length ? stored : this.#squeeze.inflate(stored, NO_BYTES, length);
    if (bytes === undefined) throw new DiskError('EBADMSG');
    const scratch = this.#examiner.scratch();
    const count = this.#stage.startWhole(slot, bytes, scratch);
    return this.#arena.wholeContentId(scratch.subarray(0, count));
  }

  #dictionary(slot: number, offset: number, { from, tail }: Dictionary): Uint8Array {
    const fromLength = from?.length ?? 0;
    if (fromLength + tail > DICTIONARY_BYTES_MAX || tail > offset) throw new DiskError('EBADMSG');
    const scratch = this.#examiner.scratch();
    if (from !== undefined) {
      this.#withFile(from.path, fd => {
        this.#refuseChanged(fd, from.expect);
        this.#readAll(fd, scratch, 0, from.length, from.offset);
        this.#refuseChanged(fd, from.expect);
      });
    }
    if (tail > 0) this.#readAll(this.#stage.fd(slot), scratch, fromLength, tail, offset - tail);
    return scratch.subarray(0, fromLength + tail);
  }

  #withFile<T>(path: Path, use: (fd: number) => T): T {
    const { flags } = this.#system;
    const { place } = this.#folder.spot(path);
    const fd = this.#system.openSync(place, flags.RDONLY | flags.NOFOLLOW | flags.NONBLOCK);
    try {
      const stat = toStat(this.#system.fstatSync(fd));
      if (stat.kind !== Kind.FILE) throw new DiskError('CHANGED', stat);
      return use(fd);
    } finally {
      this.#system.closeSync(fd);
    }
  }

  #refuseChanged(fd: number, expect: Stat): void {
    const stat = toStat(this.#system.fstatSync(fd));
    if (!isSame(stat, expect)) throw new DiskError('CHANGED', stat);
  }

  #readFully(fd: number, into: Uint8Array, at: number, length: number, offset: number): number {
    let done = 0;
    while (done < length) {
      const count = this.#system.readSync(fd, into, at + done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  #readAll(fd: number, into: Uint8Array, at: number, length: number, offset: number): void {
    if (this.#readFully(fd, into, at, length, offset) < length) throw new DiskError('CHANGED');
  }
}
