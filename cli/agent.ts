// `toastbox agent`: settings to AgentOptions, then runs it to its end.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../agent/failure.ts';
import { shownUrl } from '../transport/endpoint.ts';
import { linkOptionsOf } from './broker.ts';
import { type Exit, failureOf } from './exits.ts';
import type { Invocation } from './invocation.ts';
import { loadAgent } from './load.ts';
import { checkFit } from './plan.ts';
import { reportTo, runToEnd } from './run.ts';
import { Screen } from './screen.ts';
import { resolveSettings } from './settings.ts';

export async function agentCommand({ words, world, out, errors }: Invocation): Promise<Exit> {
  const { settings, warnings } = resolveSettings('agent', words, world);
  const screen = new Screen({
    out,
    errors,
    progress: settings.progress as 'auto' | 'lines' | 'none',
    isQuiet: settings.quiet,
  });
  const warn = (text: string) => screen.warn(`warn: ${text}`);
  for (const warning of warnings) warn(warning);
  const { folder, broker, name, share = name, state = join(folder, '.toastbox') } = settings;
  const link = linkOptionsOf(settings, warn);
  checkFolder(folder);
  if (!settings.overcommit) checkFit({ state, arenaBytes: settings.arena, watches: settings.watches });
  return runToEnd(
    screen,
    async () => {
      const startAgent = await loadAgent();
      return startAgent({
        ...link,
        broker,
        folder,
        state,
        name,
        share,
        arenaBytes: settings.arena,
        rescanSeconds: settings.rescan,
        watches: settings.watches,
        ...reportTo(screen),
      });
    },
    () => {
      const as = share === name ? '' : `, share ${share}`;
      screen.say(`toastbox agent ${name}${as}: ${folder} through ${shownUrl(broker)} (pid ${process.pid})`);
    },
  );
}

/** A folder that is missing may be a disk that is not mounted: making it would sync an empty folder. */
function checkFolder(folder: string): void {
  try {
    if (statSync(folder).isDirectory()) return;
  } catch (error) {
    const failure = failureOf(error);
    throw new Failure(
      failure.kind,
      failure.message,
      `make it first (mkdir -p ${folder}), or mount the disk that it is on`,
    );
  }
  throw new Failure('environment', `${folder} is not a directory`, '--folder names the directory to sync');
}
