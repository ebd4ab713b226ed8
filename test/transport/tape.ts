// Links whose handlers write down what happened, so that a test can wait for it, and a client that looks on.

import { connect, type MqttClient } from 'mqtt';
import type { BoardLink, GatewayLink } from '../../transport/link.ts';
import {
  type BoardLinkOptions,
  connectBoard,
  connectGateway,
  type GatewayLinkOptions,
} from '../../transport/mqtt.ts';

export interface Mark {
  is: 'up' | 'down' | 'frame' | 'gateway' | 'status' | 'message';
  // biome-ignore lint/suspicious/noExplicitAny: whatever the handler was given
  [more: string]: any;
}

/** What happened, in order. take() gives the first that fits and has not been taken, when it is there. */
class Tape {
  readonly marks: Mark[] = [];
  #wanted: { fits: (mark: Mark) => boolean; done: (mark: Mark) => void } | undefined;

  put(mark: Mark): void {
    if (this.#wanted?.fits(mark)) {
      const { done } = this.#wanted;
      this.#wanted = undefined;
      done(mark);
    } else this.marks.push(mark);
  }

  take(is: Mark['is'], fits: (mark: Mark) => boolean = () => true): Promise<Mark> {
    const wanted = (mark: Mark) => mark.is === is && fits(mark);
    const index = this.marks.findIndex(wanted);
    if (index >= 0) return Promise.resolve(this.marks.splice(index, 1)[0] as Mark);
    return new Promise(done => {
      this.#wanted = { fits: wanted, done };
    });
  }
}

export type Taped<L> = { link: L; tape: Tape };

const common = { session: 1000, software: 'test' };

export function board(options: Partial<BoardLinkOptions> & { url: string }): Taped<BoardLink> {
  const tape = new Tape();
  const link = connectBoard(
    { board: 'b1', ...common, ...options },
    {
      up: info => tape.put({ is: 'up', ...info }),
      down: why => tape.put({ is: 'down', why }),
      frame: bytes => tape.put({ is: 'frame', bytes: Buffer.from(bytes) }),
      gateway: (status, isNews) => tape.put({ is: 'gateway', ...status, isNews }),
    },
  );
  return { link, tape };
}

export function gateway(options: Partial<GatewayLinkOptions> & { url: string }): Taped<GatewayLink> {
  const tape = new Tape();
  const link = connectGateway(
    { ...common, ...options },
    {
      up: info => tape.put({ is: 'up', ...info }),
      down: why => tape.put({ is: 'down', why }),
      frame: (from, bytes) => tape.put({ is: 'frame', from, bytes: Buffer.from(bytes) }),
      status: (from, status) => tape.put({ is: 'status', from, status }),
    },
  );
  return { link, tape };
}

/** A foreign client: sees topics and bytes, and can write anything anywhere. */
export interface Watcher {
  tape: Tape;
  publish(topic: string, payload: string | Buffer, retain?: boolean): Promise<unknown>;
  close(): Promise<void>;
}

export async function watch(port: number, ...topics: string[]): Promise<Watcher> {
  const tape = new Tape();
  const client: MqttClient = connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, protocolVersion: 4 });
  client.on('message', (topic, bytes, packet) => {
    let json: unknown;
    try {
      json = JSON.parse(bytes.toString());
    } catch {}
    tape.put({ is: 'message', topic, bytes, json, retain: packet.retain });
  });
  await new Promise((done, fail) => client.once('connect', done).once('error', fail));
  if (topics.length > 0) await client.subscribeAsync(topics);
  return {
    tape,
    publish: (topic, payload, retain = false) => client.publishAsync(topic, payload, { qos: 1, retain }),
    close: () => client.endAsync(true),
  };
}
