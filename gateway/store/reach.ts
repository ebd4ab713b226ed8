// How far the pages go that an LMDB file's trees lead to. LMDB need not write what it took and gave back within one
// commit, so a whole file may end before its last page; one whose trees lead behind its end is cut off, and reading
// there ends the process (SIGBUS).
//
// Reads branches and leaves, not what stands in overflow pages: some hundreds of bytes a path of the store. Done only
// where a file is shorter than its meta page says. A page that a gateway writes anew meanwhile may be misread, so what
// is wrong beside one that runs may be right the next time.

import { readSync } from 'node:fs';

// LMDB (mdb.c, data version 2): MDB_page, MDB_node, MDB_ovpage, MDB_db.
const PAGE_HEAD_BYTES = 24;
const FLAGS_AT = 18;
const LOWER_AT = 20;
const BRANCH_FLAG = 0x01;
const LEAF_FLAG = 0x02;
const NODE_HEAD_BYTES = 8;
/** Its data stands in overflow pages: an MDB_ovpage says which. */
const BIG_DATA_FLAG = 0x01;
const OVERFLOW_PAGES_AT = 16;
/** Its data is an MDB_db, a tree of its own. */
const TREE_FLAG = 0x02;
const ROOT_AT = 40;

/** Of a tree that is empty. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/** Whether all that the trees at `roots` lead to lies within the first `pages` pages. */
export function isWithin(fd: number, pageBytes: number, pages: number, roots: readonly bigint[]): boolean {
  try {
    return walk(fd, pageBytes, pages, roots);
  } catch (error) {
    // Of a page that is none: it points outside itself.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function walk(fd: number, pageBytes: number, pages: number, roots: readonly bigint[]): boolean {
  const left = roots.filter(root => root !== NO_PAGE).map(Number);
  // No page hangs in two places: whoever finds more than there are goes in circles.
  for (let read = 0; left.length > 0; read++) {
    const number = left.pop()!;
    if (number >= pages || read >= pages) return false;
    const page = Buffer.alloc(pageBytes);
    if (readSync(fd, page, 0, pageBytes, number * pageBytes) < pageBytes) return false;
    const flags = page.readUInt16LE(FLAGS_AT);
    if ((flags & (BRANCH_FLAG | LEAF_FLAG)) === 0) return false;
    for (const node of nodesOf(page)) {
      if ((flags & BRANCH_FLAG) !== 0) {
        left.push(node.readUIntLE(0, 6));
        continue;
      }
      const data = node.subarray(NODE_HEAD_BYTES + node.readUInt16LE(6));
      const kind = node.readUInt16LE(4);
      if ((kind & TREE_FLAG) !== 0) {
        const root = data.readBigUInt64LE(ROOT_AT);
        if (root !== NO_PAGE) left.push(Number(root));
      } else if ((kind & BIG_DATA_FLAG) !== 0) {
        const end = data.readBigUInt64LE(0) + data.readBigUInt64LE(OVERFLOW_PAGES_AT);
        if (end > BigInt(pages)) return false;
      }
    }
  }
  return true;
}

function* nodesOf(page: Buffer): Generator<Buffer> {
  const end = PAGE_HEAD_BYTES + page.readUInt16LE(LOWER_AT);
  for (let at = PAGE_HEAD_BYTES; at < end; at += 2)
    yield page.subarray(PAGE_HEAD_BYTES + page.readUInt16LE(at));
}
