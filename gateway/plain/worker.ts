// The thread of the plain copies: their fsyncs, reads and hashing must not hold up the hub, which all boards wait
// for. One thread for all of them; each has an agent with an arena of its own.

import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { Failure } from '../../agent/failure.ts';
import { Copy } from './copy.ts';
import { type CopiesLedger, type CopyOptions, type FromWorker, Outbox, type ToWorker } from './mail.ts';

/** Between statuses while something changes. */
const STATUS_MS = 200;

if (parentPort === null) throw new Error('this is the entry of a worker');
const port = parentPort;
const outbox = new Outbox<FromWorker>(port);
const tell = (letter: FromWorker): void => outbox.put(letter);
const copies = new Map<string, Copy>();
const told = new Map<string, string>();

function fail(share: string, error: unknown): void {
  const failure = error instanceof Failure ? error : undefined;
  const text = failure?.message ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
  tell({ is: 'failed', share, text, kind: failure?.kind, advice: failure?.advice });
}

async function open(options: CopyOptions): Promise<void> {
  const { share } = options;
  try {
    const copy = new Copy(options, tell, error => fail(share, error));
    copies.set(share, copy);
    await copy.start();
    tellStatus(share, copy);
    tell({ is: 'opened', share });
  } catch (error) {
    fail(share, error);
  }
}

function tellStatus(share: string, copy: Copy): void {
  const status = copy.status();
  const text = JSON.stringify(status);
  if (text === told.get(share)) return;
  told.set(share, text);
  tell({ is: 'status', share, status });
}

function ledgers(): CopiesLedger {
  const { used_heap_size: now, heap_size_limit: limit } = getHeapStatistics();
  const folders = [...copies].flatMap(([share, copy]) => {
    const ledger = copy.memory();
    return ledger === undefined ? [] : [{ share, ...ledger }];
  });
  return { folders, heap: [{ name: "copies' heap used", unit: 'bytes', now, limit }] };
}

async function stop(): Promise<void> {
  clearInterval(timer);
  await Promise.all([...copies.values()].map(copy => copy.stop()));
  tell({ is: 'stopped' });
}

const timer = setInterval(() => {
  for (const [share, copy] of copies) tellStatus(share, copy);
}, STATUS_MS);

port.on('message', (letters: ToWorker[]) => {
  const took = new Map<string, number>();
  for (const letter of letters) {
    if (letter.is === 'open') void open(letter.options);
    else if (letter.is === 'stop') void stop();
    else if (letter.is === 'memory') tell({ is: 'memory', ledgers: ledgers() });
    else {
      copies.get(letter.share)?.take(letter.frame);
      took.set(letter.share, (took.get(letter.share) ?? 0) + 1);
    }
  }
  for (const [share, count] of took) tell({ is: 'took', share, count });
});
