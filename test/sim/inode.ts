// What a file system keeps of a file, a directory or a symlink, and the numbers that it gives them.
//
// The lowest number that is free is given first, as ext4 does: a file that replaces another often has its number.

export const TYPE_MASK = 0o170000;
export const TYPE_FILE = 0o100000;
export const TYPE_DIRECTORY = 0o040000;
export const TYPE_SYMLINK = 0o120000;

const NOTHING = new Uint8Array(0);

/** What a power cut may leave an inode with: its facts and bytes as they were last made durable. */
export interface Facts {
  mode: number;
  mtimeMs: number;
  ctimeMs: number;
  size: number;
}

export class Inode implements Facts {
  number: number;
  mode: number;
  mtimeMs: number;
  ctimeMs: number;
  readonly birthtimeMs: number;
  size = 0;
  /** A file's bytes; longer than `size` where there is room to grow. */
  bytes = NOTHING;
  /** A directory's entries, by name: text, each character one byte. */
  readonly names: Map<string, Inode> | undefined;
  /** A symlink's, each character one byte. */
  target = '';
  /** Where it was named last. */
  parent: Inode | undefined;
  links = 0;
  /** Of the file system that it is in. */
  device = 1;
  /** Open descriptors: a file without names lives as long as one is. */
  opens = 0;

  constructor(number: number, mode: number, nowMs: number) {
    this.number = number;
    this.mode = mode;
    this.mtimeMs = nowMs;
    this.ctimeMs = nowMs;
    this.birthtimeMs = nowMs;
    this.names = (mode & TYPE_MASK) === TYPE_DIRECTORY ? new Map() : undefined;
  }

  get isFile(): boolean {
    return (this.mode & TYPE_MASK) === TYPE_FILE;
  }

  get isSymlink(): boolean {
    return (this.mode & TYPE_MASK) === TYPE_SYMLINK;
  }

  get content(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }

  write(from: Uint8Array, position: number): void {
    const end = position + from.length;
    this.resize(Math.max(end, this.size));
    this.bytes.set(from, position);
  }

  /** What it grows by is zeros. */
  resize(size: number): void {
    if (size > this.bytes.length) {
      const longer = new Uint8Array(Math.max(size, 2 * this.bytes.length));
      longer.set(this.content);
      this.bytes = longer;
    } else if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }

  /** The directory's path: parts, each after a '/'; '' for the root. */
  get path(): string {
    if (this.parent === undefined) return '';
    for (const [name, inode] of this.parent.names ?? [])
      if (inode === this) return `${this.parent.path}/${name}`;
    return '(gone)';
  }
}

/** Which numbers are taken, and by whom. */
export class Numbers {
  private readonly taken = new Set<number>();
  private lowest = 2;

  give(): number {
    while (this.taken.has(this.lowest)) this.lowest++;
    this.taken.add(this.lowest);
    return this.lowest;
  }

  /** The number if it is free, else another. */
  keep(number: number): number {
    if (this.taken.has(number)) return this.give();
    this.taken.add(number);
    return number;
  }

  free(number: number): void {
    this.taken.delete(number);
    this.lowest = Math.min(this.lowest, number);
  }

  clear(): void {
    this.taken.clear();
    this.lowest = 2;
  }
}
