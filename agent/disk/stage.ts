// Staged files: what a peer's content is written to until it is whole. One file per slot in `.toastbox/stage`,
// reached through the directory's descriptor only, readable by nobody else.
//
// A file gets its own permissions and time last, just before it is made durable: they may forbid its owner, who need
// not be root, to open it once more.
//
// A slot whose fsync failed is spoiled: its pages are gone, and a second fsync would report success. Every later
// use of it says EIO, until it is staged anew.
//
// Cost: at most 64 open files, whatever the number of slots; one more open for a slot that fell out of those.

import { Gauge } from '../gauge.ts';
import { type Home, PRIVATE_FILE } from './home.ts';
import type { Place, Seconds, System } from './system.ts';
import { codeOf, DiskError } from './trouble.ts';

/** As many as there are fetches of more than one piece: each is written to again and again. */
const FILES_OPEN_MAX = 64;
/** Files up to this many bytes find out by themselves whether they fit: statfs would cost as much as writing them. */
const UNASKED_BYTES_MAX = 64 * 1024;
/** What a larger file leaves free at least: for the catalog's pages, and for whoever else writes there. */
const ROOM_BYTES_KEPT = 1024 * 1024;

export class Stage {
  readonly #system: System;
  readonly #home: Home;
  /** Slot to descriptor, least recently used first. */
  readonly #open = new Map<number, number>();
  readonly #spoiled = new Set<number>();
  readonly gauge = new Gauge('staged files open', FILES_OPEN_MAX, 'evicts', () => this.#open.size);

  constructor(system: System, home: Home) {
    this.#system = system;
    this.#home = home;
  }

  /** Of a symlink, until it has its place: there is one at a time. */
  get linkName(): Uint8Array {
    return Buffer.from(`link.${this.#home.life}`, 'latin1');
  }

  name(slot: number): Uint8Array {
    return Buffer.from(`${slot}.${this.#home.life}`, 'latin1');
  }

  /**
   * Begins the slot's file, empty, in place of whatever it held. ENOSPC when the disk has no room for `bytes`: a file
   * that cannot fit is not fetched, again and again, up to where the disk is full and everyone else's writes fail.
   */
  start(slot: number, bytes: number): void {
    if (bytes > UNASKED_BYTES_MAX && bytes + ROOM_BYTES_KEPT > this.#system.roomIn(this.#directory()))
      throw new DiskError('ENOSPC');
    this.release(slot);
    try {
      this.#keep(slot, this.#create(slot));
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      this.drop(slot);
      this.#keep(slot, this.#create(slot));
    }
  }

  #create(slot: number): number {
    const { flags } = this.#system;
    const { CREAT, EXCL, NOFOLLOW, RDWR } = flags;
    return this.#system.openSync(this.#place(slot), RDWR | CREAT | EXCL | NOFOLLOW, PRIVATE_FILE);
  }

  /**
   * Stages all of a small file in one go, and closes it: it waits for its place with many others. What the disk gives
   * back of it stands at the front of `into` then; how much, is the answer.
   */
  startWhole(slot: number, bytes: Uint8Array, into: Uint8Array): number {
    this.start(slot, bytes.length);
    this.write(slot, bytes, 0);
    const count = this.#system.readSync(this.fd(slot), into, 0, Math.min(into.length, bytes.length + 1), 0);
    this.release(slot);
    return count;
  }

  /** The slot's open file, for use before the next call here. */
  fd(slot: number): number {
    if (this.#spoiled.has(slot)) throw new DiskError('EIO');
    const known = this.#open.get(slot);
    if (known !== undefined) {
      this.#open.delete(slot);
      this.#open.set(slot, known);
      return known;
    }
    const { flags } = this.#system;
    const place = this.#place(slot);
    this.#system.chmodSync(place, PRIVATE_FILE); // it may have its own permissions already
    const fd = this.#system.openSync(place, flags.RDWR | flags.NOFOLLOW);
    this.#keep(slot, fd);
    return fd;
  }

  write(slot: number, bytes: Uint8Array, offset: number): void {
    const fd = this.fd(slot);
    for (let done = 0; done < bytes.length; ) {
      const count = this.#system.writeSync(fd, bytes, done, bytes.length - done, offset + done);
      if (count === 0) throw new DiskError('EIO');
      done += count;
    }
  }

  /** Gives the slot's file its permissions and time, by its name: of many that wait together none is opened again. */
  giveFacts(slot: number, mode: number, seconds: Seconds): void {
    if (this.#spoiled.has(slot)) throw new DiskError('EIO');
    const place = this.#place(slot);
    this.#system.chmodSync(place, mode);
    this.#system.lutimesSync(place, seconds, seconds);
  }

  /** Makes the slot's file durable, with its permissions and time; a failure spoils it. */
  sync(slot: number, mode: number, seconds: Seconds): void {
    const fd = this.fd(slot);
    this.#system.fchmodSync(fd, mode);
    this.#system.futimesSync(fd, seconds, seconds);
    try {
      this.#system.fsyncSync(fd);
    } catch (error) {
      this.#spoiled.add(slot);
      throw error;
    }
  }

  /** Closes the slot's file and takes it for sound: it is durable, or about to be dropped. */
  release(slot: number): void {
    const fd = this.#open.get(slot);
    this.#open.delete(slot);
    this.#spoiled.delete(slot);
    if (fd !== undefined) this.#system.closeSync(fd);
  }

  drop(slot: number): void {
    this.release(slot);
    try {
      this.#system.unlinkSync(this.#place(slot));
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      // Not there, or the file system is read-only or gone: nothing to drop, or start() will say what is wrong.
    }
  }

  /** Closes everything: the staging directory is another one now, and empty. */
  forget(): void {
    for (const fd of this.#open.values()) this.#system.closeSync(fd);
    this.#open.clear();
    this.#spoiled.clear();
  }

  #place(slot: number): Place {
    return this.#system.at(this.#directory(), this.name(slot));
  }

  #directory(): number {
    if (this.#home.stageFd < 0) throw new DiskError('EROFS');
    return this.#home.stageFd;
  }

  #keep(slot: number, fd: number): void {
    this.#open.set(slot, fd);
    if (this.#open.size <= FILES_OPEN_MAX) {
      this.gauge.grew();
      return;
    }
    this.gauge.met();
    const [oldest, oldestFd] = this.#open.entries().next().value as [number, number];
    this.#open.delete(oldest);
    this.#system.closeSync(oldestFd);
  }
}
