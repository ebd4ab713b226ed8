// Who a client of the built-in broker is, by what it shows at CONNECT, and so what it may (access.ts).
//
//   gateway   its own name, and a secret of this process as password
//   board     a certificate whose common name is the board's; or a user's name and password (users.ts)
//   anyone    where there are neither users nor an authority of certificates: may do everything
//
// A name that is said beside a certificate has to be the certificate's.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Gauge } from '../agent/gauge.ts';
import { LABEL } from '../protocol/limits.ts';
import { type Rule, rulesOfBoard, rulesOfGateway } from './access.ts';
import { Refusal } from './refusals.ts';
import { Users } from './users.ts';

/** No LABEL, so no user and no certificate can have it. */
export const GATEWAY_NAME = '@gateway';

export interface Identity {
  /** Undefined where everyone is let in. */
  name?: string;
  /** Undefined where everyone may do everything. */
  rules: readonly Rule[] | undefined;
  /** What its user's line says. */
  hash?: string | undefined;
}

const ANYONE: Identity = { rules: undefined };

export class Authenticator {
  /** Whether who shows nothing is kept out. */
  readonly isKeyed: boolean;
  readonly #users: Users | undefined;
  readonly #secret = Buffer.from(randomBytes(32).toString('base64url'));

  /** `hasAuthority`: a certificate is looked at where one is shown. */
  constructor(usersFile: string | undefined, hasAuthority: boolean, onWarn: (text: string) => void) {
    this.isKeyed = usersFile !== undefined || hasAuthority;
    this.#users = usersFile === undefined ? undefined : new Users(usersFile, onWarn);
  }

  /** What the gateway itself shows. */
  get own(): { username?: string; password?: string } {
    return this.isKeyed ? { username: GATEWAY_NAME, password: this.#secret.toString() } : {};
  }

  /** Of passwords that wait to be checked. */
  get gauge(): Gauge | undefined {
    return this.#users?.gauge;
  }

  /** Called when users have changed: `isCurrent` may be another for who is in. */
  set onChange(changed: () => void) {
    if (this.#users !== undefined) this.#users.onChange = changed;
  }

  isCurrent({ name, hash }: Identity): boolean {
    return hash === undefined || this.#users?.hashOf(name as string) === hash;
  }

  async identify(
    certificateName: string | undefined,
    username: string | undefined,
    password: Uint8Array,
  ): Promise<Identity | Refusal> {
    if (!this.isKeyed) return ANYONE;
    if (username === GATEWAY_NAME) {
      if (!this.#isSecret(password)) return new Refusal('wrong', 'a wrong password');
      return { name: username, rules: rulesOfGateway() };
    }
    const name = certificateName ?? username ?? '';
    const isCertified = certificateName !== undefined;
    if (username !== undefined && username !== name)
      return new Refusal('forbidden', "a user name that is not the certificate's");
    if (!LABEL.test(name))
      return new Refusal('wrong', isCertified ? "a certificate whose name is no board's" : 'no user name');
    if (isCertified) return { name, rules: rulesOfBoard(name) };
    const verdict = (await this.#users?.check(name, password)) ?? 'wrong';
    if (verdict === 'busy') return new Refusal('busy', 'too many passwords to check');
    if (verdict === 'wrong') return new Refusal('wrong', 'a wrong user name or password');
    return { name, rules: rulesOfBoard(name), hash: verdict.hash };
  }

  close(): void {
    this.#users?.close();
  }

  #isSecret(password: Uint8Array): boolean {
    return password.length === this.#secret.length && timingSafeEqual(password, this.#secret);
  }
}
