// A systemd unit of ours, read as text: `key=value` lines, of which keys here stand once.

import { readFileSync } from 'node:fs';

export type UnitName = 'agent' | 'gateway';

/** The value of a key in the unit. */
export function unitValue(name: UnitName, key: string): string {
  const path = new URL(`../../board/systemd/toastbox-${name}.service`, import.meta.url);
  const lines = readFileSync(path, 'utf8').split('\n');
  const values = lines.filter(line => line.startsWith(`${key}=`)).map(line => line.slice(key.length + 1));
  if (values.length !== 1) throw new Error(`${key} stands ${values.length} times in ${path.pathname}`);
  return values[0]!;
}

/** Bytes of a limit such as MemoryMax. */
export function unitBytes(name: UnitName, key: string): number {
  const [, mebibytes] = /^(\d+)M$/.exec(unitValue(name, key)) ?? [];
  if (mebibytes === undefined) throw new Error(`${key} is not in M`);
  return Number(mebibytes) * 2 ** 20;
}
