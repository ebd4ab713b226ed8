// `toastbox memory`: the memory ledger of a running agent or gateway, in words with a map, or as JSON.

import type { AgentLedger } from '../../agent/memory/ledger.ts';
import type { GatewayLedger } from '../../gateway/memory.ts';
import type { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { showLive } from '../running/live.ts';
import { ledgerOf } from '../screen/ledger.ts';
import { resolveSettings } from '../settings/resolve.ts';

/** In a file and where the terminal does not say. */
const COLUMNS = 80;
/** An arena of 8 MiB, a page a character, 64 of them a row. */
const ROWS_MAX = 32;

export async function memoryCommand(invocation: Invocation): Promise<Exit> {
  const { words, world, out } = invocation;
  const { settings } = resolveSettings('memory', words, world);
  // https://no-color.org: set and not empty.
  const hasColours = out.isTTY === true && !world.env.NO_COLOR && world.env.TERM !== 'dumb';
  return showLive(invocation, settings, 'memory', answer => {
    const map = { columns: out.columns ?? COLUMNS, rowsMax: ROWS_MAX, hasColours };
    // What is shown again and again has to fit the screen; what is shown once may scroll.
    const rows = settings.watch && out.isTTY ? out.rows : undefined;
    return ledgerOf(answer as AgentLedger | GatewayLedger, Date.now(), map, rows);
  });
}
