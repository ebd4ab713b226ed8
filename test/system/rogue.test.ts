// Somebody at the broker who may publish what he likes: as a board to the gateway, as the gateway to a board. What
// is out of shape or out of place is counted, named in the log, and ends no more than the session; nothing outside
// the folders is touched, and the honest ones go on. What a broker's rights keep apart (README.md, Security) is
// open here.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { decodeFrame, encodeFrameHeader } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind, type Message, type MessageNamed } from '../../protocol/messages.ts';
import { EMPTY_CONTENT } from '../../protocol/path.ts';
import { type Cast, openCast, until } from './cast.ts';

const NONE = new Uint8Array(0);
const SESSION = 9;

let cast: Cast;
afterEach(() => cast?.close());

function publish(topic: string, frame: Uint8Array): void {
  const words = [
    '-p',
    `${cast.port}`,
    '-t',
    `toastbox/1/${topic}`,
    '-q',
    '1',
    frame.length === 0 ? '-n' : '-s',
  ];
  const { status, stderr } = spawnSync('mosquitto_pub', words, { input: frame, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

const say = (topic: string, message: Message, body: Uint8Array = NONE) =>
  publish(topic, Buffer.concat([encodeFrameHeader(message), body]));

const hello: MessageNamed<'hello'> = {
  is: 'hello',
  session: SESSION,
  versionMin: 1,
  versionMax: 1,
  share: 'shared',
  folder: NONE,
  position: 0,
  frameBytesMax: FRAME_BYTES_MAX,
  window: 4,
  software: 'rogue 1',
  term: NONE,
  ahead: 0,
  aheadTerm: NONE,
  trail: [],
};

/** An empty file at `path`, or a symlink with `target` there: content that nobody has to send. */
function facts(path: Uint8Array, target?: string) {
  const isLink = target !== undefined;
  const content = isLink ? Buffer.from(target) : EMPTY_CONTENT;
  return { path, kind: isLink ? Kind.SYMLINK : Kind.FILE, mode: 0o644, size: 0, mtime: 1_000_000, content };
}

const offer = (req: number, path: Uint8Array, target?: string): MessageNamed<'offer'> => ({
  is: 'offer',
  session: SESSION,
  items: [{ req, ...facts(path, target), base: 0, baseContent: NONE, recipe: NONE }],
});

const changes = (
  session: number,
  after: number,
  path: Uint8Array,
  term: Uint8Array,
): MessageNamed<'changes'> => ({
  is: 'changes',
  session,
  after,
  upto: after + 1,
  items: [{ seq: after + 1, ...facts(path), like: NONE }],
  term,
  uptoTerm: term,
});

/** The term of the gateway, which it tells to whoever says hello: of changes in another nothing is read. */
async function learnTerm(): Promise<Uint8Array> {
  const words = ['-p', `${cast.port}`, '-t', 'toastbox/1/board/rogue/down', '-C', '1', '-F', '%x'];
  const listener = spawn('mosquitto_sub', words);
  let heard = '';
  listener.stdout.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  return until('the gateway says welcome', () => {
    say('board/rogue/up', hello);
    const decoded = decodeFrame(Buffer.from(heard.trim(), 'hex'), 'down', FRAME_BYTES_MAX);
    return 'message' in decoded && decoded.message.is === 'welcome' ? decoded.message.term : undefined;
  });
}

/** Paths that no peer may name; `outside` is an absolute one. */
const badPaths = (outside: string): Uint8Array[] =>
  [
    outside,
    '../escaped',
    'a/../../escaped',
    '..',
    '.',
    './escaped',
    'a//b',
    'a/',
    'nul\0byte',
    '.toastbox/folder',
    '.toastbox',
    'x'.repeat(256),
  ].map(path => Buffer.from(path, 'latin1'));

/** Frames that are none, with what each is meant to do to a careless reader. */
const BAD_FRAMES: readonly (readonly [what: string, frame: Uint8Array])[] = [
  ['empty', NONE],
  ['text', Buffer.from('no frame at all')],
  ['arrays in arrays, 30,000 deep', new Uint8Array(30_000).fill(0x81)],
  ['a list that claims 2^32 items', Buffer.from('9affffffff', 'hex')],
  ['bytes that claim 2^63 bytes', Buffer.from('82015b8000000000000000', 'hex')],
  ['lists without end', new Uint8Array(20_000).fill(0x9f)],
  ['an unknown type', Buffer.from('81187f', 'hex')],
  ['a map', Buffer.from('a10102', 'hex')],
  ['oversized', new Uint8Array(FRAME_BYTES_MAX + 1)],
  ['cut short', encodeFrameHeader(hello).subarray(0, 20)],
];

/** A board and a plain copy in sync, and a directory outside of both. */
async function openScene() {
  cast = await openCast('mosquitto');
  const one = await cast.board('one');
  const copy = cast.gateway.copy('shared');
  const outside = join(cast.root, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'canary'), 'sings');
  writeFileSync(join(one.folder, 'honest'), 'honest');
  await cast.settle([one.folder, copy]);
  return { one, copy, outside };
}

test('rogue: a board that sends what it may not -> counted and named, nothing written outside, others go on', async () => {
  const { one, copy, outside } = await openScene();
  const up = 'board/rogue/up';
  const malformed = async () => (await cast.gateway.now()).malformed;
  const isNamed = (pattern: RegExp) =>
    until(`the status says ${pattern}`, async () =>
      pattern.test((await cast.gateway.now()).lastError?.text ?? ''),
    );

  for (const [what, frame] of BAD_FRAMES) {
    const before = await malformed();
    say(up, hello);
    publish(up, frame);
    await until(`${what} is counted`, async () => (await malformed()) === before + 1);
  }
  const before = await malformed();
  say(up, hello);
  say(up, { is: 'head', session: SESSION, head: 5 });
  await until('the wrong way is counted', async () => (await malformed()) === before + 1);
  expect((await cast.gateway.now()).lastError?.text).toBe('rogue: dropped a malformed frame: wrong way');

  say(up, hello);
  for (const [index, path] of badPaths(join(outside, 'escaped')).entries()) say(up, offer(index + 1, path));
  say(up, offer(100, Buffer.from('link'), outside));
  say(up, offer(101, Buffer.from('link/escaped')));
  say(up, offer(102, Buffer.from('last')));
  await until('what it may say arrives', () => existsSync(join(one.folder, 'last')));
  await isNamed(/^rogue: refused /);
  // Out of place: a session that is none, names and topics that no board has.
  say(up, { ...offer(103, Buffer.from('wrong session')), session: SESSION + 1 });
  for (const topic of [
    'board/@shared/up',
    'board/not a name/up',
    'board/one/up/more',
    'gateway/up',
    'board//up',
  ]) {
    say(topic, hello);
    say(topic, offer(1, Buffer.from('wrong topic')));
  }
  await isNamed(/^dropped a message: out of place: toastbox\/1\/board\//);
  writeFileSync(join(one.folder, 'after'), 'still here');
  const tree = await cast.settle([one.folder, copy]);
  expect([...tree.keys()]).toEqual(['after', 'honest', 'last', 'link']);
  expect(readdirSync(outside)).toEqual(['canary']);
  expect(readdirSync(cast.gateway.folders)).toEqual(['shared']);
  expect((await one.now()).malformed).toBe(0);
});

test('rogue: a gateway that sends what it may not -> counted and named, nothing touched outside, it joins again', async () => {
  const { one, copy, outside } = await openScene();
  const marker = readFileSync(join(one.state, 'folder'));
  const down = 'board/one/down';
  const term = await learnTerm();
  const joined = () =>
    until('it has joined', async () => {
      const status = await one.now();
      return status.state === 'idle' ? status : undefined;
    });

  const dropped = async (what: string, act: (session: number, position: number) => void) => {
    const { session, position, malformed } = await joined();
    act(session, position);
    await until(`${what} is counted`, async () => (await one.now()).malformed === malformed + 1);
  };
  for (const [what, frame] of BAD_FRAMES) await dropped(what, () => publish(down, frame));
  for (const path of badPaths(join(outside, 'escaped')))
    await dropped(
      `changes of ${JSON.stringify(Buffer.from(path).toString('latin1').slice(0, 40))}`,
      (session, position) => say(down, changes(session, position, path, term)),
    );
  await dropped('the wrong way', session => say(down, { ...hello, session }));
  const { session, position, malformed } = await joined();
  // Out of place, and nobody's mistake to answer: other sessions, requests that nobody made.
  say(down, changes(session - 1, position, Buffer.from('wrong session'), term));
  say(down, { is: 'again', session: session - 1 });
  say(down, changes(session, position, Buffer.from('wrong term'), NONE));
  say(down, { is: 'done', session, items: [{ req: 77, verdict: 0, seq: 999 }], term });
  say(down, { is: 'need', session, items: [{ req: 77, what: 0, ordinal: 0, count: 1, dictionary: 0 }] });
  say(down, { is: 'lost', session, items: [{ req: 77, reason: 0 }] });

  writeFileSync(join(one.folder, 'after'), 'still here');
  writeFileSync(join(copy, 'from there'), 'still here');
  expect([...(await cast.settle([one.folder, copy])).keys()]).toEqual(['after', 'from there', 'honest']);
  expect((await one.now()).malformed).toBe(malformed);
  expect(one.output).toMatch(/dropped a malformed frame: /);
  expect(readdirSync(outside)).toEqual(['canary']);
  expect(readFileSync(join(one.state, 'folder'))).toEqual(marker);
  expect((await one.now()).pid).toBe(one.pid);
});
