// File systems that a test may fill, take away and forbid to write: tmpfs and bind mounts, undone at its end. Only
// root may mount; where that is not so the tests that need it are skipped, and say why.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function mount(...words: string[]): boolean {
  return spawnSync('mount', words, { stdio: 'ignore' }).status === 0;
}

function mustMount(...words: string[]): void {
  if (!mount(...words)) throw new Error(`mount ${words.join(' ')} failed`);
}

export const whyNoMounts: string | undefined = (() => {
  const place = mkdtempSync(join(tmpdir(), 'toastbox-mount-'));
  try {
    if (!mount('-t', 'tmpfs', '-o', 'size=64k', 'none', place))
      return 'only root may mount, and not everywhere';
    spawnSync('umount', [place]);
    return undefined;
  } finally {
    rmdirSync(place);
  }
})();

export class Mounts {
  readonly #places: string[] = [];

  /** A file system of its own at `place`, as large as `size` says ('8m'). */
  tmpfs(place: string, size: string): string {
    mkdirSync(place, { recursive: true });
    mustMount('-t', 'tmpfs', '-o', `size=${size}`, 'none', place);
    this.#places.push(place);
    return place;
  }

  resize(place: string, size: string): void {
    mustMount('-o', `remount,size=${size}`, place);
  }

  /** `origin` under a second name, which can be forbidden to write or taken away by itself. */
  bind(origin: string, place: string): string {
    mkdirSync(place, { recursive: true });
    mustMount('--bind', origin, place);
    this.#places.push(place);
    return place;
  }

  /** For a bind mount; fails while a file is open for writing through it. */
  permit(place: string, how: 'ro' | 'rw'): void {
    mustMount('-o', `remount,bind,${how}`, place);
  }

  /** Takes it away, also from under who uses it, as a stick that is pulled. */
  unmount(place: string): void {
    spawnSync('umount', ['--lazy', place]);
    this.#places.splice(this.#places.indexOf(place), 1);
  }

  /** Undoes what is left. */
  close(): void {
    for (const place of [...this.#places].reverse()) this.unmount(place);
  }
}
