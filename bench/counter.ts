// A TCP relay that counts what passes, both ways: payload of TCP as the sockets deliver it, so all of MQTT or all
// of rsync's protocol, without TCP's and IP's own headers. The same relay stands before both.

import { once } from 'node:events';
import * as net from 'node:net';

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** True once somebody listens there; undefined until then. */
export async function answers(port: number): Promise<true | undefined> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

export class Counter {
  /** Bytes from whoever connects. */
  out = 0;
  /** Bytes to whoever connects. */
  in = 0;
  readonly #sockets = new Set<net.Socket>();
  readonly #server: net.Server;

  constructor(port: number) {
    this.#server = net.createServer({ allowHalfOpen: true }, near => {
      const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      near.on('data', bytes => {
        this.out += bytes.length;
      });
      far.on('data', bytes => {
        this.in += bytes.length;
      });
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => {
          near.destroy();
          far.destroy();
        });
        socket.on('close', () => this.#sockets.delete(socket));
      }
      near.pipe(far);
      far.pipe(near);
    });
  }

  get total(): number {
    return this.in + this.out;
  }

  async open(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as net.AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
