// When work goes on: the carrier's long tasks yield through this, so that a simulated world can drive them.

export interface Scheduler {
  /** Runs `job` after what is waiting now. */
  soon(job: () => void): void;
  later(job: () => void, ms: number): void;
  /** The wall clock, milliseconds since 1970. */
  now(): number;
}

export const realScheduler: Scheduler = {
  soon: job => void setImmediate(job),
  later: (job, ms) => void setTimeout(job, ms),
  now: () => Date.now(),
};
