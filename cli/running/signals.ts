// What ends a long-running command: SIGINT (Ctrl-C), SIGTERM, SIGHUP (the terminal closed), or the process that
// started it going away, if it left a channel to notice by (the demo's board does not outlive the demo).
//
// The first asks for an end in good order. A second one forces it, but not within FORCE_AFTER_MS of the first: npm
// passes on the SIGINT that the terminal has already sent to the whole group.

const FORCE_AFTER_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Ending {
  /** Resolves with what asked for the end. */
  asked: Promise<string>;
  /** Asks by itself: something else decided that it is over. */
  ask(why: string): void;
  /** From now on signals do what they do by default. */
  release(): void;
}

export function awaitEnding(force: () => void): Ending {
  let askedAt: number | undefined;
  let resolve: (why: string) => void = () => {};
  const asked = new Promise<string>(done => {
    resolve = done;
  });
  const ask = (why: string) => {
    askedAt ??= performance.now();
    resolve(why);
  };
  const onSignal = (signal: string) => {
    if (askedAt !== undefined && performance.now() - askedAt >= FORCE_AFTER_MS) force();
    else ask(signal);
  };
  const onDisconnect = () => ask('disconnect');
  for (const signal of SIGNALS) process.on(signal, onSignal);
  if (process.channel) process.on('disconnect', onDisconnect);
  const release = () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('disconnect', onDisconnect);
  };
  return { asked, ask, release };
}
