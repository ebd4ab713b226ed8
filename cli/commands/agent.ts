// `toastbox agent`: settings to AgentOptions, then runs it to its end.

import { join } from 'node:path';
import { RESERVED_NAME } from '../../protocol/path.ts';
import { shownUrl } from '../../transport/endpoint.ts';
import type { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { loadAgent } from '../running/load.ts';
import { reportTo, runToEnd } from '../running/run.ts';
import { screenFor } from '../screen/screen.ts';
import { linkOptionsOf } from '../settings/broker.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { checkFit } from './plan.ts';

export async function agentCommand(invocation: Invocation): Promise<Exit> {
  const { words, world } = invocation;
  const { settings, warnings } = resolveSettings('agent', words, world);
  const screen = screenFor(invocation, settings);
  const warn = (text: string) => screen.warn(`warn: ${text}`);
  for (const warning of warnings) warn(warning);
  const { folder, broker, name, share = name, state = join(folder, RESERVED_NAME) } = settings;
  const link = linkOptionsOf(settings, warn);
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
        clockFile: settings['clock-file'],
        noticeFile: settings['notice-file'],
        ...reportTo(screen),
      });
    },
    () => {
      const as = share === name ? '' : `, share ${share}`;
      screen.say(`toastbox agent ${name}${as}: ${folder} through ${shownUrl(broker)} (pid ${process.pid})`);
    },
    { beats: { file: settings.pulse, env: world.env, warn } },
  );
}
