// The users of the built-in broker, from a file that the gateway follows (listed.ts): a line `name:hash` for each
// board, made by `toastbox user`. A user is called like its board.
//
// Checking a password costs time and 16 MiB (password.ts), and anyone who reaches the port may ask for it. So one is
// checked at a time, WAITING_MAX may wait, and whoever was right once is known by a keyed digest afterwards and does
// not wait: a flood of wrong passwords keeps out those who were never in, and nobody else.
//
// A name that is not in the file costs as much as one that is: a stranger does not learn which boards there are.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';
import { Gauge } from '../agent/gauge.ts';
import { Listed, type ListedOptions } from './listed.ts';
import { isHash, isPassword } from './password.ts';

/** At 50 ms each, who comes last waits 6 s: less than a client's patience. */
const WAITING_MAX = 128;
/** No user's: the password of those who are none. */
const NOBODY = `$scrypt$ln=14,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** A right password comes with what it was checked against. */
export type Verdict = { hash: string } | 'wrong' | 'busy';

/** How a file of users is read: here and by `toastbox user`. */
export const usersForm = (file: string): Omit<ListedOptions<string>, 'onWarn'> => ({
  file,
  read: value => (isHash(value) ? value : undefined),
  wanted: 'a line that `toastbox user --add` made, name:$scrypt$...',
  madeBy: `make it: toastbox user --users ${file} --add BOARD`,
});

interface Known {
  hash: string;
  digest: Buffer;
}

export class Users {
  readonly #listed: Listed<string>;
  readonly #key = randomBytes(32);
  /** Who was right, and with which hash: at most as many as there are users. */
  readonly #known = new Map<string, Known>();
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  readonly gauge = new Gauge('passwords', WAITING_MAX, 'refuses', () => this.#waiting);

  constructor(file: string, onWarn: (text: string) => void) {
    this.#listed = new Listed({ ...usersForm(file), onWarn });
    if ((statSync(file).mode & 0o007) !== 0)
      onWarn(`${file} holds hashes of passwords and everyone may read it: chmod o-rwx ${file}`);
  }

  /** Called when the file has changed: whoever is in may no longer be. */
  set onChange(changed: () => void) {
    this.#listed.onChange = changed;
  }

  /** What a user's line says; another after its password was changed, undefined for none. */
  hashOf(name: string): string | undefined {
    return this.#listed.get(name);
  }

  async check(name: string, password: Uint8Array): Promise<Verdict> {
    const hash = this.#listed.get(name);
    const digest = createHmac('sha256', this.#key).update(password).digest();
    const known = this.#known.get(name);
    if (hash !== undefined && known?.hash === hash && timingSafeEqual(known.digest, digest)) return { hash };
    if (this.#waiting >= WAITING_MAX) {
      this.gauge.met();
      return 'busy';
    }
    this.#waiting++;
    this.gauge.grew();
    const turn = this.#turn.then(() => isPassword(password, hash ?? NOBODY));
    this.#turn = turn.catch(() => {});
    try {
      // Crossed out while it waited counts too.
      if (!(await turn) || hash === undefined || this.#listed.get(name) !== hash) return 'wrong';
      this.#known.set(name, { hash, digest });
      return { hash };
    } finally {
      this.#waiting--;
    }
  }

  close(): void {
    this.#listed.close();
  }
}
