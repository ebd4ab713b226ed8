// What the host can call and read: each part's exports, nothing of its own.
export * from './arena';
export * from './blake3';
export * from './cutter';
export * from './gear';
export * from './plan';
export * from './pool';
export { rowsSort } from './rows';
export * from './trap';
export * from './tree';
