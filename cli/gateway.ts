// `toastbox gateway`: settings to GatewayOptions, then runs it to its end.

import { join } from 'node:path';
import type { RunningGateway } from '../gateway/options.ts';
import { linkOptionsOf } from './broker.ts';
import { type Exit, portFailureOf } from './exits.ts';
import type { Invocation } from './invocation.ts';
import { loadGateway } from './load.ts';
import { reportTo, runToEnd } from './run.ts';
import { Screen } from './screen.ts';
import { resolveSettings } from './settings.ts';

const LISTEN = { host: '127.0.0.1', port: 1883 };

export async function gatewayCommand({ words, world, out, errors }: Invocation): Promise<Exit> {
  const { settings, warnings } = resolveSettings('gateway', words, world);
  const screen = new Screen({
    out,
    errors,
    progress: settings.progress as 'auto' | 'lines' | 'none',
    isQuiet: settings.quiet,
  });
  const warn = (text: string) => screen.warn(`warn: ${text}`);
  for (const warning of warnings) warn(warning);
  const { data, folder = join(data, 'folders'), broker, listen = LISTEN } = settings;
  const link = linkOptionsOf(settings, warn);
  if (broker === undefined && !isLoopback(listen.host))
    warn(`whoever reaches ${listen.host}:${listen.port} may read and write every folder`);
  return runToEnd(
    screen,
    async () => {
      const startGateway = await loadGateway();
      return startGateway({
        ...link,
        ...(broker === undefined ? { listen } : { broker }),
        data,
        folder,
        arenaBytes: settings.arena,
        rescanSeconds: settings.rescan,
        watches: settings.watches,
        ...reportTo(screen),
      }).catch(error => {
        throw broker === undefined ? portFailureOf(error, listen) : error;
      });
    },
    running => {
      const { port } = running as RunningGateway;
      const at = broker ?? `its own broker at ${listen.host}:${port ?? listen.port}`;
      screen.say(`toastbox gateway: plain copies in ${folder}, through ${at} (pid ${process.pid})`);
    },
  );
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.');
