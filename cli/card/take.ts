// Takes a board's settings from its card onto its data partition. See board/README.md.
//
//   card: toastbox.toml, ca.pem, board.key
//   kept: agent.toml, network, ca.pem, board.key, card.old, card.toml, sums
//
// In this order, so that power may go after any step: check everything in KEPT/next; move it into force, agent.toml
// last; write card.old and card.toml, the card's file as it is and as it will be; make all that durable; blank the
// secrets on the card; remove card.old; write sums. While any file, on the card or kept, is another than sums has, a
// board does all of it again when it starts, and finds done what was done: a secret that is blank on the card is the
// one that is kept. A file that is gone from the card is none that sums could have.
//
// A secret is a password, and a file that holds one or a private key. What it refuses: a secret that it could not
// blank, files elsewhere than beside the card's file, what the board sets itself, and all that a config file may not
// say. Flash keeps old pages for a while: blanking hides a secret from who reads the card, not from who takes its chip
// apart.

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { endpointOf } from '../../agent/endpoint.ts';
import { Failure } from '../../agent/failure.ts';
import { readRam } from '../../agent/machine.ts';
import { planOf } from '../../agent/plan.ts';
import { makeAll } from '../../agent/private.ts';
import type { SettingsOf } from '../options/table.ts';
import { bytesText, countText } from '../screen/figures.ts';
import { linkOptionsOf } from '../settings/broker.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { readToml, type Table, TOML_BYTES_MAX, withoutMark } from '../settings/toml.ts';
import { blanked, restored, secretsOf, valuesOf } from './blank.ts';
import { blankFile, isBlank, isOnTheWay, makeDurable, overwrite } from './inplace.ts';
import { checkNetwork } from './network.ts';

const AGENT = 'agent.toml';
const NETWORK = 'network';
const CARD = 'card.toml';
const OLD = 'card.old';
/** As `sha256sum` writes and reads them. */
const SUMS = 'sums';
const OWN = [AGENT, NETWORK, CARD, OLD, SUMS];
/** Options that name a file beside the card's. */
const FILES = ['ca-file', 'cert-file', 'key-file', 'password-file'];
/** Those that name a secret; any other may hold a key as well, beside its certificate. */
const SECRET_FILES = ['key-file', 'password-file'];
/** What the board gives the agent itself (board/root/lib/board/keep), over whatever the card says. */
const BOARDS = ['folder', 'state', 'pulse', 'overcommit', 'clock-file', 'notice-file', 'quiet', 'progress'];
const PRIVATE_KEY = 'PRIVATE KEY-----';

/** Takes the settings of the file `card` into `kept`. Throws the mistake in them, having changed nothing. */
export function takeCard(card: string, kept: string, ramBytes = readRam()?.bytes): SettingsOf<'agent'> {
  const next = join(kept, 'next');
  const was = bytesOf(card, kept);
  if (!was.equals(readFileSync(card))) overwrite(card, was);
  const { settings, names, secretFiles, aim } = checkCard(card, kept, next, ramBytes);

  for (const name of [...names, NETWORK, AGENT, OLD, CARD]) {
    makeDurable(join(next, name));
    renameSync(join(next, name), join(kept, name));
  }
  rmSync(next, { recursive: true });
  makeDurable(kept);
  makeDurable(dirname(kept));
  overwrite(card, aim);
  rmSync(join(kept, OLD));
  for (const name of secretFiles) {
    const file = join(dirname(card), name);
    if (contentAt(file) !== undefined) blankFile(file);
  }
  const onCard = [card, ...names.map(name => join(dirname(card), name))];
  sum(join(kept, SUMS), [...onCard, ...[AGENT, NETWORK, CARD, ...names].map(name => join(kept, name))]);
  return settings;
}

/** What a board would take, and the secrets that it would move. Throws the mistake in them. Changes nothing: all that
 * is written is gone in the end. How much memory a board has is not known here. */
export function lookAtCard(card: string, kept?: string): { settings: SettingsOf<'agent'>; moved: string[] } {
  const place = mkdtempSync(join(tmpdir(), 'toastbox-card-'));
  try {
    // Empty, as what a new board has kept.
    const { settings, secrets, secretFiles } = checkCard(card, kept ?? place, join(place, 'next'), undefined);
    const stands = (name: string) => {
      const bytes = contentAt(join(dirname(card), name));
      return bytes !== undefined && !isBlank(bytes, undefined);
    };
    return { settings, moved: [...secrets, ...[...secretFiles].filter(stands)] };
  } finally {
    rmSync(place, { recursive: true });
  }
}

interface Checked {
  settings: SettingsOf<'agent'>;
  /** Files beside the card's that are taken, and those of them that are secret. */
  names: string[];
  secretFiles: ReadonlySet<string>;
  /** Keys of the secrets that stand on the card. */
  secrets: string[];
  /** The card's file, blanked. */
  aim: Buffer;
}

/** Checks what stands on the card, and in `kept` where that is blank, and puts all that is to be kept into `next`. */
function checkCard(card: string, kept: string, next: string, ramBytes: number | undefined): Checked {
  const bytes = bytesOf(card, kept);
  const text = textOf(bytes, card);
  const config = readToml(text, card);
  for (const key of Object.keys(agentsOwn(config)))
    if (BOARDS.includes(key))
      throw new Failure('usage', `${card}: ${key}: the board sets this itself`, 'take the line out');
  const known = keptSecrets(kept);
  const secrets = secretsOf(config);
  for (const [key, value] of secrets) if (value === '' && !known.has(key)) throw lost(`${card}: ${key}`);
  const blank = blanked(text);
  if (blank === undefined)
    throw new Failure('usage', `${card}: a password must stand in one line, in quotes: password = "..."`);
  for (const [key, url] of valuesOf(config, ['broker']))
    if (/[?#]/.test(url))
      throw new Failure(
        'usage',
        `${card}: ${key}: what stands after a ? or # may be a secret, and would stay on the card`,
        'use username and password, which are moved from there',
      );

  rmSync(next, { recursive: true, force: true });
  makeAll(next, 0o700);
  const named = filesOf(config, card);
  const put = (name: string, content: string | Uint8Array) =>
    writeFileSync(join(next, name), content, { mode: 0o600 });
  const secretFiles = new Set<string>();
  for (const [option, name] of named) {
    const content = contentOf(card, kept, name);
    put(name, content);
    if (SECRET_FILES.includes(option) || content.includes(PRIVATE_KEY)) secretFiles.add(name);
  }
  put(AGENT, restored(text, known));
  const { settings, network } = check(next, card);
  checkMemory(card, settings, ramBytes);
  put(NETWORK, network);
  const aim = Buffer.concat([bytes.subarray(0, bytes.length - Buffer.byteLength(text)), Buffer.from(blank)]);
  put(OLD, bytes);
  put(CARD, aim);
  const onCard = [...secrets].filter(([, value]) => value !== '').map(([key]) => key);
  return { settings, names: [...new Set(named.values())], secretFiles, secrets: onCard, aim };
}

function sum(place: string, files: readonly string[]): void {
  const sumOf = (file: string) =>
    createHash('sha256')
      .update(contentAt(file) ?? '')
      .digest('hex');
  writeFileSync(place, files.map(file => `${sumOf(file)}  ${file}\n`).join(''), { mode: 0o600 });
  makeDurable(place);
}

/** The card's bytes; where a power cut tore its blanking, what that was to make of them. */
function bytesOf(card: string, kept: string): Buffer {
  const bytes = readNamed(card);
  if (bytes.length > TOML_BYTES_MAX) throw new Failure('usage', `${card}: too long for a config file`);
  const [old, aim] = [contentAt(join(kept, OLD)), contentAt(join(kept, CARD))];
  // All old: nothing was blanked yet, and it is taken like any other.
  const isTorn = old !== undefined && aim !== undefined && !bytes.equals(old) && isOnTheWay(bytes, old, aim);
  return isTorn ? aim : bytes;
}

/** Without a byte order mark. */
function textOf(bytes: Buffer, card: string): string {
  try {
    return withoutMark(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Failure('usage', `${card}: is not UTF-8`, 'in the editor, save it with the encoding UTF-8');
  }
}

/** Everything by the code that reads every config file, on the files as they will stand. */
function check(next: string, card: string): { settings: SettingsOf<'agent'>; network: string } {
  const file = join(next, AGENT);
  const world = { env: {}, directory: next };
  try {
    const { settings } = resolveSettings('agent', ['--folder', '/', '--config', file], world);
    endpointOf({ broker: settings.broker, ...linkOptionsOf(settings, () => {}) });
    const words = ['--card', card, '--kept', next, '--config', file];
    const own = resolveSettings('card', words, world).settings;
    checkNetwork(own, settings.broker);
    const { address, router, dns, 'time-server': time } = own;
    // Lines of a shell: every value is of a kind that has no character of which a shell would make something.
    const facts = { board: settings.name, address, router, dns, time_server: time };
    const network = Object.entries(facts).map(([name, value]) => `${name}=${value ?? ''}\n`);
    return { settings, network: network.join('') };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const text = error.message.replaceAll(file, card).replaceAll(next, dirname(card));
    // Whatever it is, nothing was changed yet.
    throw new Failure('usage', text.includes(card) ? text : `${card}: ${text}`, error.advice);
  }
}

/** The board starts the agent whatever `plan` says of its memory: one that it cannot have would end it for ever. */
function checkMemory(
  card: string,
  { arena: arenaBytes, watches }: SettingsOf<'agent'>,
  ramBytes: number | undefined,
): void {
  const wrong = (text: string, advice: string) => new Failure('usage', `${card}: ${text}`, advice);
  if (ramBytes !== undefined && arenaBytes > ramBytes / 4)
    throw wrong(
      `arena: ${bytesText(arenaBytes)} is more than a quarter of this board's memory, ${bytesText(ramBytes)}`,
      'leave it out: the usual one does for any number of files',
    );
  const heap = planOf({ arenaBytes, watches }).misfits.find(({ of }) => of === 'heap');
  if (heap !== undefined)
    throw wrong(
      `watches: ${countText(watches)} take ${bytesText(heap.needBytes)} of JavaScript's heap, which has ${bytesText(heap.haveBytes)} for them`,
      `write watches = ${heap.instead[0]!.watches} or fewer, or leave it out: rescans find what is not watched`,
    );
}

function keptSecrets(kept: string): Map<string, string> {
  try {
    return secretsOf(readToml(String(contentAt(join(kept, AGENT)) ?? ''), AGENT));
  } catch {
    // Damaged: as good as none.
    return new Map();
  }
}

/** What the agent reads of the config. */
const agentsOwn = (config: Table): Table => ({ ...config, ...(config.agent as Table | undefined) });

/** Option -> name of the file beside the card's. */
function filesOf(config: Table, card: string): Map<string, string> {
  const own = agentsOwn(config);
  const named = new Map<string, string>();
  for (const option of FILES) {
    const name = own[option];
    if (typeof name !== 'string') continue;
    if (!/^\w[\w .-]*$/.test(name) || OWN.includes(name))
      throw new Failure('usage', `${card}: ${option} must be the name of a file that stands beside it`);
    named.set(option, name);
  }
  return named;
}

/** What the card has under a name, or what was kept of it. */
function contentOf(card: string, kept: string, name: string): Buffer {
  const place = join(dirname(card), name);
  const [bytes, own] = [contentAt(place), contentAt(join(kept, name))];
  if (bytes !== undefined && !isBlank(bytes, own)) return bytes;
  if (own === undefined) throw lost(place);
  return own;
}

function contentAt(file: string): Buffer | undefined {
  try {
    return readNamed(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

/** A read that fails has no name of its own: of a directory, say. */
function readNamed(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw Object.assign(error as Error, { path: file });
  }
}

const lost = (what: string): Failure =>
  new Failure(
    'usage',
    `${what} is blank or missing, and this board has none from before`,
    'write it onto the card again: what a board took from there stays on that board',
  );
