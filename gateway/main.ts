// Starts a gateway: store, hub, broker or the way to one, and a plain copy of every folder. Composes, decides
// nothing.
//
//   boards <-> broker <-> link <-> pump { hub, store } <-> plain copies (agents in a thread)

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Arena, openLeastArena } from '../agent/arena/arena.ts';
import { NO_CONTROL, openControl, type Question } from '../agent/control.ts';
import { squeeze } from '../agent/disk/squeeze.ts';
import { endpointOf } from '../agent/endpoint.ts';
import { Book } from '../agent/memory/book.ts';
import { processRows } from '../agent/memory/ledger.ts';
import { queueReadings } from '../agent/memory/look.ts';
import type { LogLevel } from '../agent/options.ts';
import { readCertificate, readPair } from '../agent/pem.ts';
import { makePrivate } from '../agent/private.ts';
import { VERSION } from '../agent/version.ts';
import { copyOf } from '../protocol/bytes.ts';
import { decodeFrame, encodeFrameHeader } from '../protocol/frame.ts';
import { FRAME_BYTES_MAX, ID_BYTES } from '../protocol/limits.ts';
import { printable } from '../protocol/path.ts';
import { shownUrl } from '../transport/endpoint.ts';
import type { GatewayLink, LinkUp } from '../transport/link.ts';
import { connectGateway } from '../transport/mqtt.ts';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';
import { Grants } from './grants.ts';
import { refuseOpenDoor } from './guard.ts';
import { Hub } from './hub/hub.ts';
import { COPY_SIGN, type HubEffect, type HubNote } from './hub/ports.ts';
import { Retention } from './hub/retention.ts';
import { type GatewayLedger, type GatewayLook, gatewayRows } from './memory.ts';
import type { GatewayOptions, ListenOptions, RunningGateway } from './options.ts';
import { Plains } from './plain/plains.ts';
import { Pump } from './pump.ts';
import { Restoring } from './restoring.ts';
import type { GatewayStatus } from './status.ts';
import { openLmdbStore } from './store/lmdb.ts';
import type { Store } from './store/port.ts';

const DAY_MS = 86_400_000;
const BLOCK_ID = new RegExp(`^[0-9a-f]{${2 * ID_BYTES}}$`);

export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  if (options.listen !== undefined)
    refuseOpenDoor({ ...options.listen, tls: { clientCa: options.listen.clientCaFile } });
  makePrivate(options.data);
  makePrivate(options.folder);
  // The control socket first: a second gateway on this data never opens the store.
  let started: Gateway | undefined;
  const control = await openControl(options.data, {
    status: () => started?.status(),
    memory: () => started?.memory(),
    restore: question => started?.restoring.ask(question),
    doubt: question => started?.doubt(question),
  });
  if (control.why !== undefined) options.onLog('warn', `${control.why}: ${NO_CONTROL}`);
  let gateway: Gateway;
  try {
    gateway = new Gateway(options);
  } catch (error) {
    await control.close();
    throw error;
  }
  started = gateway;
  try {
    await gateway.start();
  } catch (error) {
    await gateway.stop();
    await control.close();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  return {
    status: () => gateway.status(),
    stop: () => {
      stopping ??= gateway.stop().then(() => control.close());
      return stopping;
    },
    failed: gateway.failed,
    port: gateway.port,
  };
}

class Gateway {
  readonly failed: Promise<Error>;
  private readonly options: GatewayOptions;
  private readonly session = Date.now();
  private readonly grants: Grants | undefined;
  private readonly store: Store;
  private readonly hasher: Arena = openLeastArena();
  private readonly hub: Hub;
  private readonly pump: Pump;
  readonly restoring: Restoring;
  private readonly plains: Plains;
  private readonly book: Book;
  private fail: (error: Error) => void = () => {};
  private broker: Broker | undefined;
  private link: GatewayLink | undefined;
  private linkUp: LinkUp | undefined;
  private linkWhy = 'connecting';
  private linkSince = Date.now();
  private malformed = 0;
  private lastError: { at: number; text: string } | undefined;

  constructor(options: GatewayOptions) {
    this.options = options;
    this.failed = new Promise(resolve => {
      this.fail = resolve;
    });
    if (options.grantsFile !== undefined)
      this.grants = new Grants(options.grantsFile, text => this.complain('warn', text));
    this.store = openLmdbStore(join(options.data, 'store'), this.hasher);
    this.hub = new Hub({
      store: this.store,
      hasher: this.hasher,
      squeeze,
      newFolderId: () => randomBytes(ID_BYTES),
      mayJoin: this.grants && ((board, share) => (this.grants as Grants).mayJoin(board, share)),
      sharesMax: options.sharesMax,
      frameBytesMax: FRAME_BYTES_MAX,
    });
    this.pump = new Pump({
      hub: this.hub,
      store: this.store,
      carry: effect => this.carry(effect),
      now: () => Date.now(),
      onFail: error => this.fail(error),
      beside: new Retention({
        store: this.store,
        pins: () => this.hub.pins(),
        keepMs: options.keepDays * DAY_MS,
        keepBytes: options.keepBytes,
        startedAt: this.session,
        onTrouble: text => this.complain('error', text),
      }),
    });
    this.restoring = new Restoring(event => this.pump.push(event));
    this.plains = new Plains(options, {
      push: (board, message, body) => void this.pump.push({ is: 'message', board, message, body }),
      malformed: (board, why) => void this.pump.push({ is: 'malformed', board, why }),
      onNote: options.onNote,
      onLog: options.onLog,
      onFail: error => this.fail(error),
    });
    this.book = new Book({
      state: options.data,
      isProcess: true,
      readAlso: marks => gatewayRows(this.lookAtMemory(), marks),
      onTrouble: text => options.onLog('warn', text),
    });
  }

  private lookAtMemory(): GatewayLook {
    return {
      gauges: [
        ...this.hub.gauges(),
        this.pump.gauge.reading(),
        this.plains.gauge(),
        ...queueReadings(this.link?.queue),
      ],
      window: this.hub.window(),
      arenaBytes: this.hasher.bytes.length,
      store: this.store.size(),
      broker: this.broker,
    };
  }

  get port(): number | undefined {
    return this.broker?.port;
  }

  async start(): Promise<void> {
    const { options } = this;
    if (this.grants !== undefined) this.grants.onChange = () => this.sendAway(this.grants as Grants);
    if (options.listen !== undefined) this.broker = await startBroker(this.brokerOptions(options.listen));
    this.link = connectGateway(
      {
        ...(this.broker?.own ?? endpointOf({ ...options, broker: options.broker ?? '' })),
        session: this.session,
        software: `toastbox ${VERSION}`,
        keepaliveSeconds: options.keepaliveSeconds,
      },
      {
        up: info => this.setLink(info, ''),
        down: why => this.setLink(undefined, why),
        frame: (board, bytes) => this.take(board, bytes),
        dropped: why => this.complain('warn', `dropped a message: ${why}`),
        status: (board, status) => {
          if (status?.state === 'offline') this.pump.push({ is: 'left', board, session: status.session });
        },
      },
    );
    await Promise.all(this.store.folders().map(({ share }) => this.plains.open(share)));
  }

  /** Boards that may no longer have part: they are told to say hello again, and are refused. */
  private sendAway(grants: Grants): void {
    for (const { name, share } of this.hub.status().boards)
      if (!grants.mayJoin(name, share)) this.pump.push({ is: 'left', board: name });
  }

  async stop(): Promise<void> {
    this.grants?.close();
    this.book.close();
    await this.plains.stop();
    await this.link?.close();
    this.pump.close();
    await this.broker?.close();
    await this.store.close();
  }

  private brokerOptions({ host, port, isOpen, usersFile, ...files }: ListenOptions): BrokerOptions {
    const { certFile, keyFile, clientCaFile } = files;
    const clientCa = clientCaFile === undefined ? undefined : readCertificate(clientCaFile);
    const pair = certFile === undefined || keyFile === undefined ? undefined : readPair(certFile, keyFile);
    return {
      host,
      port,
      isOpen,
      usersFile,
      tls: pair && { ...pair, clientCa },
      onWarn: text => this.complain('warn', text),
    };
  }

  private take(board: string, bytes: Uint8Array): void {
    const decoded = decodeFrame(copyOf(bytes), 'up', FRAME_BYTES_MAX);
    if ('malformed' in decoded) this.pump.push({ is: 'malformed', board, why: decoded.malformed });
    else this.pump.push({ is: 'message', board, message: decoded.message, body: decoded.body });
  }

  private carry(effect: HubEffect): void {
    if (effect.do === 'note') {
      this.note(effect.note);
      return;
    }
    if (effect.do === 'restored') {
      this.restoring.settle(effect.ticket, effect.answers);
      return;
    }
    const { board, message, body } = effect;
    const share = Plains.shareOf(board);
    if (share !== undefined) {
      this.plains.deliver(share, message, body);
      return;
    }
    const header = encodeFrameHeader(message);
    this.link?.send(board, body === undefined ? header : Buffer.concat([header, body]), () => {});
  }

  private note(note: HubNote): void {
    // A session may be the first of a new share.
    if (note.kind === 'session') this.openPlains();
    if (note.kind === 'malformed') this.malformed++;
    const line = lineOf(note);
    if (line === undefined) return;
    const [level, text] = line;
    if (level === 'info') this.options.onLog(level, text);
    else this.complain(level, text);
  }

  private complain(level: 'warn' | 'error', text: string): void {
    this.lastError = { at: Date.now(), text };
    this.options.onLog(level, text);
  }

  // One that fails says so by itself.
  private openPlains(): void {
    for (const { share } of this.store.folders()) this.plains.open(share).catch(() => {});
  }

  private setLink(up: LinkUp | undefined, why: string): void {
    if ((up === undefined) !== (this.linkUp === undefined)) this.linkSince = Date.now();
    if (up !== undefined) this.options.onLog('info', `connected to ${up.broker}`);
    else if (why !== this.linkWhy) this.options.onLog('warn', why);
    this.linkUp = up;
    this.linkWhy = why;
  }

  async memory(): Promise<GatewayLedger> {
    const { marks } = this.book;
    const { folders, heap } = await this.plains.memory();
    const process = [...this.book.process(), ...processRows(marks, heap)];
    const own = gatewayRows(this.lookAtMemory(), marks);
    const { folder, data } = this.options;
    const { session: startedAt } = this;
    const { since } = marks;
    const { pid } = globalThis.process;
    return {
      kind: 'gateway',
      version: VERSION,
      pid,
      startedAt,
      since,
      folder,
      data,
      process,
      ...own,
      folders,
    };
  }

  /** Blocks that `toastbox verify` found damaged: the hub looks for itself. */
  doubt({ blocks }: Question): { doubted: number } | { error: string } {
    const isList = Array.isArray(blocks) && blocks.every(id => typeof id === 'string' && BLOCK_ID.test(id));
    if (!isList) return { error: 'no ids of blocks' };
    const ids = (blocks as string[]).map(id => Buffer.from(id, 'hex'));
    this.pump.push({ is: 'doubt', blocks: ids });
    return { doubted: ids.length };
  }

  status(): GatewayStatus {
    const { folders, boards, lostBlocks } = this.hub.status();
    const { listen } = this.options;
    const counts = this.link?.counts;
    return {
      kind: 'gateway',
      version: VERSION,
      pid: process.pid,
      startedAt: this.session,
      folder: this.options.folder,
      data: this.options.data,
      link: {
        up: this.linkUp !== undefined,
        broker: this.linkUp?.broker ?? shownUrl(this.options.broker ?? 'embedded'),
        since: this.linkSince,
        ...(this.linkUp === undefined ? { why: this.linkWhy } : { protocol: this.linkUp.protocol }),
      },
      ...(this.broker === undefined
        ? {}
        : { listen: { host: listen?.host ?? '', port: this.broker.port, clients: this.broker.clients } }),
      folders: folders.flatMap(({ share, head, entries, bytes }) => {
        const agent = this.plains.status(share);
        return agent === undefined ? [] : [{ share, head, entries, bytes, agent }];
      }),
      boards: boards
        .filter(({ name }) => !name.startsWith(COPY_SIGN))
        .map(({ name, share, isOnline, lastSeen, position, counters }) => ({
          name,
          share,
          online: isOnline,
          seenAt: lastSeen,
          settled: position,
          counters,
        })),
      malformed: this.malformed + (counts?.dropsIn ?? 0),
      bytes: { in: counts?.bytesIn ?? 0, out: counts?.bytesOut ?? 0 },
      store: { bytes: this.store.size().bytes, lostBlocks },
      ...(this.lastError === undefined ? {} : { lastError: this.lastError }),
    };
  }
}

/** What the log says of a note; accepted changes and conflicts are told by the plain copy's agent. */
function lineOf(note: HubNote): [LogLevel, string] | undefined {
  switch (note.kind) {
    case 'malformed':
      return ['warn', `${note.board}: dropped a malformed frame: ${note.why}`];
    case 'trouble':
      return ['error', `${note.doing} failed: ${note.code}`];
    case 'refused':
    case 'dropped':
      return ['warn', `${note.board}: ${note.kind} ${printable(note.path)}: ${note.why}`];
    case 'mismatch':
      return ['warn', `${note.board}: blocks of ${printable(note.path)} are not what was offered`];
    case 'damaged':
      return ['error', `the store's medium changed ${note.blocks} blocks: toastbox verify names the files`];
    case 'session':
      return ['info', `${note.board}: ${note.text}`];
    default:
      return undefined;
  }
}
