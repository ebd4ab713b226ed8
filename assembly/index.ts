// What the host can call and read, and nothing else: agent/arena/wasm.ts and tree-exports.ts have its types, and a test
// compares.
export {
  ARENA_BYTES_MAX,
  ARENA_BYTES_MIN,
  auditArena,
  carve,
  REGION_BLOCKS,
  REGION_COUNT,
  REGION_FRAMES,
  REGION_HASH,
  REGION_LISTING,
  REGION_PAGES,
  REGION_RECORDS,
  REGION_RUN,
  REGION_SCRATCH,
  REGION_VALUES,
  REGION_WINDOW,
  regionAt,
  regionBytes,
  seal,
  WASM_PAGE_BYTES,
} from './arena';
export {
  digest,
  finishHash,
  hash,
  listHasher,
  onceHasher,
  startHash,
  updateHash,
} from './blake3';
export {
  beginContent,
  cutConsumed,
  cutWindow,
  endContent,
  hashFiles,
} from './cutter';
export {
  BLOCK_BYTES_MAX,
  BLOCK_BYTES_MIN,
  blockBytes,
} from './gear';
export {
  ID_BYTES,
  openArena,
  RECORD_BYTES,
} from './plan';
export {
  auditPool,
  cellAt,
  NO_ROOM,
  POOL_FRAMES,
  passCell,
  poolCellBytes,
  poolCells,
  poolHighWater,
  poolTaken,
  poolWaits,
  releaseCell,
  takeCell,
  tenantOf,
} from './pool';
export { rowsSort } from './rows';
export {
  trapFile,
  trapLine,
} from './trap';
export * from './tree';
