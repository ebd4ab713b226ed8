// inotify on a simulated disk: a watched directory tells of what changes in it, whoever changed it.
//
// Fault model, by whoever delivers: an event may be lost, told twice, or told late. A watched directory that moves or
// goes tells so, and is watched no more. Directories beyond the budget are not watched, as with the real one.

import type { Watcher, WatcherPorts } from '../../agent/disk/watcher.ts';
import type { Event, Path } from '../../agent/engine/ports.ts';
import type { Files, NameSet, Witness } from './files.ts';
import type { Inode } from './inode.ts';

/** Few, so that some directories of a simulated folder go without. */
const WATCHES_MAX = 8;

export type Hint = Extract<Event, { is: 'hint' | 'hintsLost' }>;

interface Watch {
  dir: Path;
  place: string;
}

export class SimWatcher implements Watcher, Witness {
  private readonly files: Files;
  private readonly ports: WatcherPorts;
  private readonly deliver: (hint: Hint) => void;
  private readonly watches = new Map<Inode, Watch>();

  constructor(files: Files, ports: WatcherPorts, deliver: (hint: Hint) => void) {
    this.files = files;
    this.ports = ports;
    this.deliver = deliver;
    files.witnesses.push(this);
  }

  watch(dir: Path): void {
    if (this.watches.size >= WATCHES_MAX) return;
    try {
      const inode = this.ports.withDirectory(dir, fd => this.files.descriptor(fd));
      if (!this.watches.has(inode)) this.watches.set(inode, { dir: dir.slice(), place: inode.path });
    } catch (error) {
      if ((error as { code?: string }).code === undefined) throw error;
    }
  }

  unwatch(dir: Path): void {
    for (const [inode, watch] of this.watches)
      if (Buffer.compare(watch.dir, dir) === 0) this.watches.delete(inode);
  }

  gauges(): [] {
    return [];
  }

  close(): void {
    this.watches.clear();
    const at = this.files.witnesses.indexOf(this);
    if (at >= 0) this.files.witnesses.splice(at, 1);
  }

  // ---- as a witness

  named(sets: readonly NameSet[]): void {
    for (const { directory, name } of sets) this.tell(directory, name);
    for (const [inode, { dir, place }] of this.watches) {
      if (inode.links > 0 && inode.path === place) continue;
      this.watches.delete(inode);
      this.deliver({ is: 'hint', dir, name: undefined });
    }
  }

  wrote(inode: Inode): void {
    this.touched(inode);
  }

  touched(inode: Inode): void {
    const { parent } = inode;
    if (parent === undefined || !this.watches.has(parent)) return;
    for (const [name, child] of parent.names ?? []) if (child === inode) this.tell(parent, name);
  }

  made(): void {}

  private tell(directory: Inode, name: string): void {
    const watch = this.watches.get(directory);
    if (watch === undefined || (watch.dir.length === 0 && name === '.toastbox')) return;
    this.deliver({ is: 'hint', dir: watch.dir, name: Buffer.from(name, 'latin1') });
  }
}
