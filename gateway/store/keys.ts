// Where each record stands on the `facts` shelf: one tag byte, then numbers big-endian, so that they order.
//
//   'S' share                              -> folder number
//   'F' folder                             -> the folder's row: share, id, head, counts
//   'D' folder dir                         -> a directory: parent dir, live children, name
//   'E' folder dir name                    -> entry: the current version at a path
//   'L' folder seq                         -> dir name: the path whose newest change that is
//   'V' folder dir name NUL seq            -> a replaced version
//   'W' folder dir name NUL kind content   -> seq of the newest replaced version with that content
//   'G' folder seq                         -> term: the start of a gateway that gave the seqs from this one on
//   'C' content id                         -> a complete content: size, block count, recipe number or the one record,
//                                             the live file that held it first, or the folder where that was
//   'X' folder content dir name            -> nothing: which other live files hold it
//   'R' recipe page                        -> byte offset, then up to PAGE_RECORDS records
//   'T' recipe                             -> nothing: a recipe still arriving; dropped at the next start
//   'K' block id                           -> pack, offset, length, the folder that it came for first
//   'Q' block id                           -> nothing: its bytes are lost, it is asked for again (blocks.ts)
//   'B' board                              -> board
//   '0'                                    -> format of all these (format.ts)
//
// Paths go up to 4,095 bytes and LMDB's keys to 1,978, so an entry is keyed by its directory's number and its own
// name (255 bytes): a lookup costs one read a level. A directory keeps its number when it is deleted or becomes a
// file, because the deletions under it still hang on it. The root is directory 0. Names hold no NUL, so one ends a
// name in the middle of a key.

import type { FolderNumber, RecipeNumber } from './port.ts';

/** A directory's number in its folder. */
export type DirNumber = number;
export const ROOT: DirNumber = 0;

/** Folder numbers take 4 bytes, all others 6: 2^48 changes, directories, recipes and packs. */
const FOLDER_BYTES = 4;
const NUMBER_BYTES = 6;
/** Past every seq. */
export const SEQ_MAX = 2 ** (8 * NUMBER_BYTES) - 1;

const tag = (letter: string) => letter.charCodeAt(0);

function numbered(letter: string, ...numbers: number[]): Buffer {
  const key = Buffer.allocUnsafe(1 + numbers.length * NUMBER_BYTES);
  key[0] = tag(letter);
  numbers.forEach((n, index) => {
    key.writeUIntBE(n, 1 + index * NUMBER_BYTES, NUMBER_BYTES);
  });
  return key;
}

function inFolder(letter: string, folder: FolderNumber, ...numbers: number[]): Buffer {
  const key = Buffer.allocUnsafe(1 + FOLDER_BYTES + numbers.length * NUMBER_BYTES);
  key[0] = tag(letter);
  key.writeUInt32BE(folder, 1);
  numbers.forEach((n, index) => {
    key.writeUIntBE(n, 1 + FOLDER_BYTES + index * NUMBER_BYTES, NUMBER_BYTES);
  });
  return key;
}

const tagged = (letter: string, rest: Uint8Array) => Buffer.concat([Buffer.from(letter), rest]);

/** A place in the tree: the directory and the name in it. */
export interface Spot {
  dir: DirNumber;
  name: Uint8Array;
}

export function writeSpot(spot: Spot): Buffer {
  const bytes = Buffer.allocUnsafe(NUMBER_BYTES + spot.name.length);
  bytes.writeUIntBE(spot.dir, 0, NUMBER_BYTES);
  bytes.set(spot.name, NUMBER_BYTES);
  return bytes;
}

export function readSpot(bytes: Uint8Array): Spot {
  return { dir: readNumber(bytes, 0), name: bytes.subarray(NUMBER_BYTES) };
}

export const readNumber = (bytes: Uint8Array, at: number): number =>
  asBuffer(bytes).readUIntBE(at, NUMBER_BYTES);

export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Bytes as a key of a Map: each character a byte. */
export const nameOf = (bytes: Uint8Array): string => asBuffer(bytes).toString('latin1');

const NUL = Buffer.from([0]);

export const shareKey = (share: string) => tagged('S', Buffer.from(share));
export const folderKey = (folder: FolderNumber) => inFolder('F', folder);
export const dirKey = (folder: FolderNumber, dir: DirNumber) => inFolder('D', folder, dir);
export const readDirNumber = (key: Uint8Array): DirNumber => readNumber(key, 1 + FOLDER_BYTES);
export const entryKey = (folder: FolderNumber, spot: Spot) =>
  Buffer.concat([inFolder('E', folder, spot.dir), spot.name]);
export const readEntrySpot = (key: Uint8Array): Spot => readSpot(key.subarray(1 + FOLDER_BYTES));
export const logKey = (folder: FolderNumber, seq: number) => inFolder('L', folder, seq);
export const readLogSeq = (key: Uint8Array) => readNumber(key, 1 + FOLDER_BYTES);
export const termKey = (folder: FolderNumber, seq: number) => inFolder('G', folder, seq);
export const readTermFrom = (key: Uint8Array) => readNumber(key, 1 + FOLDER_BYTES);
export const versionKey = (folder: FolderNumber, spot: Spot, seq: number) => {
  const key = Buffer.concat([inFolder('V', folder, spot.dir), spot.name, NUL, Buffer.alloc(NUMBER_BYTES)]);
  key.writeUIntBE(seq, key.length - NUMBER_BYTES, NUMBER_BYTES);
  return key;
};
export const readVersionSeq = (key: Uint8Array): number => readNumber(key, key.length - NUMBER_BYTES);
/** What all versions of one path have in common. */
export const versionSpotBytes = (key: Uint8Array) => key.subarray(0, key.length - NUMBER_BYTES);
export const readVersionSpot = (key: Uint8Array): { folder: FolderNumber; spot: Spot } => ({
  folder: asBuffer(key).readUInt32BE(1) as FolderNumber,
  spot: readSpot(key.subarray(1 + FOLDER_BYTES, key.length - NUMBER_BYTES - 1)),
});
export const knownKey = (folder: FolderNumber, spot: Spot, kind: number, content: Uint8Array) =>
  Buffer.concat([inFolder('W', folder, spot.dir), spot.name, NUL, Buffer.from([kind]), content]);
export const likeKey = (folder: FolderNumber, content: Uint8Array, spot: Spot | undefined) =>
  Buffer.concat([inFolder('X', folder), content, spot === undefined ? Buffer.alloc(0) : writeSpot(spot)]);
export const readLikeSpot = (key: Uint8Array, contentBytes: number) =>
  readSpot(key.subarray(1 + FOLDER_BYTES + contentBytes));
export const contentKey = (content: Uint8Array) => tagged('C', content);
export const pageKey = (recipe: RecipeNumber, page: number) => numbered('R', recipe, page);
export const arrivingKey = (recipe: RecipeNumber) => numbered('T', recipe);
export const blockKey = (id: Uint8Array) => tagged('K', id);
export const lostKey = (id: Uint8Array) => tagged('Q', id);
export const formatKey: Uint8Array = Buffer.from('0');
export const boardKey = (name: string) => tagged('B', Buffer.from(name));
export const packKey = (pack: number) => {
  const key = Buffer.allocUnsafe(NUMBER_BYTES);
  key.writeUIntBE(pack, 0, NUMBER_BYTES);
  return key;
};

/** Past every key that begins with `prefix`: no key has 256 bytes of 0xff in a row behind its prefix. */
export const pastAll = (prefix: Uint8Array) => Buffer.concat([prefix, PAST]);
const PAST = Buffer.alloc(256, 0xff);

/** The least key past this one. */
export const afterKey = (key: Uint8Array): Buffer => Buffer.concat([key, NUL]);

export const wholeTag = (letter: string): [Buffer, Buffer] => [
  Buffer.from([tag(letter)]),
  Buffer.from([tag(letter) + 1]),
];
