// Where the built-in broker listens: TCP or TLS, and who may stay in the hall before having been let in.
//
//   accept --> hall --(TLS handshake)--> onGuest --> admit()
//                |
//                +-- HALL_MAX are in it: the one that came first is cut off
//
// Connecting costs a stranger nothing, so the hall is bounded and the slowest leave it first: who has something to
// show is through in an instant, also while others hold the door. From 2,048 connections on, new ones are turned away.

import { constants } from 'node:crypto';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { Failure } from '../agent/failure.ts';
import { Gauge } from '../agent/gauge.ts';

/** Connections that have not been let in, TLS handshakes among them. */
const HALL_MAX = 256;
/** Boards, the gateway, and a few that look on. Each costs some 100 KB at rest. */
export const CLIENTS_MAX = 1024;
/** From connection to the end of the TLS handshake; the broker allows as much again to CONNECT. */
export const CONNECT_MS = 10_000;

export interface TlsFiles {
  /** PEM, all three. */
  cert: Uint8Array;
  key: Uint8Array;
  /** The authority of client certificates; without it none is asked for. */
  clientCa?: Uint8Array | undefined;
  /** Whoever has no certificate of that authority gets no further; otherwise a password will do. */
  needsCertificate: boolean;
}

export interface DoorOptions {
  host: string;
  port: number;
  tls?: TlsFiles | undefined;
  onGuest(guest: Guest): void;
}

/** A connection at the door. */
export interface Guest {
  socket: net.Socket;
  address: string;
  /** Of a certificate that the authority signed: its common name. */
  certificateName: string | undefined;
  /** Takes it out of the hall: it was let in. */
  admit(): void;
}

export interface Door {
  port: number;
  /** Of the hall. */
  gauge: Gauge;
  /** Settles when the port is free; connections that were admitted are the caller's to end. */
  close(): Promise<void>;
}

/** Throws an Error with one clear sentence if it cannot listen. */
export async function openDoor({ host, port, tls: files, onGuest }: DoorOptions): Promise<Door> {
  /** By address and port of the other end, which a TLS socket has in common with the one under it. */
  const hall = new Map<string, net.Socket>();
  const gauge = new Gauge('at the door', HALL_MAX, 'evicts', () => hall.size);
  const placeOf = (socket: net.Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
  const enter = (socket: net.Socket) => {
    const place = placeOf(socket);
    hall.set(place, socket);
    gauge.grew();
    socket.once('close', () => hall.get(place) === socket && hall.delete(place));
    if (hall.size <= HALL_MAX) return;
    const [[oldestPlace, oldest]] = hall as unknown as [[string, net.Socket]];
    hall.delete(oldestPlace);
    gauge.met();
    oldest.destroy();
  };
  const meet = (socket: net.Socket, certificateName?: string) => {
    const place = placeOf(socket);
    const address = socket.remoteAddress ?? 'an address that is gone';
    onGuest({ socket, address, certificateName, admit: () => void hall.delete(place) });
  };
  const server =
    files === undefined
      ? net.createServer({ noDelay: true })
      : openTls(files, socket => meet(socket, nameOf(socket)));
  server.on('connection', (socket: net.Socket) => {
    // Whoever is gone before it was met.
    socket.on('error', () => {});
    enter(socket);
    if (files === undefined) meet(socket);
  });
  server.maxConnections = CLIENTS_MAX + HALL_MAX;
  await listen(server, host, port);
  return {
    port: (server.address() as net.AddressInfo).port,
    gauge,
    close() {
      const isFree = new Promise<void>(done => server.close(() => done()));
      for (const socket of hall.values()) socket.destroy();
      return isFree;
    },
  };
}

function openTls(
  { cert, key, clientCa, needsCertificate }: TlsFiles,
  onSecure: (socket: tls.TLSSocket) => void,
): tls.Server {
  const options: tls.TlsOptions = {
    cert: Buffer.from(cert),
    key: Buffer.from(key),
    minVersion: 'TLSv1.2',
    handshakeTimeout: CONNECT_MS,
    noDelay: true,
    // No session is taken up again: a certificate is looked at each time.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(clientCa === undefined
      ? {}
      : { ca: Buffer.from(clientCa), requestCert: true, rejectUnauthorized: needsCertificate }),
  };
  let server: tls.Server;
  try {
    server = tls.createServer(options, onSecure);
  } catch (error) {
    const { message } = error as Error;
    throw new Failure('environment', `--listen-cert, --listen-key or --client-ca cannot be used: ${message}`);
  }
  // A handshake that failed: that client's affair.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

function nameOf(socket: tls.TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : '';
}

function listen(server: net.Server, host: string, port: number): Promise<void> {
  const where = host.includes(':') ? `[${host}]` : host;
  return new Promise((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = {
        EADDRINUSE: `port ${port} on ${where} is taken; give another with --listen HOST:PORT`,
        EACCES: `port ${port} on ${where} needs more rights; give one above 1023 with --listen HOST:PORT`,
        EADDRNOTAVAIL: `${where} is no address of this machine; give one with --listen HOST:PORT`,
        ENOTFOUND: `the name ${where} is not known; give an address with --listen HOST:PORT`,
      };
      const text = why[error.code ?? ''] ?? `cannot listen on ${where}:${port}: ${error.message}`;
      fail(new Error(text, { cause: error }));
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      // accept() ran out of descriptors: that client is turned away, the others stay.
      server.on('error', () => {});
      done();
    });
  });
}
