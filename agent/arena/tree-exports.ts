// What assembly/tree.ts exports, for tree.ts and audit.ts. Addresses are byte offsets in the arena's memory.

import type { Constant } from './wasm.ts';

export interface TreeExports {
  // Limits.
  readonly TREE_PAGE_BYTES: Constant;
  readonly TREE_KEY_BYTES_MAX: Constant;
  readonly TREE_VALUE_BYTES_MAX: Constant;
  readonly TREE_FORMAT_VERSION: Constant;
  readonly TREE_ROOT_PAGES: Constant;
  readonly TREE_MAP_PAGES: Constant;
  // What an operation answers.
  readonly TREE_ABSENT: Constant;
  readonly TREE_DONE: Constant;
  readonly TREE_NEED_PAGE: Constant;
  readonly TREE_NEED_WRITE: Constant;
  readonly TREE_NEED_SYNC: Constant;
  readonly TREE_DAMAGED: Constant;
  readonly TREE_FULL: Constant;
  // Why a page is refused.
  readonly TREE_BAD_SUM: Constant;
  readonly TREE_BAD_NUMBER: Constant;
  readonly TREE_BAD_GENERATION: Constant;
  // Opening.
  readonly TREE_ROOT_BAD: Constant;
  readonly TREE_ROOT_GOOD: Constant;
  readonly TREE_ROOT_NEWER: Constant;
  readonly treeRootImage: Constant;
  treeCarve(at: number, bytes: number, key: number, value: number, framesMost: number): void;
  treeStartRoots(): void;
  treeJudgeRoot(slot: number): number;
  treeOpen(isNew: boolean): void;
  // Operations, and what they want and found.
  readonly treeKey: Constant;
  readonly treeValue: Constant;
  readonly treeWantedPage: Constant;
  readonly treeWantedAt: Constant;
  readonly treeDamage: Constant;
  readonly treeFoundKey: Constant;
  readonly treeFoundKeyBytes: Constant;
  readonly treeFoundValue: Constant;
  readonly treeFoundValueBytes: Constant;
  treeGet(keyBytes: number): number;
  treePut(keyBytes: number, valueBytes: number): number;
  treeRemove(keyBytes: number): number;
  treeNext(keyBytes: number, isInclusive: boolean): number;
  treePrevious(keyBytes: number, isInclusive: boolean): number;
  treeCommit(): number;
  readonly treeNotes: Constant;
  treeNoted(): void;
  // A listing beside the entries.
  readonly TREE_DIFFERENT: Constant;
  readonly TREE_GONE: Constant;
  readonly treeComparedRow: Constant;
  treeStartDirectory(parent: number): void;
  treeGiveRows(at: number, bytes: number, count: number, isEnd: boolean, isAll: boolean): void;
  treeCompare(): number;
  treeGoneName(): number;
  treeGoneNameBytes(): number;
  treeResume(): number;
  readonly treeShifted: Constant;
  readonly treeTailPages: Constant;
  treeShift(bound: number, leaves: number): number;
  treeTail(): number;
  treeDoubt(): void;
  // Figures.
  readonly treeFrames: Constant;
  readonly treeDirty: Constant;
  readonly treeDirtyMost: Constant;
  readonly treeCachedMost: Constant;
  readonly TREE_HOLDS_NOTHING: Constant;
  readonly TREE_HOLDS_CLEAN: Constant;
  readonly TREE_HOLDS_DIRTY: Constant;
  treeHolding(frame: number): number;
  readonly treeHits: Constant;
  readonly treeMisses: Constant;
  readonly treeEvictions: Constant;
  readonly treePagesWritten: Constant;
  readonly treeCommits: Constant;
  treeCached(): number;
  treeHasChanged(): number;
  treePageCount(): number;
  treeFreePages(): number;
  treeEntryCount(): bigint;
  // The audit.
  readonly TREE_LEAF: Constant;
  readonly TREE_INNER: Constant;
  readonly treeVisited: Constant;
  treeVisit(page: number, generation: number): number;
  treeCheckCache(): number;
  treeHeight(): number;
  treeRootPage(): number;
  treeRootGeneration(): number;
  treeKindOf(page: number): number;
  treeCountOf(page: number): number;
  treeChildNumber(page: number, child: number): number;
  treeChildGeneration(page: number, child: number): number;
  treeKeyInto(page: number, index: number, into: number): number;
  treeMapCount(): number;
  treeMapHome(map: number, slot: number): number;
  treeMapSlot(map: number): number;
  treeMapGeneration(map: number): number;
  treeMapFree(map: number): number;
  treeMapFreed(map: number): number;
  treeStateIn(mapPage: number, index: number): number;
  treeReserveCount: Constant;
  treeReserveAt(index: number): number;
  treeFreedCount: Constant;
  treeFreedAt(index: number): number;
}
