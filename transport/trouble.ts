// Why a connection failed, for a person: what happened and what to do about it. Never a user name or password.

import type { Endpoint } from './endpoint.ts';

/** CONNACK's codes of MQTT 3.1.1 (3.2.2.3) and MQTT 5's reason codes (2.4) that a client can do something about. */
const REASONS: Readonly<Record<number, string>> = {
  2: 'the broker does not take our client id',
  3: 'the broker says that it is not available now',
  4: 'the broker refuses the user name or password: check both',
  5: 'the broker does not let us in: check user name and password, and its access list',
  131: 'the broker refuses, for a reason of its own: see its log',
  133: 'the broker does not take our client id',
  134: 'the broker refuses the user name or password: check both',
  135: 'the broker does not let us in: check user name and password, and its access list',
  136: 'the broker says that it is not available now',
  137: 'the broker is busy',
  138: 'the broker has banned this client: see its log',
  139: 'the broker is shutting down',
  141: 'the broker heard nothing from us for too long',
  142: 'another client came in under our name: is a second agent or gateway running with it?',
  149: 'a packet was longer than the broker takes',
  151: 'the broker says that our quota is used up',
  152: 'somebody disconnected us at the broker',
  156: 'the broker says that we should use another server',
  157: 'the broker says that we should use another server',
  159: 'the broker says that we connect too often',
};

const noSigner =
  "the broker's certificate is not signed by an authority known here: give the CA that signed it";

const CODES: Readonly<Record<string, (host: string) => string>> = {
  ECONNREFUSED: () => 'nothing answers there: is the broker running, and on this port?',
  ENOTFOUND: host => `the name ${host} is not known: check the URL, or this machine's DNS`,
  EAI_AGAIN: host => `the name ${host} cannot be looked up now: is the network up?`,
  ETIMEDOUT: host => `${host} does not answer: check the network and any firewall`,
  EHOSTUNREACH: host => `there is no way to ${host}: is the network up?`,
  ENETUNREACH: host => `there is no way to ${host}: is the network up?`,
  ECONNRESET: () => 'the broker broke off the connection',
  EPIPE: () => 'the broker broke off the connection',
  DEPTH_ZERO_SELF_SIGNED_CERT: () => noSigner,
  SELF_SIGNED_CERT_IN_CHAIN: () => noSigner,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: () => noSigner,
  UNABLE_TO_GET_ISSUER_CERT: () => noSigner,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: () => noSigner,
  CERT_HAS_EXPIRED: () => "the broker's certificate has expired, or this machine's clock is wrong",
  CERT_NOT_YET_VALID: () => "the broker's certificate is not valid yet: is this machine's clock right?",
  ERR_TLS_CERT_ALTNAME_INVALID: host =>
    `the broker's certificate is for another name than ${host}: give the URL a name that it has, or it this one`,
  ERR_SSL_WRONG_VERSION_NUMBER: () => 'no TLS is spoken there: use mqtt://, or the port for mqtts://',
  EPROTO: () => 'the TLS handshake failed: see the log of the broker',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: () => 'the broker wants a client certificate: give cert and key',
};

const BREAKS: readonly unknown[] = ['ECONNRESET', 'EPIPE'];
/** Another protocol than the port's is all that a broker need not answer; one that just goes down looks the same. */
const EARLY =
  'the connection was broken off before an answer: is this its port for that kind of URL (mqtts:// where it wants TLS)?';

/** One sentence: where, then what. `isEarly`: the connection was never up. */
export function explain(error: unknown, endpoint: Endpoint, isEarly = false): string {
  const isBroken = BREAKS.includes((error as { code?: unknown }).code);
  return `${endpoint.shown}: ${isBroken && isEarly ? EARLY : reason(error, endpoint.host)}`;
}

function reason(error: unknown, host: string): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'number') return REASONS[code] ?? `the broker refuses (reason code ${code})`;
  if (typeof code === 'string' && Object.hasOwn(CODES, code))
    return (CODES[code] as (h: string) => string)(host);
  const text = typeof message === 'string' && message !== '' ? message : String(code ?? error);
  if (/connack timeout|keepalive timeout/i.test(text)) return 'the broker does not answer';
  return text;
}
