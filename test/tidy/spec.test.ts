// SPEC.md and the tables in protocol/ are the same: what another implementation reads is what this one does.

import { describe, expect, test } from 'vitest';
import * as limits from '../../protocol/limits.ts';
import { Kind, MESSAGES, Verdict } from '../../protocol/messages.ts';
import type { MessageKind } from '../../protocol/schema.ts';
import { readText } from './repo.ts';

const spec = readText('SPEC.md');

/** One line without comments, spaces only where CDDL needs them. */
const squeeze = (cddl: string) =>
  cddl
    .replace(/;.*$/gm, '')
    .replace(/\s+/g, ' ')
    .replace(/\s*([[\],:])\s*/g, '$1')
    .trim();

const cddlOf = ({ type, fields }: MessageKind) =>
  `[${type}, ${Object.entries(fields)
    .map(([name, field]) => `${field.absent === undefined ? '' : '? '}${name}: ${field.cddl}`)
    .join(', ')}]`;

const blocks = [...spec.matchAll(/```cddl\n([\s\S]*?)```/g)].map(match => match[1]!);

describe('spec: messages', () => {
  test.each(MESSAGES.map(kind => [kind.name, kind as MessageKind] as const))(
    '%s -> its CDDL',
    (name, kind) => {
      const block = blocks.find(text => text.startsWith(`${name} = `)) ?? '';
      expect(squeeze(block)).toBe(squeeze(`${name} = ${cddlOf(kind)}`));
      const section = spec.indexOf(`\n${name} = `) > spec.indexOf('\n### Down') ? 'down' : 'up';
      expect(section).toBe(kind.way);
    },
  );

  test('the list of all -> names each, and nothing else', () => {
    const list = /frame-header = ([^`]*)/.exec(spec)![1]!;
    expect(list.split('/').map(name => name.trim())).toEqual(MESSAGES.map(kind => kind.name));
    expect(blocks).toHaveLength(MESSAGES.length + 1);
  });
});

describe('spec: numbers', () => {
  const rows = new Map(
    [...spec.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map(match => [match[1]!, Number(match[2])]),
  );
  // What no peer sees, or what another table has.
  const elsewhere = ['VERSION_MIN', 'VERSION_MAX', 'BLOCK_BYTES_AIM', 'LABEL'];

  test('every limit -> in the table, with its value', () => {
    const expected = Object.entries(limits).filter(([name]) => !elsewhere.includes(name));
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(expected));
  });

  test('the version and the label -> as in the code', () => {
    expect(spec).toMatch(new RegExp(`^# Toastbox protocol, version ${limits.VERSION_MAX}$`, 'm'));
    expect(spec).toContain(`\`${limits.LABEL.source.slice(1, -1)}\``);
  });

  test.each(Object.entries({ ...Verdict, ...Kind }))('%s -> its number %i', (name, number) => {
    expect(spec).toMatch(new RegExp(`^\\| ${number} \\| ${name}\\b`, 'm'));
  });
});
