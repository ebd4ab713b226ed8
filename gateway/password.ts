// Passwords of the built-in broker's users as they stand in a file: never the password, only what tells whether one
// is right. scrypt, in the PHC string format, so that another program can read it:
//
//   $scrypt$ln=14,r=8,p=1$SALT$HASH        base64 without padding; ln: the cost N is 2^ln
//
// Cost: 16 MiB and some 50 ms of a thread of libuv's for each check on a PC, which is what a guess costs too.

import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** 2^14: 16 MiB. More would hurt gateways on small machines; made-up passwords have 128 bits anyway. */
const COST_LN = 14;
const BLOCK = 8;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Of what another program may have written: 128 MiB. */
const BYTES_MAX = 160 * 2 ** 20;
const FORM = /^\$scrypt\$ln=(1[0-7]),r=8,p=1\$([A-Za-z0-9+/]{16,64})\$([A-Za-z0-9+/]{43})$/;

export const isHash = (text: string): boolean => FORM.test(text);

export async function hashPassword(password: Uint8Array): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, COST_LN);
  return `$scrypt$ln=${COST_LN},r=${BLOCK},p=1$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Takes as long for a wrong password as for the right one. `hash` is one that isHash() lets through. */
export async function isPassword(password: Uint8Array, hash: string): Promise<boolean> {
  const [, ln, salt, wanted] = FORM.exec(hash) as RegExpExecArray;
  const derived = await derive(password, Buffer.from(salt as string, 'base64'), Number(ln));
  return timingSafeEqual(derived, Buffer.from(wanted as string, 'base64'));
}

/** For a board: no person has to remember or type it. 128 bits. */
export const makePassword = (): string => randomBytes(16).toString('base64url');

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

function derive(password: Uint8Array, salt: Uint8Array, ln: number): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** ln, r: BLOCK, p: 1, maxmem: BYTES_MAX };
  return new Promise((done, fail) =>
    scrypt(password, salt, HASH_BYTES, options, (error, key) => (error ? fail(error) : done(key))),
  );
}
