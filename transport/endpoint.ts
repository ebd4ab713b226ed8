// Where the broker is: a URL and credentials, read and checked once, and the socket that they lead to.

import { createRequire } from 'node:module';
import * as net from 'node:net';

/** PEM: the text or bytes themselves. */
export type Pem = string | Uint8Array;

export interface EndpointOptions {
  /** mqtt://HOST[:PORT], mqtts://, ws://HOST[:PORT][/PATH] or wss://. */
  url: string;
  /** These win over a user and password in the URL. */
  username?: string | undefined;
  password?: string | undefined;
  /** The authority that signed the broker's certificate, if it is none that Node knows. */
  ca?: Pem | undefined;
  /** Our own certificate and its key, where the broker asks for one. */
  cert?: Pem | undefined;
  key?: Pem | undefined;
}

export interface Endpoint {
  host: string;
  port: number;
  isTls: boolean;
  isWeb: boolean;
  /** Of a WebSocket. */
  path: string;
  username: string | undefined;
  password: string | undefined;
  pem: { ca?: string | Buffer; cert?: string | Buffer; key?: string | Buffer };
  /** The URL without user, password and query. */
  shown: string;
}

const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 };
const WANTED = 'a broker is given as mqtt://HOST[:PORT] or mqtts://HOST[:PORT], or as ws:// or wss://';

/** Throws an Error with one clear sentence if the options cannot lead anywhere. */
export function readEndpoint(options: EndpointOptions): Endpoint {
  let url: URL;
  try {
    url = new URL(options.url);
  } catch {
    throw new Error(`"${shownUrl(options.url)}" is not a URL: ${WANTED}`);
  }
  const portDefault = PORTS[url.protocol];
  if (portDefault === undefined) throw new Error(`"${url.protocol}" is not spoken here: ${WANTED}`);
  if (url.hostname === '') throw new Error(`"${shownUrl(options.url)}" names no host: ${WANTED}`);
  if (url.port === '0') throw new Error(`"${shownUrl(options.url)}": port 0 is none to connect to`);
  const isWeb = url.protocol.startsWith('ws');
  const path = `${url.pathname === '' ? '/' : url.pathname}${url.search}`;
  if ((!isWeb && path !== '/') || url.hash !== '') {
    throw new Error(`"${shownUrl(options.url)}" has something after the port: ${WANTED}`);
  }
  const isTls = url.protocol === 'mqtts:' || url.protocol === 'wss:';
  const { ca, cert, key } = options;
  if (!isTls && (ca ?? cert ?? key) !== undefined) {
    throw new Error(`certificates are of no use with ${url.protocol}//: use mqtts:// or wss://`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error('a client certificate needs both cert and key');
  }
  const port = url.port === '' ? portDefault : Number(url.port);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    isTls,
    isWeb,
    path,
    username: options.username ?? (url.username === '' ? undefined : plain(url.username)),
    password: options.password ?? (url.password === '' ? undefined : plain(url.password)),
    pem: {
      ...(ca === undefined ? {} : { ca: asNode(ca) }),
      ...(cert === undefined ? {} : { cert: asNode(cert) }),
      ...(key === undefined ? {} : { key: asNode(key) }),
    },
    shown: `${url.protocol}//${url.hostname}:${port}${isWeb && url.pathname !== '/' ? url.pathname : ''}`,
  };
}

/** A socket on its way to the broker; errors come as its events. `onread`: where what it reads goes, instead of into
 * memory of its own. */
export function openSocket(endpoint: Endpoint, onread?: net.OnReadOpts): net.Socket {
  const { host, port, isTls, pem } = endpoint;
  const into = onread === undefined ? {} : { onread };
  // Frames are written whole: waiting for more to send (Nagle) would only delay them.
  if (!isTls) return net.connect({ host, port, noDelay: true, ...into });
  const servername = net.isIP(host) === 0 ? { servername: host } : {};
  return tls()
    .connect({ host, port, ...servername, ...pem, ...into })
    .setNoDelay(true);
}

/** Loaded where there is TLS: it takes 1.4 MB. */
export const tls = () => createRequire(import.meta.url)('node:tls') as typeof import('node:tls');

const asNode = (pem: Pem) => (typeof pem === 'string' ? pem : Buffer.from(pem));

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What was typed, fit to be shown: without what stands between // and @, or behind a question mark. */
export const shownUrl = (url: string): string => url.replace(/\/\/.*@/s, '//***@').replace(/\?.*$/s, '?***');
