// What the keeper says of a connection that ended, by the own status that it saw: connections are played.

import { describe, expect, test } from 'vitest';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { readEndpoint } from '../../transport/endpoint.ts';
import { type Connection, type ConnectionEvents, Keeper } from '../../transport/keeper.ts';

const SESSION = 5;
const OLDER = { state: 'offline', session: SESSION - 1 } as const;

/** A keeper whose connections come up at once, each with its status acknowledged. */
function play() {
  const said: string[] = [];
  const opened: ConnectionEvents[] = [];
  const waiting: (() => void)[] = [];
  const connection: Connection = {
    publish: () => false,
    announce: (_, done) => done(),
    waitingBytes: 0,
    finish: () => {},
    destroy: () => {},
  };
  const keeper = new Keeper(
    {
      endpoint: readEndpoint({ url: 'mqtt://broker.lan' }),
      session: SESSION,
      facts: {},
      random: () => 0,
      queueBytesMax: 1,
      open(_, events) {
        opened.push(events);
        queueMicrotask(() => {
          events.up(FRAME_BYTES_MAX);
          waiting.shift()?.();
        });
        return connection;
      },
    },
    { up: () => {}, down: why => said.push(why) },
  );
  /** The next connection, once it is up. */
  const up = () => new Promise<void>(done => waiting.push(done));
  const cut = () => opened.at(-1)!.ended('other', { code: 'ECONNRESET' });
  return { keeper, said, up, cut };
}

describe('keeper', () => {
  test('keeper: an earlier life left its status, which comes behind the acknowledgement of ours -> no rival', async () => {
    const { keeper, said, up, cut } = play();
    await up();
    keeper.seeOwn(OLDER, true);
    cut();
    expect(said).toEqual(['mqtt://broker.lan:1883: the broker broke off the connection']);
    await keeper.close();
  });

  test('keeper: another is thrown out by us, as it is told or as the broker keeps it -> a rival', async () => {
    const live = play();
    await live.up();
    live.keeper.seeOwn(OLDER, false);
    live.cut();
    expect(live.said[0]).toContain('another client came in under our name');
    await live.keeper.close();

    const kept = play();
    await kept.up();
    const again = kept.up();
    kept.cut();
    await again;
    kept.keeper.seeOwn({ ...OLDER, state: 'online' }, true);
    kept.cut();
    expect(kept.said[1]).toContain('another client came in under our name');
    await kept.keeper.close();
  });
});
