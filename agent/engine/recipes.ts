// Recipes of what is offered: the file's block list told as copies from the list of its base and as new blocks.
// A recipe is written from any ordinal on, so that one that does not fit a frame goes in parts; the aligner of the
// last part is kept, since the next part nearly always follows it.

import { Aligner } from '../../protocol/align.ts';
import { NO_BYTES } from '../../protocol/bytes.ts';
import { RecipeWriter } from '../../protocol/recipe.ts';
import { recordId, recordLength } from '../../protocol/record.ts';
import type { Core } from './core.ts';
import type { EntryId } from './entry.ts';
import type { BlockList } from './lists.ts';

/** What a recipe needs to know of an offer. */
export interface OfferedContent {
  facts: { list: EntryId };
  /** The only record of a content that has no list. */
  single: Uint8Array;
  baseList: EntryId;
}

/** The target's and the base's block lists of an offer. */
export const listsOf = (core: Core, offer: OfferedContent): { target: BlockList; base: BlockList } => ({
  target: core.blocks(offer.facts.list, offer.single),
  base: core.blocks(offer.baseList, NO_BYTES),
});

/** The whole recipe if it fits `into`, else nothing: then the gateway asks for it in parts. */
export function writeRecipe(core: Core, offer: OfferedContent, into: Uint8Array): Uint8Array {
  const { target, base } = listsOf(core, offer);
  const part = writePart(new Aligner(base, target, 0), target, into);
  return part.isLast ? into.slice(0, part.bytes) : NO_BYTES;
}

export interface Part {
  bytes: number;
  /** The target's ordinal that the next part begins at. */
  next: number;
  isLast: boolean;
}

/** Writes operations until the recipe ends or `into` is full; then the aligner stands before what did not fit. */
export function writePart(aligner: Aligner, target: BlockList, into: Uint8Array): Part {
  const writer = new RecipeWriter(into);
  for (;;) {
    const step = aligner.peek();
    if (step === undefined) return { bytes: writer.bytes, next: target.count, isLast: true };
    const isTaken =
      step.is === 'copy' ? writer.copy(step.base, step.count) : writeFresh(writer, target, step.ordinal);
    if (!isTaken) return { bytes: writer.bytes, next: step.ordinal, isLast: false };
    aligner.next();
  }
}

function writeFresh(writer: RecipeWriter, target: BlockList, ordinal: number): boolean {
  const record = target.at(ordinal);
  return writer.fresh(recordLength(record), recordId(record));
}
