// Changes to the folder, each made only while what is expected stands at its path.
//
//   place, makeSymlink    .toastbox/stage/*  --link, or rename over what is expected-->  path
//   setAside              path  --link + unlink (rename for a directory)-->  a free name
//   remove, retouch       on what is expected
//   makeDirectory         where nothing stands
//
// The check is an lstat right before the act. Where nothing is expected, link() does both in one: it never
// replaces, so what a user creates in the last microsecond is kept; only a file system without hard links (vfat)
// makes do with a check and a rename. A directory is never lost: rmdir and rename fail on a full one.
//
// retouch works on the opened thing (O_PATH), not on its name: a symlink swapped in is never followed.
//
// The stat that comes back is of what we put there; should something else stand there already, the answer is
// CHANGED, so that it is looked at and not taken for ours. Making it durable is Durable's; of staged files, here.

import { sameBytes } from '../../protocol/bytes.ts';
import { Kind } from '../../protocol/messages.ts';
import { parentOf } from '../../protocol/path.ts';
import {
  FOREIGN,
  OTHER,
  type Path,
  type Placing,
  SINGLE_SYNCS_MAX,
  type Stat,
  type Trouble,
} from '../engine/ports.ts';
import type { Durable } from './durable.ts';
import type { Folder, Spot } from './folder.ts';
import type { Home } from './home.ts';
import { lend, refuseClosed } from './lend.ts';
import type { Stage } from './stage.ts';
import { isSame, toSeconds, toStat } from './stat.ts';
import type { Place, Seconds, System } from './system.ts';
import { codeOf, DiskError, troubleOf } from './trouble.ts';

/** What link() says where the file system has no hard links, or none of this one. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL']);

/** What opening says where there is no content to keep, or none that could be had. */
const NOT_KEPT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENXIO', 'REFUSED', 'CHANGED', 'EXDEV']);

export interface Placed {
  slot: number;
  stat: Stat | undefined;
  trouble: Trouble | undefined;
}

export class Change {
  readonly #system: System;
  readonly #home: Home;
  readonly #folder: Folder;
  readonly #stage: Stage;
  readonly #durable: Durable;
  /** The group that waits to be durable. */
  #waiting: { answer: () => void } | undefined;

  constructor(ports: { system: System; home: Home; folder: Folder; stage: Stage; durable: Durable }) {
    this.#system = ports.system;
    this.#home = ports.home;
    this.#folder = ports.folder;
    this.#stage = ports.stage;
    this.#durable = ports.durable;
  }

  /** Throws what would be in the way of putting a file there, as far as it can be seen before there is one. */
  refuse({ path, expect }: Pick<Placing, 'path' | 'expect'>): void {
    const spot = this.#folder.spot(path);
    this.#expect(spot, expect);
    if (this.#system.fstatSync(spot.directory).dev !== this.#home.device) throw new DiskError('EXDEV');
    refuseClosed(this.#system, spot.directory, !spot.isRoot);
  }

  /** Makes every staged file durable, then gives each its place. One group at a time; answers at once or later. */
  place(items: Placing[], done: (placed: Placed[]) => void): void {
    const eachBy = (act: Stage['giveFacts']): (Trouble | undefined)[] =>
      items.map(({ slot, mode, mtime }) => attempt(() => act(slot, mode, toSeconds(mtime))));
    const sync: Stage['sync'] = (...facts) => this.#stage.sync(...facts);
    if (items.length <= SINGLE_SYNCS_MAX) {
      done(this.#placeEach(items, eachBy(sync)));
      return;
    }
    const troubles = eachBy((...facts) => this.#stage.giveFacts(...facts));
    const group = { answer: () => done(items.map(item => placedNot(item, { code: 'CHANGED' }))) };
    this.#waiting = group;
    this.#system.syncFileSystem(this.#home.stageFd, isDone => {
      if (this.#waiting !== group) return;
      this.#waiting = undefined;
      done(this.#placeEach(items, isDone ? troubles : eachBy(sync)));
    });
  }

  /** The folder is gone, or another one: answers the group that waits, and puts none of it anywhere. */
  forget(): void {
    const group = this.#waiting;
    this.#waiting = undefined;
    group?.answer();
  }

  /** Siblings come by the dozen: their directory is noted once, after the last of them. */
  #placeEach(items: readonly Placing[], troubles: readonly (Trouble | undefined)[]): Placed[] {
    let isChanged = false;
    return items.map((item, i) => {
      const placed = this.#placeOne(item, troubles[i]);
      isChanged ||= placed.trouble === undefined;
      const next = items[i + 1];
      if (next !== undefined && sameBytes(parentOf(next.path), parentOf(item.path))) return placed;
      if (isChanged) this.#note(() => this.#folder.spot(item.path).directory);
      isChanged = false;
      return placed;
    });
  }

  #placeOne(item: Placing, trouble: Trouble | undefined): Placed {
    if (trouble !== undefined) return placedNot(item, trouble);
    const { slot } = item;
    try {
      // First of all: once it has its place, a write to the slot must not reach it.
      this.#stage.release(slot);
      const stat = this.#moveIn(this.#stage.name(slot), this.#folder.spot(item.path), item.expect);
      return { slot, stat, trouble: undefined };
    } catch (error) {
      return placedNot(item, troubleOf(error));
    }
  }

  makeDirectory(path: Path, mode: number): Stat {
    const spot = this.#folder.spot(path);
    try {
      // With its permissions from the first: should this process end here, they would be taken for the user's.
      this.#in(spot, () => this.#system.mkdirSync(spot.place, mode));
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      const stands = this.#standing(spot);
      throw stands?.kind === OTHER ? changed(stands) : new DiskError('EEXIST', stands);
    }
    try {
      return this.#furnish(spot, mode);
    } catch (error) {
      // Said to have failed, it would be found as the user's. It is, if there is something in it.
      attempt(() => this.#in(spot, () => this.#system.rmdirSync(spot.place)));
      throw error;
    }
  }

  /** By a descriptor that needs no permission to read: the directory may give its owner none. */
  #furnish(spot: Spot, mode: number): Stat {
    const { flags } = this.#system;
    const fd = this.#system.openSync(spot.place, flags.PATH | flags.DIRECTORY | flags.NOFOLLOW);
    try {
      // mkdir leaves out what the umask says.
      this.#system.chmodSync(this.#system.self(fd), mode);
      this.#note(() => fd);
      this.#note(() => spot.directory);
      return toStat(this.#system.fstatSync(fd));
    } finally {
      this.#system.closeSync(fd);
    }
  }

  makeSymlink(path: Path, target: Uint8Array, mtime: number, expect: Stat | undefined): Stat {
    if (target.length === 0 || target.includes(0)) throw new DiskError('EINVAL');
    const staged = this.#staged(this.#stage.linkName);
    this.#clear(staged);
    this.#system.symlinkSync(Buffer.from(target), staged);
    try {
      const seconds = toSeconds(mtime);
      this.#system.lutimesSync(staged, seconds, seconds);
      return this.#moveLink(this.#folder.spot(path), expect);
    } catch (error) {
      this.#clear(staged);
      throw error;
    }
  }

  #moveLink(spot: Spot, expect: Stat | undefined): Stat {
    try {
      return this.#moveIn(this.#stage.linkName, spot, expect);
    } finally {
      this.#note(() => spot.directory);
    }
  }

  remove(path: Path, expect: Stat): void {
    const spot = this.#folder.spot(path);
    this.#expect(spot, expect);
    this.#in(spot, () => {
      if (expect.kind === Kind.DIRECTORY) this.#system.rmdirSync(spot.place);
      else this.#system.unlinkSync(spot.place);
    });
    this.#note(() => spot.directory);
  }

  /** Sets permissions and time; of a symlink the time only, of a directory the permissions only. */
  retouch(path: Path, mode: number, mtime: number, expect: Stat): Stat {
    const spot = this.#folder.spot(path);
    const seconds = toSeconds(mtime);
    if (expect.kind === Kind.SYMLINK) {
      this.#expect(spot, expect);
      this.#system.lutimesSync(spot.place, seconds, seconds);
      this.#note(() => spot.directory);
      return this.#mustStand(spot, { ...expect, mtime }, true);
    }
    const { flags } = this.#system;
    const fd = this.#system.openSync(spot.place, flags.PATH | flags.NOFOLLOW | flags.NONBLOCK);
    try {
      const stands = toStat(this.#system.fstatSync(fd), this.#home.device);
      this.#refuse(spot, stands);
      if (!isSame(stands, expect)) throw new DiskError('CHANGED', stands);
      this.#setFacts(this.#system.self(fd), stands, mode, seconds);
      this.#note(() => fd);
      this.#note(() => spot.directory);
      let after: Stat | undefined;
      attempt(() => {
        after = toStat(this.#system.fstatSync(fd));
      });
      // Where nobody can say, the next look finds another ctime.
      after ??= { ...stands, mode, mtime: expect.kind === Kind.FILE ? mtime : stands.mtime, ctime: 0 };
      // Its time is ours now and tells nothing any more; its size may tell of a write in between.
      if (after.size !== stands.size) throw new DiskError('CHANGED', after);
      return after;
    } finally {
      this.#system.closeSync(fd);
    }
  }

  /** Both or none: half of it would be found as the user's. */
  #setFacts(self: Place, stands: Stat, mode: number, seconds: Seconds): void {
    if (stands.mode !== mode) this.#system.chmodSync(self, mode);
    if (stands.kind !== Kind.FILE) return;
    try {
      this.#system.utimesSync(self, seconds, seconds);
    } catch (error) {
      if (stands.mode !== mode) attempt(() => this.#system.chmodSync(self, stands.mode));
      throw error;
    }
  }

  /** What stands there, or that nothing does, is to be durable with the next sync. */
  keep(path: Path): void {
    const { flags } = this.#system;
    try {
      const { directory, place } = this.#folder.spot(path);
      this.#durable.changed(directory);
      const fd = this.#system.openSync(place, flags.RDONLY | flags.NOFOLLOW | flags.NONBLOCK);
      try {
        this.#durable.changed(fd);
      } finally {
        this.#system.closeSync(fd);
      }
    } catch (error) {
      // Gone, a symlink, or not for us to read: nothing, or nothing but its directory. Moved on, it is found again.
      if (!NOT_KEPT.has(codeOf(error) ?? '')) this.#durable.fail(troubleOf(error));
    }
  }

  setAside(path: Path, to: Path, expect: Stat): Stat {
    const from = this.#folder.spot(path);
    const goal = this.#folder.spot(to);
    this.#expect(from, expect);
    if (expect.kind === Kind.DIRECTORY || !this.#link(from.place, goal)) {
      const stands = this.#standing(goal);
      if (stands !== undefined) throw new DiskError('EEXIST', stands);
      this.#in(from, () => this.#in(goal, () => this.#system.renameSync(from.place, goal.place)));
    } else {
      try {
        // A power cut could keep the unlink and lose the link: then nothing would be left of what nobody else has.
        this.#durable.now(goal.directory);
        this.#expectInode(goal, expect);
        this.#expectInode(from, expect);
        this.#in(from, () => this.#system.unlinkSync(from.place));
      } catch (error) {
        // Only while its other name is there: this one may be the last.
        attempt(() => {
          this.#expectInode(from, expect);
          this.#expectInode(goal, expect);
          this.#in(goal, () => this.#system.unlinkSync(goal.place));
        });
        throw error;
      }
    }
    this.#note(() => from.directory);
    this.#note(() => goal.directory);
    return this.#mustStand(goal, expect);
  }

  /** What `open` gives was changed. It is done, whatever is in the way of noting it, of which the next sync tells: a
   * deletion of ours that was said to have failed would be found as the user's. */
  #note(open: () => number): void {
    const trouble = attempt(() => this.#durable.changed(open()));
    if (trouble !== undefined) this.#durable.fail(trouble);
  }

  /** Moves what is staged to its place, if what is expected stands there; what then stands there. The caller notes that
   * the directory changed. */
  #moveIn(stagedName: Uint8Array, spot: Spot, expect: Stat | undefined): Stat {
    const staged = this.#staged(stagedName);
    const ours = toStat(this.#system.lstatSync(staged));
    if (expect !== undefined) this.#expect(spot, expect);
    if (expect === undefined) this.#moveToFree(staged, spot);
    else if (expect.kind === Kind.DIRECTORY) this.#moveForDirectory(staged, spot, expect.mode);
    else this.#in(spot, () => this.#system.renameSync(staged, spot.place));
    return this.#mustStand(spot, ours);
  }

  #moveForDirectory(staged: Place, spot: Spot, mode: number): void {
    this.#in(spot, () => this.#system.rmdirSync(spot.place));
    try {
      this.#moveToFree(staged, spot);
    } catch (error) {
      // Said to have failed, its end would be found as the user's deletion.
      attempt(() => this.#in(spot, () => this.#system.mkdirSync(spot.place, mode)));
      throw error;
    }
  }

  #moveToFree(staged: Place, spot: Spot): void {
    try {
      if (this.#link(staged, spot)) {
        // It has its place. A second name of it, left in the stage, goes when the stage is emptied, at a start.
        attempt(() => this.#system.unlinkSync(staged));
        return;
      }
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw changed(this.#standing(spot));
      throw error;
    }
    this.#expect(spot, undefined);
    this.#in(spot, () => this.#system.renameSync(staged, spot.place));
  }

  /** Does what changes names in the spot's directory. The root's permissions do not travel: they are the user's. */
  #in(spot: Spot, act: () => void): void {
    if (spot.isRoot) act();
    else lend(this.#system, spot.directory, act);
  }

  /** False where the file system has no hard links. */
  #link(from: Place, to: Spot): boolean {
    try {
      this.#in(to, () => this.#system.linkSync(from, to.place));
      return true;
    } catch (error) {
      if (NO_LINKS.has(codeOf(error) ?? '')) return false;
      throw error;
    }
  }

  #expect(spot: Spot, expect: Stat | undefined): void {
    const stands = this.#standing(spot);
    if (!isSame(stands, expect)) throw changed(stands);
  }

  /** A sync takes its time: what was saved by a rename meanwhile is another file. */
  #expectInode(spot: Spot, expect: Stat): void {
    const stands = this.#standing(spot);
    if (stands?.inode !== expect.inode) throw new DiskError('CHANGED', stands);
  }

  #standing(spot: Spot): Stat | undefined {
    try {
      const stat = toStat(this.#system.lstatSync(spot.place), this.#home.device);
      this.#refuse(spot, stat);
      return stat;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #refuse(spot: Spot, stat: Stat): void {
    const isState = spot.isRoot && stat.kind === Kind.DIRECTORY && stat.inode === this.#home.stateInode;
    if (isState) throw new DiskError('REFUSED');
    if (stat.kind === FOREIGN) throw new DiskError('EXDEV');
  }

  /**
   * What stands at the spot, if it is ours: the very thing, but for its ctime, and for an mtime that was just set, of
   * which a file system keeps what it can. Where nobody can say, it is what was put there, with a ctime of before: the
   * next look reads it. Said to have failed, it would be found as the user's.
   */
  #mustStand(spot: Spot, ours: Stat, isTouched = false): Stat {
    let stands: Stat | undefined;
    const trouble = attempt(() => {
      stands = this.#standing(spot);
    });
    if (trouble !== undefined) return { ...ours, ctime: 0 };
    if (stands === undefined) throw new DiskError('CHANGED');
    const mtime = isTouched ? stands.mtime : ours.mtime;
    if (!isSame(stands, { ...ours, ctime: stands.ctime, mtime })) throw new DiskError('CHANGED', stands);
    return stands;
  }

  #staged(name: Uint8Array): Place {
    if (this.#home.stageFd < 0) throw new DiskError('EROFS');
    return this.#system.at(this.#home.stageFd, name);
  }

  #clear(staged: Place): void {
    try {
      this.#system.unlinkSync(staged);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** Something else stands there than was expected. */
const changed = (stands: Stat | undefined): DiskError =>
  new DiskError(stands?.kind === OTHER ? 'OTHER' : 'CHANGED', stands);

const placedNot = ({ slot }: Placing, trouble: Trouble): Placed => ({ slot, stat: undefined, trouble });

function attempt(act: () => void): Trouble | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return troubleOf(error);
  }
}
