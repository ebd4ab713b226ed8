// Every block against its id: what is not there, or is not what its id says, by id.
//
// Blocks are found by id, and lie in packs: by id, each pack would be read sixteen times, in no order. So the list of
// blocks is read once for each 1 GiB of packs, and each pack once.
//
// Memory: the places of the blocks in 1 GiB, some 30 MB.

import type { Hasher } from '../hub/ports.ts';
import { asBuffer, nameOf, packKey, wholeTag } from '../store/keys.ts';
import { readBlock } from '../store/record.ts';
import type { Shelves } from '../store/shelf.ts';
import { type Findings, hexOf, rowsOf } from './findings.ts';

const PACKS_AT_ONCE = 16_384;
/** Past every pack's key. */
const PAST_PACKS = Buffer.alloc(7, 0xff);

interface Lying {
  id: Buffer;
  offset: number;
  length: number;
}

/** The ids of the damaged blocks, as nameOf() has them. */
export function verifyBlocks(shelves: Shelves, hasher: Hasher, findings: Findings): Set<string> {
  const damaged = new Set<string>();
  const last = findings.attempt(
    () => 'the packs of blocks cannot be read',
    () => shelves.packs.range(packKey(0), PAST_PACKS, 1, true)[0],
  );
  const packs = last === undefined ? 0 : asBuffer(last.key).readUIntBE(0, 6);
  for (let from = 0; from <= packs; from += PACKS_AT_ONCE) {
    // The last group takes also those that should lie in packs beyond.
    const until = from + PACKS_AT_ONCE > packs ? Number.POSITIVE_INFINITY : from + PACKS_AT_ONCE;
    findings.step(`blocks in packs ${from} to ${Math.min(until - 1, packs)} of ${packs}`);
    const lying = blocksIn(shelves, findings, from, until);
    for (const pack of [...lying.keys()].sort((a, b) => a - b)) {
      verifyPack(shelves, hasher, findings, pack, lying.get(pack)!, damaged);
    }
  }
  return damaged;
}

function blocksIn(shelves: Shelves, findings: Findings, from: number, until: number): Map<number, Lying[]> {
  const lying = new Map<number, Lying[]>();
  for (const { key, value } of rowsOf(findings, shelves.facts, ...wholeTag('K'))) {
    const id = key.subarray(1);
    const row = findings.attempt(
      () => `where block ${hexOf(id)} lies`,
      () => readBlock(value),
    );
    if (row === undefined || row.pack < from || row.pack >= until) continue;
    const { pack, offset, length } = row;
    const others = lying.get(pack);
    if (others === undefined) lying.set(pack, [{ id, offset, length }]);
    else others.push({ id, offset, length });
  }
  return lying;
}

function verifyPack(
  shelves: Shelves,
  hasher: Hasher,
  findings: Findings,
  pack: number,
  lying: readonly Lying[],
  damaged: Set<string>,
): void {
  let bytes: Uint8Array | undefined;
  let why = 'it is missing';
  try {
    bytes = shelves.packs.get(packKey(pack));
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  let wrong = 0;
  for (const { id, offset, length } of lying) {
    findings.sum.blocks++;
    findings.sum.blockBytes += length;
    const isRight =
      bytes !== undefined &&
      offset + length <= bytes.length &&
      Buffer.compare(hasher.blockId(bytes.subarray(offset, offset + length)), id) === 0;
    if (isRight) continue;
    wrong++;
    damaged.add(nameOf(id));
    findings.block(id);
  }
  if (bytes === undefined) findings.damage(`pack ${pack} with ${lying.length} blocks: ${why}`);
  else if (wrong > 0)
    findings.damage(`pack ${pack}: ${wrong} of ${lying.length} blocks are not what their ids say`);
}
