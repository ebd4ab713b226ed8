// A block's record: its length and its id, 20 bytes. A content's list of blocks is these in order, and its id is their
// hash (SPEC.md, Blocks and contents).

import { ID_BYTES } from './limits.ts';

/** A block's length (u32, little endian) and its id. */
export const RECORD_BYTES = 4 + ID_BYTES;

export function recordOf(length: number, id: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES);
  new DataView(record.buffer).setUint32(0, length, true);
  record.set(id, RECORD_BYTES - ID_BYTES);
  return record;
}

/** The length in the record that begins at `at`. */
export const recordLength = (records: Uint8Array, at = 0): number =>
  ((records[at] as number) |
    ((records[at + 1] as number) << 8) |
    ((records[at + 2] as number) << 16) |
    ((records[at + 3] as number) << 24)) >>>
  0;

/** A view of the id in the record that begins at `at`. */
export const recordId = (records: Uint8Array, at = 0): Uint8Array =>
  records.subarray(at + RECORD_BYTES - ID_BYTES, at + RECORD_BYTES);
