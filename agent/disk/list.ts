// One directory's entries, sorted by name bytes, in batches with what lstat says of each.
//
//   idle --start--> gathering --all names read--> ready --more--> ready ... --last batch--> idle
//                        \____________ trouble or a new start ____________________________/
//
// Gathering yields to the event loop every few milliseconds: a directory of a million names takes seconds. Names
// go through names.ts in the arena's listing buffer; stats are taken when the batch is asked for, so they are as
// fresh as can be. What vanished meanwhile is left out. Should another directory stand at the path by then, the
// names are not its own: that ends the listing as CHANGED, for a name that is missing means "deleted" above.
//
// `.toastbox` at the root is never listed. One listing at a time: a new start drops the one under way.

import { checkPath } from '../../protocol/path.ts';
import type { Event, Listed, Path } from '../engine/ports.ts';
import { Gauge } from '../gauge.ts';
import type { Folder } from './folder.ts';
import type { Home } from './home.ts';
import { SortedNames } from './names.ts';
import type { Scheduler } from './schedule.ts';
import { toStat } from './stat.ts';
import type { OpenDirectory, Place, System } from './system.ts';
import { codeOf, DiskError, troubleOf } from './trouble.ts';

/** Entries in a batch: some 60 KB of objects that live until the engine has looked at them. */
export const BATCH_ENTRIES_MAX = 256;

/** Names between two looks at the clock, and what libuv reads ahead. */
const NAMES_PER_LOOK = 256;
const TURN_MS = 8;
const PRIVATE_FILE = 0o600;
const SPILL_NAME = Buffer.from('listing');

interface Listing {
  dir: Path;
  directory: number;
  inode: number;
  handle: OpenDirectory | undefined;
  names: SortedNames;
}

export class Lister {
  readonly #system: System;
  readonly #home: Home;
  readonly #folder: Folder;
  readonly #scheduler: Scheduler;
  readonly #buffer: Uint8Array;
  readonly #tell: (event: Event) => void;
  #listing: Listing | undefined;
  /** Of the listing buffer, in bytes. */
  readonly gauge: Gauge;

  constructor(
    ports: { system: System; home: Home; folder: Folder; scheduler: Scheduler; tell: (event: Event) => void },
    buffer: Uint8Array,
  ) {
    this.#system = ports.system;
    this.#home = ports.home;
    this.#folder = ports.folder;
    this.#scheduler = ports.scheduler;
    this.#tell = ports.tell;
    this.#buffer = buffer;
    const taken = () => this.#listing?.names.bytesTaken ?? 0;
    this.gauge = new Gauge('listing', buffer.length, 'spills', taken, 'bytes');
  }

  /** The directory whose names are in the buffer. */
  get directory(): Path | undefined {
    return this.#listing?.dir;
  }

  /** Begins `dir`; answered by the first batch. Throws what opening it throws. */
  start(dir: Path): void {
    this.drop();
    const fd = this.#folder.directory(dir);
    const { flags } = this.#system;
    const self = this.#system.self(fd);
    // The descriptor stays open: on file systems without entry types Node asks lstat through it.
    const directory = this.#system.openSync(self, flags.RDONLY | flags.DIRECTORY);
    try {
      const listing: Listing = {
        dir: dir.slice(),
        directory,
        inode: this.#system.fstatSync(directory).ino,
        handle: this.#system.opendirSync(this.#system.self(directory), {
          encoding: 'buffer',
          bufferSize: NAMES_PER_LOOK,
        }),
        names: new SortedNames(
          this.#system,
          this.#buffer,
          () => this.#openSpill(),
          () => this.#onFull(),
        ),
      };
      this.#listing = listing;
      this.#scheduler.soon(() => this.#gather(listing));
    } catch (error) {
      this.#system.closeSync(directory);
      throw error;
    }
  }

  /** Goes on with the listing; answered by the next batch. */
  more(): void {
    const listing = this.#listing;
    if (listing === undefined) throw new DiskError('CHANGED');
    this.#scheduler.soon(() => this.#batch(listing));
  }

  drop(): void {
    const listing = this.#listing;
    if (listing === undefined) return;
    this.#listing = undefined;
    this.#closeHandle(listing);
    listing.names.close();
  }

  #gather(listing: Listing): void {
    if (listing !== this.#listing) return;
    const isRoot = listing.dir.length === 0;
    const until = this.#scheduler.now() + TURN_MS;
    try {
      for (let count = 1; ; count++) {
        const name = listing.handle?.readSync()?.name as Uint8Array | undefined;
        if (name === undefined) break;
        if (!isRoot || checkPath(name) !== 'reserved name') listing.names.add(name);
        if (count % NAMES_PER_LOOK === 0 && this.#scheduler.now() >= until) {
          this.#scheduler.soon(() => this.#gather(listing));
          return;
        }
      }
      this.#closeHandle(listing);
      this.gauge.grew();
      listing.names.finish();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#batch(listing);
  }

  #batch(listing: Listing): void {
    if (listing !== this.#listing) return;
    const entries: Listed[] = [];
    let isEnd = false;
    try {
      if (this.#home.trouble !== undefined) throw new DiskError(this.#home.trouble.code);
      const directory = this.#folder.directory(listing.dir);
      if (this.#system.fstatSync(directory).ino !== listing.inode) throw new DiskError('CHANGED');
      isEnd = this.#system.within(directory, near => {
        while (entries.length < BATCH_ENTRIES_MAX) {
          const name = listing.names.next();
          if (name === undefined) return true;
          this.#look(name, near(name), entries);
        }
        return false;
      });
    } catch (error) {
      this.#fail(error);
      return;
    } finally {
      this.#folder.release();
    }
    if (isEnd) this.drop();
    this.#tell({ is: 'listed', entries, isEnd, trouble: undefined });
  }

  #look(name: Uint8Array, place: Place, entries: Listed[]): void {
    try {
      const stat = toStat(this.#system.lstatSync(place));
      entries.push({ name: name.slice(), stat });
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }

  #fail(error: unknown): void {
    this.drop();
    this.#tell({ is: 'listed', entries: [], isEnd: true, trouble: troubleOf(error) });
  }

  #onFull(): void {
    this.gauge.grew();
    this.gauge.met();
  }

  #closeHandle(listing: Listing): void {
    if (listing.handle === undefined) return;
    listing.handle.closeSync();
    listing.handle = undefined;
    this.#system.closeSync(listing.directory);
  }

  /** An empty file that has lost its name again: nothing is left of it after a crash. */
  #openSpill(): number {
    const { flags } = this.#system;
    const place = this.#system.at(this.#home.stateFd, SPILL_NAME);
    try {
      this.#system.unlinkSync(place);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    const fd = this.#system.openSync(
      place,
      flags.RDWR | flags.CREAT | flags.EXCL | flags.NOFOLLOW,
      PRIVATE_FILE,
    );
    this.#system.unlinkSync(place);
    return fd;
  }
}
