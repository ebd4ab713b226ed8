import { once } from 'node:events';
import * as net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startBroker } from '../../gateway/broker.ts';
import { Negotiation, waitMs } from '../../transport/negotiate.ts';
import { board } from './tape.ts';

const HOUR = 60 * 60 * 1000;

describe('negotiation', () => {
  it('negotiation: refused for its version -> 3.1.1 at once and for an hour', () => {
    const negotiation = new Negotiation();
    expect(negotiation.next(0)).toBe(5);
    expect(negotiation.ended(5, 'version', 0)).toBe(true);
    expect(negotiation.next(1)).toBe(4);
    expect(negotiation.ended(4, 'other', 10)).toBe(false);
    expect(negotiation.next(HOUR - 1)).toBe(4);
    expect(negotiation.next(HOUR)).toBe(5);
  });

  it('negotiation: closed in silence -> 3.1.1 at once, 5 the next time', () => {
    const negotiation = new Negotiation();
    expect(negotiation.ended(5, 'silent', 0)).toBe(true);
    expect(negotiation.next(1)).toBe(4);
    expect(negotiation.ended(4, 'silent', 2)).toBe(false);
    expect(negotiation.next(3)).toBe(5);
  });

  it('negotiation: refused in both versions -> waits, then begins with 5', () => {
    const negotiation = new Negotiation();
    expect(negotiation.ended(5, 'version', 0)).toBe(true);
    expect(negotiation.ended(4, 'version', 1)).toBe(false);
    expect(negotiation.next(2)).toBe(5);
  });

  it('negotiation: any other end -> waits, same version', () => {
    const negotiation = new Negotiation();
    expect(negotiation.ended(5, 'other', 0)).toBe(false);
    expect(negotiation.next(1)).toBe(5);
  });
});

describe('back-off', () => {
  it('back-off: failures in a row -> from half a second up, the bound doubles to 30 s', () => {
    const least = [0, 1, 5, 1e6].map(failures => waitMs(failures, () => 0));
    expect(least).toEqual([500, 500, 500, 500]);
    const most = [0, 1, 2, 3, 4, 5, 6, 1e6].map(failures => waitMs(failures, () => 1));
    expect(most).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });
});

describe('a broker of 3.1.1', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  it('broker: closes without CONNACK on MQTT 5 -> the link comes up on 3.1.1', async () => {
    const broker = await startBroker({ port: 0 });
    ends.unshift(() => broker.close());
    const versions: number[] = [];
    const front = net.createServer(near => {
      near.on('error', () => {});
      near.once('data', connect => {
        // Fixed header of 2 bytes (the will makes it no longer than 127), then 00 04 M Q T T LEVEL.
        const level = connect[8] as number;
        versions.push(level);
        if (level === 5) {
          near.end();
          return;
        }
        const far = net.connect(broker.port, '127.0.0.1');
        far.on('error', () => {});
        far.write(connect);
        far.pipe(near).pipe(far);
      });
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    ends.unshift(async () => front.close());
    const { link, tape } = board({ url: `mqtt://127.0.0.1:${(front.address() as net.AddressInfo).port}` });
    ends.unshift(() => link.close());
    expect((await tape.take('up')).protocol).toBe(4);
    expect(versions).toEqual([5, 4]);
    expect(tape.marks).toEqual([]);
  });
});
