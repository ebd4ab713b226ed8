// What the host can call and read: each part's exports, nothing of its own.
export * from './arena';
export * from './plan';
export * from './trap';
