// Anonymous memory of processes, read from /proc every 20 ms: what the kernel cannot take back. Peaks shorter than
// that may be missed. A control group's own peak would count the page cache as well, so it is not asked.

import { mebibytes, NONE, table } from './table.ts';
import { anonymousBytes } from './usage.ts';

const SAMPLE_MS = 20;
const SETTLE_MS = 500;

export interface MemoryRow {
  work: string;
  process: string;
  idle: number | undefined;
  peak: number;
  after: number | undefined;
}

export class Sampler {
  readonly rows: MemoryRow[] = [];
  #watched: { pid: number; row: MemoryRow }[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Begins a row for a process. With `isIdle` what it has now counts as its idle memory. */
  watch(work: string, process: string, pid: number, isIdle = false): MemoryRow {
    const now = anonymousBytes(pid);
    const row = { work, process, idle: isIdle ? now : undefined, peak: now ?? 0, after: undefined };
    this.rows.push(row);
    this.#watched.push({ pid, row });
    this.#timer ??= setInterval(() => this.#sample(), SAMPLE_MS);
    return row;
  }

  /** Ends all rows; what they have half a second later is what stays. */
  async end(): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, SETTLE_MS));
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#sample();
    for (const { pid, row } of this.#watched) row.after = anonymousBytes(pid);
    this.#watched = [];
  }

  #sample(): void {
    for (const { pid, row } of this.#watched) row.peak = Math.max(row.peak, anonymousBytes(pid) ?? 0);
  }

  /** `sender` is the peer's row for the same work, for the ratio. */
  table(): string {
    const rows = this.rows.map(row => {
      const peer = this.rows.find(other => other.work === row.work && other.process.startsWith('rsync'));
      const over =
        peer === undefined || peer === row || peer.peak === 0 ? NONE : (row.peak / peer.peak).toFixed(1);
      return [row.work, row.process, mebibytes(row.idle), mebibytes(row.peak), mebibytes(row.after), over];
    });
    return table(
      `memory: RssAnon in MiB, read every ${SAMPLE_MS} ms`,
      ['work', 'process', 'before', 'peak', 'after', 'x rsync'],
      rows,
    );
  }
}
