import { expect, test } from 'vitest';
import { planOf } from '../../agent/plan.ts';
import { Exit } from '../../cli/exits.ts';
import { read } from '../../cli/kinds.ts';
import { COMMANDS } from '../../cli/options.ts';
import { unitMemoryBytes, unitValue } from './unit.ts';

test('unit: its memory -> an agent with the usual options fits, by its own plan', () => {
  const { arena, watches } = COMMANDS.agent.options;
  const arenaBytes = read('size', arena.default, {}, '') as number;
  const ask = { arenaBytes, watches: Number(watches.default), ramBytes: unitMemoryBytes() };
  expect(planOf(ask).misfits).toEqual([]);
});

test('unit: started by its name, so that the heap is bounded; a mistake in the options -> not started again', () => {
  expect(unitValue('ExecStart')).toMatch(/^\/usr\/local\/bin\/toastbox agent --config \S+$/);
  expect(unitValue('RestartPreventExitStatus')).toBe(String(Exit.USAGE));
});
