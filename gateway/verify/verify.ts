// Reads the whole store and names what is damaged, in words: blocks, then contents, then shares, so that a damaged
// block is told as the paths and versions that need it. Changes nothing.
//
// Runs without a turn of the loop: beside a running gateway all that it reads is of one commit. Until it ends, LMDB
// keeps the pages of that commit, and what is written meanwhile makes the file longer.

import type { Hasher } from '../hub/ports.ts';
import { checkFormat } from '../store/format.ts';
import type { Shelves } from '../store/shelf.ts';
import { verifyBlocks } from './blocks.ts';
import { verifyContents } from './contents.ts';
import { Findings, type Sum, type Word } from './findings.ts';
import { verifyFolders } from './folders.ts';

export function verify(shelves: Shelves, hasher: Hasher, tell: (word: Word) => void): Sum {
  const findings = new Findings(tell);
  if (isReadable(shelves, findings)) verifyAll(shelves, hasher, findings);
  findings.end();
  return findings.sum;
}

/** Of another format, all the rest would be damage. */
function isReadable(shelves: Shelves, findings: Findings): boolean {
  return (
    findings.attempt(
      () => 'the format of its records',
      () => checkFormat(shelves.facts),
    ) !== undefined
  );
}

function verifyAll(shelves: Shelves, hasher: Hasher, findings: Findings): void {
  const damagedBlocks = verifyBlocks(shelves, hasher, findings);
  const contents = verifyContents(shelves, hasher, findings, damagedBlocks);
  verifyFolders(shelves, findings, contents);
}
