// One directory's entries, sorted by name bytes, in batches with what lstat says of each.
//
//   idle --start--> gathering --all names read--> ready --more--> ready ... --last batch--> idle
//                        \____________ trouble or a new start ____________________________/
//
// A directory whose rows fit their part of the listing buffer is read, looked at and sorted at once: one batch, of one
// moment. Of a larger one the names are gathered first, which yields to the event loop every few milliseconds (a
// million take a second), and go through names.ts; stats are taken when the batch is asked for. What vanished
// meanwhile is left out. Should another directory stand at the path by then, the names are not its own: that ends
// the listing as CHANGED, for a name that is missing means "deleted" above.
//
// Names are text here, each character a byte, since Node makes those for half of what a Buffer costs.
//
// `.toastbox` at the root is never listed. One listing at a time: a new start drops the one under way.

import { copyOf, latin1 } from '../../protocol/bytes.ts';
import { checkPath } from '../../protocol/path.ts';
import type { Event, Path, Rows, Stat, Trouble } from '../engine/ports.ts';
import { Gauge } from '../gauge.ts';
import type { Folder } from './folder.ts';
import { type Home, PRIVATE_FILE } from './home.ts';
import { giveBack, isLent } from './lend.ts';
import { refuseLocked } from './locked.ts';
import { SortedNames } from './names.ts';
import type { Scheduler } from './schedule.ts';
import { MOUNTED, toStat, UNKNOWN } from './stat.ts';
import type { OpenDirectory, Place, System } from './system.ts';
import { codeOf, DiskError, troubleOf } from './trouble.ts';

/** Rows in a batch of a large directory: some milliseconds of system calls. */
const BATCH_ROWS_MAX = 1024;

/** Names between two looks at the clock, and what libuv reads ahead. */
const NAMES_PER_LOOK = 256;
const TURN_MS = 8;
const SPILL_NAME = Buffer.from('listing');

type Near = (name: Uint8Array | string) => Place;

/** Where rows are written: agent/arena/rows.ts. */
export interface ListingRows extends Rows {
  readonly hasRoom: boolean;
  /** Of `bytes`, those in use. */
  readonly bytesTaken: number;
  /** The part of the listing buffer that names may use. */
  readonly rest: Uint8Array;
  clear(): void;
  /** `name`: bytes, or text of which each character is one. */
  add(name: Uint8Array | string, stat: Stat): void;
  sort(): void;
}

interface Listing {
  dir: Path;
  directory: number;
  inode: number;
  /** Opened with the first name: what appears between an opening and its reading may be left out (POSIX readdir). */
  handle: OpenDirectory | undefined;
  isClosed: boolean;
  /** A name was read. */
  hasBegun: boolean;
  /** None while all fits the rows. */
  names: SortedNames | undefined;
}

export class Lister {
  readonly #system: System;
  readonly #home: Home;
  readonly #folder: Folder;
  readonly #scheduler: Scheduler;
  readonly #rows: ListingRows;
  readonly #tell: (event: Event) => void;
  #listing: Listing | undefined;
  /** Of the rows, why the first is there by its name only. */
  #hidden: Trouble | undefined;
  /** Of the listing buffer, in bytes. */
  readonly gauge: Gauge;

  constructor(
    ports: { system: System; home: Home; folder: Folder; scheduler: Scheduler; tell: (event: Event) => void },
    rows: ListingRows,
  ) {
    this.#system = ports.system;
    this.#home = ports.home;
    this.#folder = ports.folder;
    this.#scheduler = ports.scheduler;
    this.#tell = ports.tell;
    this.#rows = rows;
    this.gauge = new Gauge('listing', rows.bytes + rows.rest.length, 'spills', () => this.#taken(), 'bytes');
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
      const { ino, mode } = this.#system.fstatSync(directory);
      // It could be opened, so this agent is root, and the one that left it so was not.
      if (isLent(mode)) giveBack(this.#system, directory);
      const listing: Listing = {
        dir: copyOf(dir),
        directory,
        inode: ino,
        handle: undefined,
        isClosed: false,
        hasBegun: false,
        names: undefined,
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
    listing.names?.close();
  }

  #taken(): number {
    const listing = this.#listing;
    return listing === undefined ? 0 : this.#rows.bytesTaken + (listing.names?.bytesTaken ?? 0);
  }

  #gather(listing: Listing): void {
    if (listing !== this.#listing) return;
    try {
      listing.handle ??= this.#system.opendirSync(this.#system.self(listing.directory), {
        encoding: 'latin1',
        bufferSize: NAMES_PER_LOOK,
      });
      if (listing.names === undefined) {
        if (this.#gatherRows(listing)) {
          this.#rows.sort();
          this.gauge.grew();
          this.#end(listing);
          return;
        }
        this.#spillRows(listing);
      }
      const { names } = listing;
      if (names === undefined || !this.#gatherNames(listing, names)) return;
      this.#closeHandle(listing);
      this.gauge.grew();
      names.finish();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#batch(listing);
  }

  /** Reads and looks at once. False when there is more than the rows hold. */
  #gatherRows(listing: Listing): boolean {
    this.#clearRows();
    try {
      return this.#within(listing, near => {
        while (this.#rows.hasRoom) {
          const name = this.#nextName(listing);
          if (name === undefined) return true;
          this.#look(listing.dir, name, near);
        }
        return false;
      });
    } finally {
      this.#folder.release();
    }
  }

  /** Too many for one batch: from now on it is names. */
  #spillRows(listing: Listing): void {
    const names = new SortedNames(
      this.#system,
      this.#rows.rest,
      () => this.#openSpill(),
      () => this.#onFull(),
    );
    listing.names = names;
    for (let index = 0; index < this.#rows.count; index++) names.add(this.#rows.at(index).name);
    this.#clearRows();
  }

  /** False when it goes on in another turn. */
  #gatherNames(listing: Listing, names: SortedNames): boolean {
    const until = this.#scheduler.now() + TURN_MS;
    for (let count = 1; ; count++) {
      const name = this.#nextName(listing);
      if (name === undefined) return true;
      names.add(Buffer.from(name, 'latin1'));
      if (count % NAMES_PER_LOOK === 0 && this.#scheduler.now() >= until) {
        this.#scheduler.soon(() => this.#gather(listing));
        return false;
      }
    }
  }

  #nextName(listing: Listing): string | undefined {
    for (;;) {
      const name = listing.handle?.readSync()?.name;
      if (name === undefined) return undefined;
      if (!listing.hasBegun) refuseLocked(this.#system, listing.directory, name);
      listing.hasBegun = true;
      if (listing.dir.length > 0 || checkPath(Buffer.from(name, 'latin1')) !== 'reserved name') return name;
    }
  }

  /** Stands in the directory, if it is still the one that was opened. */
  #within<T>(listing: Listing, act: (near: Near) => T): T {
    if (this.#home.trouble !== undefined) throw new DiskError(this.#home.trouble.code);
    const directory = this.#folder.directory(listing.dir);
    if (this.#system.fstatSync(directory).ino !== listing.inode) throw new DiskError('CHANGED');
    return this.#system.within(directory, act);
  }

  #batch(listing: Listing): void {
    if (listing !== this.#listing) return;
    const { names } = listing;
    if (names === undefined) return;
    let isEnd = false;
    try {
      this.#clearRows();
      isEnd = this.#within(listing, near => {
        while (this.#rows.count < BATCH_ROWS_MAX && this.#rows.hasRoom) {
          const name = names.next();
          if (name === undefined) return true;
          this.#look(listing.dir, latin1(name), near);
        }
        return false;
      });
    } catch (error) {
      this.#fail(error);
      return;
    } finally {
      this.#folder.release();
    }
    this.gauge.grew();
    if (isEnd) this.#end(listing);
    else this.#tellRows(isEnd);
  }

  #end(listing: Listing): void {
    if (listing === this.#listing) this.drop();
    this.#tellRows(true);
  }

  #tellRows(isEnd: boolean): void {
    const hidden = this.#hidden === undefined ? {} : { hidden: this.#hidden };
    this.#tell({ is: 'listed', rows: this.#rows, isEnd, trouble: undefined, ...hidden });
  }

  #clearRows(): void {
    this.#rows.clear();
    this.#hidden = undefined;
  }

  #look(dir: Path, name: string, near: Near): void {
    if (this.#home.isMountPoint(dir, name)) {
      this.#rows.add(name, MOUNTED);
      return;
    }
    try {
      const raw = this.#system.lstatSync(near(isAscii(name) ? name : Buffer.from(name, 'latin1')));
      this.#rows.add(name, toStat(raw, this.#home.device));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      // One damaged inode must not keep everything beside it from being seen.
      this.#hidden ??= troubleOf(error);
      this.#rows.add(name, UNKNOWN);
    }
  }

  #fail(error: unknown): void {
    this.drop();
    this.#tell({ is: 'listed', rows: undefined, isEnd: true, trouble: troubleOf(error) });
  }

  #onFull(): void {
    this.gauge.grew();
    this.gauge.met();
  }

  #closeHandle(listing: Listing): void {
    if (listing.isClosed) return;
    listing.isClosed = true;
    listing.handle?.closeSync();
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

function isAscii(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) >= 0x80) return false;
  return true;
}
