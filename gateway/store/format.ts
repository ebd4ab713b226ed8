// Which format the records of a store have. A store of another one is refused and left as it is: to read records as
// what they are not would damage everything that follows from them.

import { Failure } from '../../agent/failure.ts';
import { formatKey, wholeTag } from './keys.ts';
import type { Shelf } from './shelf.ts';

/** 3: the oldest version that is kept of a path says so. 2: contents of one block have no list, and the first file that
 * holds a content stands in its row. The first one had no number. */
const FORMAT = 3;

/** Its records are read as they are; what it dropped is not known to have been. */
const FORMAT_LEAST = 2;

/** Throws unless these are records of ours. True: the next commit says their format. */
export function checkFormat(facts: Pick<Shelf, 'get' | 'range'>): boolean {
  const value = facts.get(formatKey);
  const isNew = value === undefined && facts.range(...wholeTag('F'), 1).length === 0;
  if (isNew) return true;
  const found = value?.[0] ?? 1;
  if (found >= FORMAT_LEAST && found <= FORMAT) return found < FORMAT;
  const [which, advice] =
    found > FORMAT
      ? ['a newer', 'update toastbox']
      : [
          'an older',
          "move the gateway's --data away: the boards bring what they have, its history stays there",
        ];
  throw new Failure('environment', `the store was made by ${which} version of toastbox`, advice);
}

export const writeFormat = (): Uint8Array => Uint8Array.of(FORMAT);
