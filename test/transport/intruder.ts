// A board with a password of its own that tries what it may not: the same attempts against every broker that keeps
// boards apart. An attempt is refused when its payload reaches nobody who looks on, or it sees nothing that is not
// its own; how the broker says so (a reason, silence, the end of the connection) is the broker's affair.

import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { expect } from 'vitest';

export const ROGUE = 'rogue';
export const VICTIM = 'board-7';
const board = (name: string, leaf: string) => `toastbox/1/board/${name}/${leaf}`;
const GATEWAY_STATUS = 'toastbox/1/gateway/status';

export type Attempt =
  | { is: 'write' | 'will'; topic: string; retain: boolean }
  | { is: 'read'; filter: string };

const FOREIGN = [
  board(VICTIM, 'up'),
  board(VICTIM, 'down'),
  board(VICTIM, 'status'),
  board(ROGUE, 'down'),
  GATEWAY_STATUS,
  'home/door',
];
const MISSHAPEN = [
  'toastbox/1/gateway/up',
  board('gateway', 'up'),
  board(`${ROGUE}2`, 'up'),
  board('Rogue', 'up'),
  board('@photos', 'up'),
  board('', 'up'),
  board(ROGUE, 'other'),
  `toastbox/1/board/${ROGUE}`,
  `${board(ROGUE, 'up')}/more`,
  `${board(ROGUE, 'up')}/`,
  `/${board(ROGUE, 'up')}`,
  `toastbox/2/board/${ROGUE}/up`,
  '$SYS/broker/uptime',
];
const FILTERS = [
  '#',
  '+/#',
  '+/+/+/+/+',
  'toastbox/#',
  'toastbox/1/#',
  'toastbox/1/+/status',
  'toastbox/1/board/#',
  'toastbox/1/board/+/#',
  'toastbox/1/board/+/up',
  'toastbox/1/board/+/down',
  'toastbox/1/board/+/status',
  'toastbox/1/gateway/#',
  `toastbox/1/board/${VICTIM}/#`,
  board(VICTIM, 'up'),
  board(VICTIM, 'down'),
  board(VICTIM, 'status'),
  `toastbox/+/board/${VICTIM}/down`,
  `$share/group/${board(VICTIM, 'down')}`,
  `toastbox/1/board/${ROGUE}/#`,
  board(ROGUE, '+'),
  board(ROGUE, 'up'),
  '$SYS/#',
  '$SYS/broker/clients/connected',
  'home/#',
];

export const ATTEMPTS: readonly Attempt[] = [
  ...[...FOREIGN, ...MISSHAPEN].map((topic): Attempt => ({ is: 'write', topic, retain: false })),
  ...FOREIGN.map((topic): Attempt => ({ is: 'write', topic, retain: true })),
  ...FOREIGN.map((topic): Attempt => ({ is: 'will', topic, retain: false })),
  { is: 'will', topic: GATEWAY_STATUS, retain: true },
  { is: 'will', topic: board(VICTIM, 'status'), retain: true },
  ...FILTERS.map((filter): Attempt => ({ is: 'read', filter })),
];

export const nameOf = (attempt: Attempt): string =>
  attempt.is === 'read'
    ? `read ${attempt.filter}`
    : `${attempt.is} ${attempt.topic}${attempt.retain ? ', retained' : ''}`;

/** What a rogue may see come in: its own down and status, and the gateway's status. */
const MINE = [board(ROGUE, 'down'), board(ROGUE, 'status'), GATEWAY_STATUS];

export interface Site {
  /** Without a name: somebody who sees all that a gateway sees, at least. */
  options(name?: string): IClientOptions & { url: string };
  /** Topics that somebody may write there, and who; undefined is who sees all. */
  speakers: readonly (readonly [topic: string, name: string | undefined])[];
  /** Filters that somebody may subscribe to, so that whatever arrives anywhere is heard. */
  listeners: readonly (readonly [filter: string, name: string | undefined])[];
}

interface Heard {
  topic: string;
  payload: string;
}

/** Tries attempts one after the other. */
export class Intruder {
  readonly #site: Site;
  readonly #heard: Heard[] = [];
  readonly #clients = new Map<string | undefined, MqttClient>();
  readonly #listening: MqttClient[] = [];
  #count = 0;

  constructor(site: Site) {
    this.#site = site;
  }

  async open(): Promise<void> {
    for (const [filter, name] of this.#site.listeners) {
      const client = await connectTo(this.#site.options(name));
      this.#listening.push(client);
      client.on('message', (topic, payload) => this.#heard.push({ topic, payload: payload.toString() }));
      await client.subscribeAsync(filter);
    }
  }

  async close(): Promise<void> {
    for (const client of [...this.#listening, ...this.#clients.values()]) await client.endAsync(true);
  }

  async expectRefused(attempt: Attempt): Promise<void> {
    if (attempt.is === 'read') return this.#read(attempt.filter);
    const payload = `bad ${++this.#count}`;
    const { topic, retain } = attempt;
    if (attempt.is === 'will') {
      const doomed = await connectTo({
        ...this.#rogue(),
        will: { topic, payload: Buffer.from(payload), qos: 1, retain },
      }).catch(() => undefined);
      doomed?.stream.destroy();
    } else {
      const client = await connectTo(this.#rogue());
      const over = new Promise<void>(done => client.once('close', () => done()));
      await Promise.race([client.publishAsync(topic, payload, { qos: 1, retain }).catch(() => {}), over]);
      await client.endAsync(true);
    }
    // The same id again: whatever the last connection left behind is out when this one is in.
    await this.#heardMark(await connectTo(this.#rogue()));
    expect(this.#heard.filter(heard => heard.payload === payload)).toEqual([]);
  }

  /** What it may do works: otherwise nothing was refused, only broken. */
  async #heardMark(client: MqttClient): Promise<void> {
    const mark = `mark ${++this.#count}`;
    await client.publishAsync(board(ROGUE, 'up'), mark, { qos: 1 });
    await waitFor(() => this.#heard.some(({ payload }) => payload === mark), `${mark} is heard`);
    await client.endAsync(true);
  }

  async #read(filter: string): Promise<void> {
    const seen: Heard[] = [];
    const secret = `secret ${++this.#count}`;
    const speak = async (payload: string) => {
      for (const [topic, name] of this.#site.speakers)
        await (await this.#client(name)).publishAsync(topic, payload, {
          qos: 1,
          retain: topic.endsWith('status'),
        });
    };
    await speak(secret);
    const client = await connectTo(this.#rogue());
    client.on('message', (topic, payload) => seen.push({ topic, payload: payload.toString() }));
    await client.subscribeAsync(board(ROGUE, 'down'));
    await Promise.race([
      client.subscribeAsync(filter).catch(() => {}),
      new Promise<void>(done => client.once('close', () => done())),
    ]);
    await speak(secret);
    const mark = `mark ${++this.#count}`;
    await (await this.#client(undefined)).publishAsync(board(ROGUE, 'down'), mark, { qos: 1 });
    await waitFor(() => seen.some(({ payload }) => payload === mark) || !client.connected, `${mark} is seen`);
    await client.endAsync(true);
    expect(seen.filter(({ topic }) => !MINE.includes(topic))).toEqual([]);
  }

  #rogue(): IClientOptions & { url: string } {
    return { ...this.#site.options(ROGUE), clientId: 'toastbox-board-rogue' };
  }

  async #client(name: string | undefined): Promise<MqttClient> {
    let client = this.#clients.get(name);
    if (client?.connected) return client;
    client = await connectTo(this.#site.options(name));
    this.#clients.set(name, client);
    return client;
  }
}

/** Connected, or the reason why not. It never connects again by itself. */
export function connectTo({ url, ...options }: IClientOptions & { url: string }): Promise<MqttClient> {
  const client = connect(url, { reconnectPeriod: 0, protocolVersion: 4, connectTimeout: 20_000, ...options });
  return new Promise((done, fail) => {
    client.once('connect', () => done(client));
    client.on('error', fail);
    client.once('close', () => fail(new Error('closed')));
  });
}

export async function waitFor(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not in 20 s: ${what}`);
    await new Promise(done => setTimeout(done, 5));
  }
}
