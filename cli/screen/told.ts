// What a restore says: each path that is restored or is not, and in the end how much of it is missing.

import type { Exported, Telling } from '../../gateway/history/export.ts';
import type { Wanted } from '../../gateway/hub/restore.ts';
import type { Version } from '../../gateway/store/port.ts';
import { Kind } from '../../protocol/messages.ts';
import { printable, printableText } from '../../protocol/path.ts';
import { Exit, failureOf } from '../exits.ts';
import { bytesText, countOf, countText } from './figures.ts';
import type { Screen } from './screen.ts';
import { momentText, whatOf } from './version.ts';

/** In whole seconds, as --at takes it: not before. */
const fromText = (time: number): string => momentText(Math.ceil(time / 1000) * 1000);

/** Of a path: its `oldest` version that is kept came later than the time that was asked for. */
export const lostText = ({ arrived }: Version): string =>
  `what it was then is no longer kept, only what it was from ${fromText(arrived)} on`;

export class Told implements Telling {
  readonly #screen: Screen;
  readonly #share: string;
  readonly #at: number | undefined;
  readonly #isJson: boolean;
  #isSaid = false;
  #failed = 0;
  #lost = 0;
  /** From when on all that was asked for is kept. */
  #since = 0;

  constructor(screen: Screen, share: string, at: number | undefined, isJson: boolean) {
    this.#screen = screen;
    this.#share = share;
    this.#at = at;
    this.#isJson = isJson;
  }

  answer({ path, version }: Wanted, seq: number, why: string | undefined): void {
    if (why !== undefined) this.#fail(path, why, { version, now: seq });
    else if (this.#isJson) this.#say(JSON.stringify({ path: this.#name(path), version, now: seq }));
    else this.#say(`restored ${this.#name(path)}: version ${version}, now ${seq}`);
  }

  put(to: string, version: Version | undefined, exported: Exported): void {
    const { entries, bytes, stood, failed } = exported;
    this.#failed = failed;
    if (this.#isJson) {
      this.#say(JSON.stringify({ to, version: version?.seq, ...exported, lost: this.#lost }));
      return;
    }
    const what =
      version === undefined || version.kind === Kind.DIRECTORY
        ? `${countText(entries)} ${entries === 1 ? 'entry' : 'entries'}, ${bytesText(bytes)}`
        : `version ${version.seq}, ${whatOf(version)}`;
    this.#say(`${to}: ${what}${stood === 0 ? '' : `; ${countText(stood)} stood there already`}`);
    if (failed > 0)
      this.#screen.warn(`${countText(failed)} not restored; the same command again goes on with them`);
  }

  onFail = (path: Uint8Array, error: unknown): void =>
    this.#fail(path, printableText(failureOf(error).message));

  onLost = (path: Uint8Array, oldest: Version): void => {
    this.#lost++;
    this.#since = Math.max(this.#since, oldest.arrived);
    this.#fail(path, lostText(oldest));
  };

  end(): Exit {
    if (!this.#isJson && !this.#isSaid && this.#failed === 0) this.#say('nothing to do: it is as it was');
    if (this.#lost > 0 && !this.#isJson)
      this.#screen.warn(
        `${countOf(this.#lost, 'path')} may be missing or other than at ${momentText(this.#at!)}: all is kept from ${fromText(this.#since)} on`,
      );
    return this.#failed + this.#lost === 0 ? Exit.FINE : Exit.FAILED;
  }

  #fail(path: Uint8Array, why: string, facts: object = {}): void {
    this.#failed++;
    if (this.#isJson) this.#say(JSON.stringify({ path: this.#name(path), ...facts, why }));
    else this.#screen.warn(`not restored ${this.#name(path)}: ${why}`);
  }

  #say(text: string): void {
    this.#isSaid = true;
    this.#screen.say(text);
  }

  #name(path: Uint8Array): string {
    return path.length === 0 ? this.#share : `${this.#share}/${printable(path)}`;
  }
}
