// A running gateway is asked for versions back: from a line on its control socket to an event of the hub's, and from
// the hub's answers, once they are durable, to a line.
//
//   {"ask":"restore","share":"photos","wanted":[[PATH, VERSION, BASE], ...]}     PATH in base64: names are bytes
//   {"restored":[[VERDICT, SEQ], ...]}                                           or {"error":"..."}

import type { Question } from '../agent/control.ts';
import type { Verdict } from '../protocol/messages.ts';
import type { HubEvent } from './hub/ports.ts';
import type { Restored, Wanted } from './hub/restore.ts';

/** Paths in one question: what the hub does for them, it does in one go. */
export const WANTED_MAX = 256;

export const questionOf = (share: string, wanted: readonly Wanted[]): Question => ({
  ask: 'restore',
  share,
  wanted: wanted.map(({ path, version, base }) => [Buffer.from(path).toString('base64'), version, base]),
});

export function answersOf(answer: unknown): Restored[] | string {
  const { restored, error } = (answer ?? { error: 'it is starting' }) as Record<string, unknown>;
  if (!Array.isArray(restored)) return typeof error === 'string' ? error : 'something else answered';
  return (restored as [Verdict, number][]).map(([verdict, seq]) => ({ verdict, seq }));
}

export class Restoring {
  readonly #push: (event: HubEvent) => boolean;
  readonly #open = new Map<number, (answers: readonly Restored[] | undefined) => void>();
  #lastTicket = 0;

  constructor(push: (event: HubEvent) => boolean) {
    this.#push = push;
  }

  /** The answer to one question. */
  async ask(question: Question): Promise<unknown> {
    const { share } = question;
    const wanted = wantedOf(question.wanted);
    if (typeof share !== 'string' || wanted === undefined) return { error: 'not a restore' };
    const ticket = ++this.#lastTicket;
    const answered = new Promise<readonly Restored[] | undefined>(done => this.#open.set(ticket, done));
    if (!this.#push({ is: 'restore', ticket, share, wanted })) this.settle(ticket, undefined);
    const answers = await answered;
    if (answers === undefined) return { error: 'the gateway cannot keep changes now: see its status' };
    return { restored: answers.map(({ verdict, seq }) => [verdict, seq]) };
  }

  settle(ticket: number, answers: readonly Restored[] | undefined): void {
    this.#open.get(ticket)?.(answers);
    this.#open.delete(ticket);
  }
}

function wantedOf(rows: unknown): Wanted[] | undefined {
  if (!Array.isArray(rows) || rows.length > WANTED_MAX) return undefined;
  const wanted: Wanted[] = [];
  for (const row of rows as unknown[]) {
    const [path, version, base] = Array.isArray(row) ? (row as unknown[]) : [];
    if (typeof path !== 'string' || !Number.isSafeInteger(version) || !Number.isSafeInteger(base))
      return undefined;
    wanted.push({
      path: new Uint8Array(Buffer.from(path, 'base64')),
      version: version as number,
      base: base as number,
    });
  }
  return wanted;
}
