// Which boards may join which shares, from a file that the gateway follows (listed.ts):
//
//   board-7: photos, notes
//   kiosk: *                 any share
//   *: common                any board
//
// A board may always join the share that is called like itself. Without a file every board may join every share,
// and make it by joining. The plain copies are ours and join what there is.

import { LABEL } from '../protocol/limits.ts';
import { Listed } from './listed.ts';

const ANY = '*';

export class Grants {
  readonly #listed: Listed<readonly string[]>;

  constructor(file: string, onWarn: (text: string) => void) {
    this.#listed = new Listed({
      file,
      read: readShares,
      wanted: 'BOARD: SHARE, SHARE, where either side may be *',
      madeBy: 'write it: a line BOARD: SHARE, SHARE for each board',
      alsoNamed: ANY,
      onWarn,
    });
  }

  /** Called when the file has changed. */
  set onChange(changed: () => void) {
    this.#listed.onChange = changed;
  }

  mayJoin(board: string, share: string): boolean {
    if (board === share || board === `@${share}`) return true;
    return [board, ANY].some(name => {
      const shares = this.#listed.get(name);
      return shares?.includes(share) || shares?.includes(ANY);
    });
  }

  close(): void {
    this.#listed.close();
  }
}

function readShares(value: string): readonly string[] | undefined {
  const shares = value.split(',').map(share => share.trim());
  return shares.every(share => share === ANY || LABEL.test(share)) ? shares : undefined;
}
