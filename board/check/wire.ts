// A bad wire between a board and the network of its QEMU: every Ethernet frame is a datagram that comes by here, is
// late, and perhaps lost. Both ends are real TCP, the board's kernel and QEMU's, which have to make up for it. It needs
// no root.
//
//   board's card <- udp -> here <- udp -> hub in the same QEMU <-> QEMU's network

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const LOOPBACK = '127.0.0.1';

export interface WireOptions {
  /** Of each frame, each way. */
  delayMs: number;
  /** 0 to 1: how likely a frame is lost. */
  loss: number;
  random: () => number;
}

export class BadWire {
  /** QEMU's words for it. */
  readonly words: readonly string[];
  frames = 0;
  lost = 0;
  private isOpen = true;
  private readonly sockets: readonly Socket[];

  private constructor(sockets: readonly Socket[], words: readonly string[]) {
    this.sockets = sockets;
    this.words = words;
  }

  static async open({ delayMs, loss, random }: WireOptions): Promise<BadWire> {
    // Two here, and two whose numbers are QEMU's a moment later.
    const sockets = await Promise.all(Array.from({ length: 4 }, bound));
    const [near, far, board, hub] = sockets as [Socket, Socket, Socket, Socket];
    const ports = sockets.map(socket => socket.address().port) as [number, number, number, number];
    for (const socket of [board, hub]) socket.close();
    const netdev = (id: string, to: number, from: number) =>
      `socket,id=${id},udp=${LOOPBACK}:${to},localaddr=${LOOPBACK}:${from}`;
    const wire = new BadWire(
      [near, far],
      [
        ...['-netdev', netdev('net', ports[0], ports[2])],
        ...['-netdev', netdev('far', ports[1], ports[3]), '-netdev', 'user,id=own'],
        ...['-netdev', 'hubport,hubid=0,id=one,netdev=far', '-netdev', 'hubport,hubid=0,id=two,netdev=own'],
      ],
    );
    const pass = (from: Socket, to: Socket, port: number) =>
      from.on('message', frame => {
        wire.frames++;
        if (random() < loss) wire.lost++;
        else setTimeout(() => wire.isOpen && to.send(frame, port, LOOPBACK, () => {}), delayMs).unref();
      });
    pass(near, far, ports[3]);
    pass(far, near, ports[2]);
    return wire;
  }

  close(): void {
    this.isOpen = false;
    for (const socket of this.sockets) socket.close();
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, LOOPBACK);
  socket.on('error', () => {});
  await once(socket, 'listening');
  return socket;
}
