// What of the store one board is let know. With grants, a share is for those who are in it: what only others hold is
// unknown to the rest, so a board can neither pull it by its id nor, by offering what it guesses, learn that it is
// there: it has to send what it offers, as if it came first. It is kept once all the same.
//
//   content   known if a file of the folder holds it, or did
//   block     known if it came for the folder first, or is copied from a content that is known (upload.ts)
//
// Without grants every board may join every share, and all is known to all: what stands in one share is not sent again
// for another.
//
// Cost, with grants: a row of a content is looked at once more, and where several shares have the same files each
// board sends them. Who held a content second is not remembered once its file has changed.

import { Kind } from '../../protocol/messages.ts';
import type { FolderNumber, Recipe, Store } from '../store/port.ts';
import type { HubOptions } from './ports.ts';

export class View {
  readonly #store: Store;
  readonly #folder: FolderNumber;
  /** The folder that something has to be of; any where nothing is kept apart. */
  readonly only: FolderNumber | undefined;

  constructor({ store, mayJoin }: HubOptions, folder: FolderNumber) {
    this.#store = store;
    this.#folder = folder;
    this.only = mayJoin === undefined ? undefined : folder;
  }

  /** `path`: one whose history may know it as well. */
  content(id: Uint8Array, path?: Uint8Array): Recipe | undefined {
    const recipe = this.#store.content(id);
    if (recipe === undefined || this.only === undefined || recipe.size === 0) return recipe;
    const isHeld = this.#store.holds(this.#folder, id);
    const isKnown = isHeld || (path !== undefined && this.#store.knows(this.#folder, path, Kind.FILE, id));
    return isKnown ? recipe : undefined;
  }

  hasBlock(id: Uint8Array): boolean {
    return this.#store.hasBlock(id, this.only);
  }
}
