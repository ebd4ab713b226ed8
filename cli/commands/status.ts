// `toastbox status`: what a running agent or gateway does, in words or as JSON.

import type { AgentStatus } from '../../agent/status.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import type { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { showLive } from '../running/live.ts';
import { reportOf } from '../screen/report.ts';
import { resolveSettings } from '../settings/resolve.ts';

export async function statusCommand(invocation: Invocation): Promise<Exit> {
  const { settings } = resolveSettings('status', invocation.words, invocation.world);
  return showLive(invocation, settings, 'status', answer =>
    reportOf(answer as AgentStatus | GatewayStatus, Date.now()),
  );
}
