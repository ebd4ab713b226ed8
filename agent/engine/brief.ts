// Index keys that come and go between two commits: what waits for a moment never reaches a page of the tree.
//
// A small change is seen, offered and answered within milliseconds; its key in `l` (or `r`) would dirty a leaf and
// the path to it, twice. So the first few new keys since a commit are kept here, looked up and walked together with
// the tree's, and written to it by the next commit if they are still there. Beyond BRIEF_MAX they go straight to the
// tree: with much to do they share its pages anyway.

import { latin1 } from '../../protocol/bytes.ts';
import type { Neighbour, Tree } from '../arena/tree.ts';

/** Keys at most, some 100 bytes each. Every walk looks at all of them. */
const BRIEF_MAX = 16;

export class Brief {
  readonly #tree: Tree;
  /** By key, each character a byte: so text order is key order. */
  readonly #values = new Map<string, Uint8Array>();

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  has(key: Uint8Array): boolean {
    return this.#values.has(latin1(key)) || this.#tree.get(key) !== undefined;
  }

  /** The key is nowhere yet. */
  add(key: Uint8Array, value: Uint8Array): void {
    if (this.#values.size < BRIEF_MAX) this.#values.set(latin1(key), value);
    else this.#tree.put(key, value);
  }

  remove(key: Uint8Array): boolean {
    return (this.#values.size > 0 && this.#values.delete(latin1(key))) || this.#tree.remove(key);
  }

  /** The smallest key after `from`, of any space. */
  next(from: Uint8Array): Neighbour | undefined {
    const inTree = this.#tree.next(from, false);
    if (this.#values.size === 0) return inTree;
    const after = latin1(from);
    let first: string | undefined;
    for (const key of this.#values.keys())
      if (key > after && (first === undefined || key < first)) first = key;
    if (first === undefined || (inTree !== undefined && latin1(inTree.key) < first)) return inTree;
    return { key: Buffer.from(first, 'latin1'), value: this.#values.get(first) as Uint8Array };
  }

  /** Before a commit: what is still there is written. */
  flush(): void {
    for (const [key, value] of this.#values) {
      this.#tree.put(Buffer.from(key, 'latin1'), value);
      this.#values.delete(key);
    }
  }
}
