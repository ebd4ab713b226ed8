// `toastbox gateway`: settings to GatewayOptions, then runs it to its end.

import { join } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { isLoopback, refuseOpenDoor } from '../../gateway/guard.ts';
import type { ListenOptions, RunningGateway } from '../../gateway/options.ts';
import { shownUrl } from '../../transport/endpoint.ts';
import { type Exit, portFailureOf } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import type { HostPort } from '../options/kinds.ts';
import type { SettingsOf } from '../options/table.ts';
import { loadGateway } from '../running/load.ts';
import { reportTo, runToEnd } from '../running/run.ts';
import { screenFor } from '../screen/screen.ts';
import { linkOptionsOf } from '../settings/broker.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { probe, probeKey } from '../settings/secrets.ts';

const LISTEN = { host: '127.0.0.1', port: 1883 };

export async function gatewayCommand(invocation: Invocation): Promise<Exit> {
  const { words, world } = invocation;
  const { settings, warnings } = resolveSettings('gateway', words, world);
  const screen = screenFor(invocation, settings);
  const warn = (text: string) => screen.warn(`warn: ${text}`);
  for (const warning of warnings) warn(warning);
  const { data, folder = join(data, 'folders'), broker, listen = LISTEN } = settings;
  const link = linkOptionsOf(settings, warn);
  const shownBroker = broker && shownUrl(broker);
  const door = broker === undefined ? doorOf(settings, listen, warn) : undefined;
  if (door?.isOpen && !isLoopback(door.host))
    warn(`--open: whoever reaches ${door.host}:${door.port} may read and write every folder`);
  return runToEnd(
    screen,
    async () => {
      const startGateway = await loadGateway();
      return startGateway({
        ...link,
        ...(door === undefined ? { broker: broker as string } : { listen: door }),
        ...(settings.grants !== undefined && { grantsFile: settings.grants }),
        sharesMax: settings['max-shares'],
        data,
        folder,
        arenaBytes: settings.arena,
        rescanSeconds: settings.rescan,
        watches: settings.watches,
        keepDays: settings['keep-days'],
        keepBytes: settings['keep-bytes'],
        ...reportTo(screen),
      }).catch(error => {
        throw broker === undefined ? portFailureOf(error, listen) : error;
      });
    },
    running => {
      const { port } = running as RunningGateway;
      const at = shownBroker ?? `its own broker at ${listen.host}:${port ?? listen.port}`;
      screen.say(`toastbox gateway: plain copies in ${folder}, through ${at} (pid ${process.pid})`);
    },
    { beats: { file: undefined, env: world.env, warn } },
  );
}

/** The built-in broker and whom it lets in. Refuses what cannot work, or would let in everyone by mistake. */
function doorOf(
  settings: SettingsOf<'gateway'>,
  { host, port }: HostPort,
  warn: (text: string) => void,
): ListenOptions {
  const { open, users, 'listen-cert': certFile, 'listen-key': keyFile, 'client-ca': clientCaFile } = settings;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new Failure('usage', '--listen-cert and --listen-key go together: give both or none');
  if (clientCaFile !== undefined && certFile === undefined)
    throw new Failure('usage', '--client-ca needs TLS: give --listen-cert and --listen-key');
  for (const file of [certFile, clientCaFile]) if (file !== undefined) probe(file);
  if (keyFile !== undefined) probeKey(keyFile, warn);
  const door = {
    host,
    port,
    isOpen: open,
    ...(users !== undefined && { usersFile: users }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
    ...(clientCaFile !== undefined && { clientCaFile }),
  };
  refuseOpenDoor({ ...door, tls: { clientCa: clientCaFile } });
  return door;
}
