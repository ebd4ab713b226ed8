// Every content: its list of blocks is all there, hashes to the content's id, and names blocks that are whole.

import { sameBytes } from '../../protocol/bytes.ts';
import { RECORD_BYTES, recordId, recordLength } from '../../protocol/record.ts';
import type { Hasher } from '../hub/ports.ts';
import { asBuffer, blockKey, nameOf, pageKey, wholeTag } from '../store/keys.ts';
import { type FolderNumber, PAGE_RECORDS, type Recipe } from '../store/port.ts';
import { OFFSET_BYTES } from '../store/recipes.ts';
import { readContent } from '../store/record.ts';
import type { Shelves } from '../store/shelf.ts';
import { type Findings, hexOf, rowsOf } from './findings.ts';

export interface VerifiedContents {
  /** What is wrong with each that is not whole, by its id. */
  readonly wrong: ReadonlyMap<string, string>;
  /** How many have their first holder in a folder. */
  readonly held: ReadonlyMap<FolderNumber, number>;
}

export function verifyContents(
  shelves: Shelves,
  hasher: Hasher,
  findings: Findings,
  damagedBlocks: Set<string>,
): VerifiedContents {
  const held = new Map<FolderNumber, number>();
  const wrong = new Map<string, string>();
  const isDamaged = (block: Uint8Array) => {
    const name = nameOf(block);
    if (damagedBlocks.has(name)) return true;
    if (shelves.facts.get(blockKey(block)) !== undefined) return false;
    damagedBlocks.add(name);
    findings.block(block);
    return true;
  };
  findings.step('lists of blocks');
  for (const { key, value } of rowsOf(findings, shelves.facts, ...wholeTag('C'))) {
    const id = key.subarray(1);
    findings.sum.contents++;
    let why: string | undefined;
    try {
      const { recipe, holder } = readContent(value);
      if (holder !== undefined) held.set(holder.folder, (held.get(holder.folder) ?? 0) + 1);
      why = checkContent(shelves, hasher, id, recipe, isDamaged);
    } catch (error) {
      why = `its list of blocks cannot be read: ${error instanceof Error ? error.message : error}`;
    }
    if (why === undefined) continue;
    wrong.set(nameOf(id), why);
    findings.damage(`content ${hexOf(id)}: ${why}`);
  }
  return { wrong, held };
}

function checkContent(
  shelves: Shelves,
  hasher: Hasher,
  id: Uint8Array,
  recipe: Recipe,
  isDamaged: (block: Uint8Array) => boolean,
): string | undefined {
  const pages: Uint8Array[] = [];
  let size = 0;
  let lost = 0;
  for (let page = 0; page * PAGE_RECORDS < recipe.blockCount; page++) {
    const records = recipe.only ?? recordsOf(shelves, recipe, page, size);
    if (typeof records === 'string') return records;
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      size += recordLength(records, at);
      if (isDamaged(recordId(records, at))) lost++;
    }
    pages.push(records);
  }
  if (size !== recipe.size || !sameBytes(hasher.contentIdOf(pages), id))
    return 'its list of blocks is not what its id says';
  return lost === 0 ? undefined : `${lost} of its ${recipe.blockCount} blocks are damaged or missing`;
}

/** The records of a page that begins at byte `offset` of the content, or what is wrong with it. */
function recordsOf(shelves: Shelves, recipe: Recipe, page: number, offset: number): Uint8Array | string {
  const bytes = shelves.facts.get(pageKey(recipe.number, page));
  if (bytes === undefined) return `page ${page} of its list of blocks is missing`;
  const count = Math.min(PAGE_RECORDS, recipe.blockCount - page * PAGE_RECORDS);
  const isPage =
    bytes.length >= OFFSET_BYTES + count * RECORD_BYTES && asBuffer(bytes).readDoubleLE(0) === offset;
  if (!isPage) return `page ${page} of its list of blocks is damaged`;
  return bytes.slice(OFFSET_BYTES, OFFSET_BYTES + count * RECORD_BYTES);
}
