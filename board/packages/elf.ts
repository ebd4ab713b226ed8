// Takes out of an executable what only debuggers read: everything behind the last byte that is loaded, which is where
// symbol table and debugging sections stand, and the section table. For any machine's ELF, so no binutils for each are
// needed. Node for armv7: 85.8 MB -> 73.9 MB.
//
// What it leaves is what the kernel and the dynamic loader look at: the program headers and what they point to.

import { Failure } from '../../agent/failure.ts';

// Offsets of the header and of a program header, 32 and 64 bits (System V ABI, chapters 4 and 5).
const LAYOUT = {
  1: { phoff: 28, shoff: 32, phentsize: 42, shentsize: 46, fileOffset: 4, fileBytes: 16 },
  2: { phoff: 32, shoff: 40, phentsize: 54, shentsize: 58, fileOffset: 8, fileBytes: 32 },
} as const;
const LITTLE_ENDIAN = 1;

export function strip(elf: Buffer): Buffer {
  const layout = LAYOUT[elf[4] as 1 | 2];
  if (elf.readUInt32BE(0) !== 0x7f454c46 || layout === undefined || elf[5] !== LITTLE_ENDIAN)
    throw new Failure('environment', 'this is no little-endian ELF file');
  const word = (at: number) =>
    layout === LAYOUT[1] ? elf.readUInt32LE(at) : Number(elf.readBigUInt64LE(at));
  const first = word(layout.phoff);
  const entryBytes = elf.readUInt16LE(layout.phentsize);
  const count = elf.readUInt16LE(layout.phentsize + 2);
  let end = first + count * entryBytes;
  for (let index = 0; index < count; index++) {
    const at = first + index * entryBytes;
    end = Math.max(end, word(at + layout.fileOffset) + word(at + layout.fileBytes));
  }
  if (end > elf.length) throw new Failure('environment', 'the ELF file is cut short');
  const stripped = Buffer.from(elf.subarray(0, end));
  if (layout === LAYOUT[1]) stripped.writeUInt32LE(0, layout.shoff);
  else stripped.writeBigUInt64LE(0n, layout.shoff);
  // Size of an entry stays; number of entries and index of the names' section go.
  stripped.writeUInt32LE(0, layout.shentsize + 2);
  return stripped;
}
