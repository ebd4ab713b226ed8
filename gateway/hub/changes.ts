// Answers a board's `next`: the log after a seq, in at most as many frames as it has credit for, each one's `after`
// the `upto` of the one before. The last says that it reached the head, also when there was nothing to tell.

import { NO_BYTES } from '../../protocol/bytes.ts';
import { ITEMS_MAX } from '../../protocol/limits.ts';
import { type ChangeItem, Kind, type Message } from '../../protocol/messages.ts';
import type { FolderNumber, LoggedChange, Store } from '../store/port.ts';
import { HEAD_BYTES, itemBytes } from './fill.ts';

/** Log rows read at once; each may take 8 KiB. */
const ROWS_MAX = 256;

export interface Asked {
  session: number;
  after: number;
  credit: number;
}

export function* answerNext(
  store: Store,
  folder: FolderNumber,
  head: number,
  asked: Asked,
  frameBytesMax: number,
): Generator<Message> {
  const { session } = asked;
  let after = asked.after;
  for (let credit = asked.credit; credit > 0; credit--) {
    const { items, isWhole } = fillFrame(store, folder, after, frameBytesMax);
    const upto = isWhole ? Math.max(head, after) : items[items.length - 1]!.seq;
    const uptoTerm = store.termOf(folder, upto);
    yield { is: 'changes', session, after, upto, items, term: store.term, uptoTerm };
    if (isWhole) return;
    after = upto;
  }
}

function fillFrame(
  store: Store,
  folder: FolderNumber,
  after: number,
  frameBytesMax: number,
): { items: ChangeItem[]; isWhole: boolean } {
  const items: ChangeItem[] = [];
  let bytes = HEAD_BYTES;
  let last = after;
  for (;;) {
    const rows = store.changesAfter(folder, last, ROWS_MAX);
    for (const row of rows) {
      const item = tell(store, folder, row);
      bytes += itemBytes(item);
      if (bytes > frameBytesMax || items.length === ITEMS_MAX) return { items, isWhole: false };
      items.push(item);
      last = item.seq;
    }
    if (rows.length < ROWS_MAX) return { items, isWhole: true };
  }
}

/** `like`: where the content stands now, else where it stood when this was committed: a rename's old path is deleted
 * after its new one is put, so a board that reads both still has it. */
function tell(store: Store, folder: FolderNumber, { path, version, like }: LoggedChange): ChangeItem {
  const { seq, kind, mode, size, mtime, content } = version;
  const isContent = kind === Kind.FILE && size > 0;
  const alike = isContent ? (store.like(folder, path, content) ?? like) : NO_BYTES;
  return { seq, path, kind, mode, size, mtime, content, like: alike };
}
