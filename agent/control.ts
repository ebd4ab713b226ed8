// The control socket `STATE/control.sock`: how a running agent or gateway is asked what it does, and how a second
// one on the same state learns that it is not alone.
//
//   request   {"ask":"status"}\n          at most REQUEST_BYTES_MAX, any number on one connection
//   answer    {...}\n                     one line of JSON; {"error":"..."} for what is not understood
//
// Only the owner may connect (0600 in a directory of 0700): whoever asks may change the folder by other means too.
// Still only a gateway's `restore` changes a folder, and that by an ordinary change of it.
//
// Taking the name is exclusive without a lock file: the socket is bound under a name of its own, then hard-linked
// to control.sock, which fails if that exists. A dead process leaves a socket that refuses connections; it is moved
// aside, checked to be the one that refused, and dropped; put back if it was not. So of two processes started at
// once over a dead one's socket, one wins.
//
// sun_path holds 107 bytes (unix(7)); a longer path goes through a descriptor of the directory:
// /proc/self/fd/N/control.sock. A file system without sockets or hard links (vfat) gets no control socket: then
// `why` says so, `toastbox status` finds nobody, and nothing keeps a second agent off.

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { Failure, systemFailure } from './failure.ts';
import { makePrivate } from './private.ts';

export const CONTROL_NAME = 'control.sock';

/** unix(7): sun_path is 108 bytes with its NUL. */
const SOCKET_PATH_BYTES_MAX = 107;
/** A question is one word, but for the paths that are to be restored: some thousand short ones, eleven long ones. */
const REQUEST_BYTES_MAX = 64 * 1024;
/** A status grows with shares and boards: 4 MiB are some ten thousand of them. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Askers at once. Each is one short-lived command; more wait in the kernel's queue or are dropped. */
const CONNECTIONS_MAX = 8;
/** An asker that says nothing, or does not read, is dropped after this; one that waits for its answer is not. */
const IDLE_MS = 5_000;
/** How long an asker waits. A synchronous stretch of work (a long fsync) delays an answer, seldom this long. */
const ANSWER_MS = 5_000;
/** Rounds of finding a stale socket, or losing the name to another starter, before giving up. */
const ATTEMPTS_MAX = 16;
/** What it means for who runs on. */
export const NO_CONTROL = 'no status, and nothing keeps a second one off';
/** What bind or link say where sockets or hard links cannot be. */
const NO_SOCKETS = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EROFS', 'EMLINK']);

export interface Question {
  readonly ask: string;
  readonly [more: string]: unknown;
}

/** An answer may take its time; those on one connection keep their order. */
export type Answers = Readonly<Record<string, (question: Question) => unknown>>;

export interface Control {
  /** Undefined when the socket stands; otherwise why this file system has none. */
  why: string | undefined;
  close(): Promise<void>;
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException)?.code ?? 'UNKNOWN';

/** A path short enough for a socket address that means `state/name`, and what to call when done with it. */
function addressOf(state: string, name: string): { path: string; release(): void } {
  const path = join(state, name);
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return { path, release: () => {} };
  const fd = fs.openSync(state, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${fd}/${name}`, release: () => fs.closeSync(fd) };
}

/** Takes the state for this process and answers who asks. Throws a Failure of kind 'running' if it is taken. */
export async function openControl(state: string, answers: Answers, idleMs = IDLE_MS): Promise<Control> {
  makePrivate(state);
  const name = `${CONTROL_NAME}.${randomBytes(6).toString('hex')}`;
  const own = join(state, name);
  const address = addressOf(state, name);
  const open = new Set<net.Socket>();
  const server = net.createServer(socket => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    serve(socket, { ...answers, who: () => ({ pid: process.pid }) }, idleMs);
  });
  server.maxConnections = CONNECTIONS_MAX;
  const shut = () =>
    new Promise<void>(done => {
      server.close(() => {
        address.release();
        done();
      });
      for (const socket of open) socket.destroy();
    });
  try {
    await listen(server, address.path);
    fs.chmodSync(own, 0o600);
    const inode = fs.lstatSync(own).ino;
    await claim(state, own);
    // The socket lives on under its public name; this one would be left behind by a kill.
    fs.unlinkSync(own);
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= (async () => {
        if (inodeOf(join(state, CONTROL_NAME)) === inode)
          fs.rmSync(join(state, CONTROL_NAME), { force: true });
        await shut();
      })();
      return closing;
    };
    return { why: undefined, close };
  } catch (error) {
    drop(own);
    if (server.listening) await shut();
    else address.release();
    const code = codeOf(error);
    if (error instanceof Failure) throw error;
    // The system names the socket that was to be, which nobody knows.
    if (code === 'EACCES')
      throw systemFailure(
        state,
        error,
        'start it as the user whose that is, or give it to this one (chown -R)',
      );
    if (!NO_SOCKETS.has(code)) throw Object.assign(error as Error, { path: state });
    const why = `this file system ${code === 'EROFS' ? 'is read-only' : `holds no sockets (${code})`}`;
    return { why, close: async () => {} };
  }
}

/** Where we may not even look, there is nothing of ours. */
function drop(path: string): void {
  try {
    fs.rmSync(path, { force: true });
  } catch {}
}

/** Binds with no moment in which others could connect: the socket is born with mode 0600. A worker cannot do that, but
 * the directory lets nobody else in. */
function listen(server: net.Server, path: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    const mask = isMainThread ? process.umask(0o177) : undefined;
    try {
      server.listen(path, () => {
        server.off('error', fail);
        server.on('error', () => {}); // accept() out of descriptors: the asker gets no answer, nothing else
        done();
      });
    } finally {
      if (mask !== undefined) process.umask(mask);
    }
  });
}

/** Gives our socket the public name, once nobody alive has it. */
async function claim(state: string, own: string): Promise<void> {
  const name = join(state, CONTROL_NAME);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    try {
      fs.linkSync(own, name);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const inode = inodeOf(name);
    const pid = await pidOf(state);
    if (pid !== 'nobody')
      throw new Failure('running', `already running${pid === undefined ? '' : ` (pid ${pid})`} on ${state}`);
    if (inode !== undefined) dropStale(state, name, inode);
  }
  throw new Failure('running', `others keep starting on ${state}`);
}

/** Drops the socket that nobody answered at; if another starter has put its own there meanwhile, puts it back. */
function dropStale(state: string, name: string, inode: number): void {
  const aside = join(state, `${CONTROL_NAME}.${randomBytes(6).toString('hex')}`);
  try {
    fs.renameSync(name, aside);
    if (inodeOf(aside) !== inode) fs.linkSync(aside, name);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') throw error;
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

const inodeOf = (path: string): number | undefined => fs.lstatSync(path, { throwIfNoEntry: false })?.ino;

/** The pid behind the socket; undefined if it is alive but silent; 'nobody' if it is dead or gone. */
async function pidOf(state: string): Promise<number | undefined | 'nobody'> {
  try {
    const who = (await ask(state, 'who', 1_000)) as { pid?: unknown };
    return typeof who.pid === 'number' ? who.pid : undefined;
  } catch (error) {
    const code = codeOf(error);
    return code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ENOTSOCK' ? 'nobody' : undefined;
  }
}

/** One answer at a time, and the next once this one is out: whoever asks much and reads little waits, and nothing is
 * gathered for him. */
function serve(socket: net.Socket, answers: Answers, idleMs: number): void {
  let request = '';
  let isAnswering = false;
  socket.setEncoding('latin1');
  socket.setTimeout(idleMs).on('timeout', () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const answerAll = async (): Promise<void> => {
    for (let end = request.indexOf('\n'); end >= 0; end = request.indexOf('\n')) {
      if (end > REQUEST_BYTES_MAX) break;
      const line = request.slice(0, end);
      request = request.slice(end + 1);
      socket.setTimeout(0);
      const answer = await answerTo(line, answers);
      socket.setTimeout(idleMs);
      await write(socket, answer);
    }
    if (request.length <= REQUEST_BYTES_MAX) return;
    request = '';
    socket.end(`{"error":"a request is at most ${REQUEST_BYTES_MAX} bytes"}\n`);
  };
  socket.on('data', (text: string) => {
    request += text;
    if (isAnswering) return;
    isAnswering = true;
    socket.pause();
    void answerAll().then(() => {
      isAnswering = false;
      if (!socket.writableEnded) socket.resume();
    });
  });
}

/** Settles when the line is with the kernel, or lost with the connection. */
function write(socket: net.Socket, line: string): Promise<void> {
  return new Promise(done => void socket.write(`${line}\n`, () => done()));
}

async function answerTo(line: string, answers: Answers): Promise<string> {
  try {
    const question = JSON.parse(line) as Question | null;
    const asked = question?.ask as unknown;
    if (typeof asked !== 'string' || !Object.hasOwn(answers, asked))
      return JSON.stringify({ error: `ask one of: ${Object.keys(answers).join(', ')}` });
    return JSON.stringify((await answers[asked]!(question!)) ?? null);
  } catch (error) {
    return JSON.stringify({ error: error instanceof SyntaxError ? 'not JSON' : String(error) });
  }
}

/** Asks the process that holds `state`. Throws errno errors of connecting, ETIMEDOUT when no answer comes. */
export async function ask(state: string, what: string | Question, waitMs = ANSWER_MS): Promise<unknown> {
  const question = typeof what === 'string' ? { ask: what } : what;
  const address = addressOf(state, CONTROL_NAME);
  return new Promise<unknown>((done, fail) => {
    const socket = net.connect(address.path);
    const parts: Buffer[] = [];
    let bytes = 0;
    const timer = setTimeout(() => finish(() => fail(errno('ETIMEDOUT', 'no answer'))), waitMs);
    const finish = (then: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      then();
    };
    socket.on('error', error => finish(() => fail(error)));
    socket.on('end', () => finish(() => fail(errno('ECONNRESET', 'closed without an answer'))));
    socket.on('connect', () => socket.write(`${JSON.stringify(question)}\n`));
    socket.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > ANSWER_BYTES_MAX) return finish(() => fail(errno('EMSGSIZE', 'the answer is too long')));
      parts.push(part);
      if (part[part.length - 1] !== 0x0a) return;
      finish(() => {
        try {
          done(JSON.parse(Buffer.concat(parts).toString()));
        } catch {
          fail(errno('EBADMSG', 'the answer is not JSON'));
        }
      });
    });
  }).finally(address.release);
}

const errno = (code: string, text: string): Error => Object.assign(new Error(text), { code });
