// Small files read whole, many in one go, into the arena's window, and hashed together.
//
//   window:  | file | file | file | ...           | scratch for others |
//
// What a file of some hundred bytes costs is calls, not bytes: so each directory is opened once for the files of it
// that follow each other, their names are looked up in it without a path, and four are hashed at a time. A file that
// is not just as expected is told as `other` and takes no room: whoever asked reads it alone, and learns why.
//
// The file is as expected before its bytes are read and after: what lies between is one version of it.

import { ID_BYTES } from '../../protocol/limits.ts';
import { checkPath, parentOf } from '../../protocol/path.ts';
import { RECORD_BYTES } from '../../protocol/record.ts';
import { type Gathered, type Path, type Stat, youthMs } from '../engine/ports.ts';
import type { DiskArena, Examiner } from './examine.ts';
import type { Folder } from './folder.ts';
import type { Scheduler } from './schedule.ts';
import { isSame, toStat } from './stat.ts';
import type { Place, System } from './system.ts';
import { codeOf } from './trouble.ts';

export interface Wanted {
  path: Path;
  expect: Stat;
}

const OTHER: Gathered = { is: 'other' };

export class Gatherer {
  readonly #system: System;
  readonly #folder: Folder;
  readonly #scheduler: Scheduler;
  readonly #examiner: Examiner;
  readonly #arena: DiskArena;
  #filled = 0;

  constructor(
    ports: { system: System; folder: Folder; scheduler: Scheduler; examiner: Examiner },
    arena: DiskArena,
  ) {
    this.#system = ports.system;
    this.#folder = ports.folder;
    this.#scheduler = ports.scheduler;
    this.#examiner = ports.examiner;
    this.#arena = arena;
  }

  gather(items: readonly Wanted[]): Gathered[] {
    this.#examiner.drop();
    this.#filled = 0;
    const files: Gathered[] = [];
    for (let from = 0; from < items.length; ) {
      const dir = parentOf((items[from] as Wanted).path);
      let to = from + 1;
      while (to < items.length && Buffer.compare(parentOf((items[to] as Wanted).path), dir) === 0) to++;
      this.#readSiblings(dir, items.slice(from, to), files);
      from = to;
    }
    this.#examiner.hold(this.#filled);
    this.#hash(files);
    return files;
  }

  #readSiblings(dir: Path, items: readonly Wanted[], files: Gathered[]): void {
    const nameFrom = dir.length === 0 ? 0 : dir.length + 1;
    const end = files.length + items.length;
    try {
      this.#system.within(this.#folder.directory(dir), near => {
        for (const { path, expect } of items) {
          const isClean = checkPath(path) === undefined;
          files.push(isClean ? this.#read(near(path.subarray(nameFrom)), expect) : OTHER);
        }
      });
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      while (files.length < end) files.push(OTHER);
    }
  }

  #read(place: Place, expect: Stat): Gathered {
    const { flags } = this.#system;
    let fd: number;
    try {
      fd = this.#system.openSync(place, flags.RDONLY | flags.NONBLOCK | flags.NOFOLLOW);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return OTHER;
    }
    try {
      const stat = toStat(this.#system.fstatSync(fd));
      const { window } = this.#arena;
      const offset = this.#filled;
      const isYoung = youthMs(stat.ctime, this.#scheduler.now()) > 0;
      if (isYoung || !isSame(stat, expect) || offset + stat.size > window.length) return OTHER;
      const count = this.#system.readSync(fd, window, offset, stat.size, 0);
      if (count !== stat.size || !isSame(toStat(this.#system.fstatSync(fd)), expect)) return OTHER;
      if (!this.#arena.isOneBlock(offset, count)) return OTHER;
      this.#filled += count;
      return { is: 'read', stat, offset, content: window, record: window };
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return OTHER;
    } finally {
      this.#system.closeSync(fd);
    }
  }

  /** Gives each that was read its record and content id. */
  #hash(files: readonly Gathered[]): void {
    const read = files.filter(file => file.is === 'read');
    if (read.length === 0) return;
    const { records, contents } = this.#arena.hashFiles(read.map(({ stat }) => stat.size));
    read.forEach((file, index) => {
      file.record = records.subarray(index * RECORD_BYTES, (index + 1) * RECORD_BYTES);
      file.content = contents.subarray(index * ID_BYTES, (index + 1) * ID_BYTES);
    });
  }
}
