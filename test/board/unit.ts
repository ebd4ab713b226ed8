// The agent's systemd unit, read as text: `key=value` lines, of which keys here stand once.

import { readFileSync } from 'node:fs';

const UNIT = new URL('../../board/systemd/toastbox-agent.service', import.meta.url);

/** The value of a key in the unit. */
export function unitValue(key: string): string {
  const lines = readFileSync(UNIT, 'utf8').split('\n');
  const values = lines.filter(line => line.startsWith(`${key}=`)).map(line => line.slice(key.length + 1));
  if (values.length !== 1) throw new Error(`${key} stands ${values.length} times in ${UNIT.pathname}`);
  return values[0]!;
}

/** Bytes of MemoryMax. */
export function unitMemoryBytes(): number {
  const [, mebibytes] = /^(\d+)M$/.exec(unitValue('MemoryMax')) ?? [];
  if (mebibytes === undefined) throw new Error('MemoryMax is not in M');
  return Number(mebibytes) * 2 ** 20;
}
