// Names that no peer may use, each with every effect that takes a path: refused, and nothing in the folder, in the
// agent's own state or outside is read, made, changed or gone. And odd names that a file may have: each effect does its
// work under that very name.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toStat } from '../../agent/disk/stat.ts';
import type { Effect, Event, Stat } from '../../agent/engine/ports.ts';
import { NAME_BYTES_MAX, PATH_BYTES_MAX } from '../../protocol/limits.ts';
import { ask, type Bench, look, mustLook, openBench, stage } from './bench.ts';
import { closeGround, openQuickGround } from './ground.ts';

const SECRET = 'SECRET';
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

/** `way` leads outside, `here` to the folder itself, `dir` is a directory, `file` a file. */
function hostileNames(outside: string): string[] {
  const up = ['..', '../', '../..', '../outside', '../outside/file', '../folder/file', '../../etc/passwd'];
  const rooted = ['/', '//', '/etc/passwd', '/proc/self/environ', '/dev/null', outside, `${outside}/file`];
  const dots = ['.', './', './file', 'dir/.', 'dir/./file', './dir/file', '././file', 'dir/../file'];
  const empty = ['', 'file/', 'dir/', 'dir//file', '//file', 'dir///'];
  const nul = ['\0', 'file\0', '\0file', 'dir/\0', 'dir\0/file', 'file\0.txt', '..\0', 'way\0/file'];
  const own = ['.toastbox', '.TOASTBOX', '.ToastBox', '.toastbox.', '.toastbox...'];
  const state = own.flatMap(name => [
    name,
    ...['folder', 'stage', 'stage/1', 'catalog', 'x', 'a/b'].map(at => `${name}/${at}`),
  ]);
  const links = ['way/file', 'way/empty', 'way/sub/deep', 'here/file', 'here/.toastbox/folder', 'way/..'];
  const long = [
    'n'.repeat(NAME_BYTES_MAX + 1),
    `dir/${'n'.repeat(NAME_BYTES_MAX + 1)}`,
    `${'d/'.repeat(PATH_BYTES_MAX / 2)}file`,
    '../'.repeat(1_000),
  ];
  const below = ['dir', 'dir/sub', 'dir/sub/sub', 'none', 'none/none', 'file', 'way', 'here'].flatMap(base =>
    up.flatMap(name => [`${base}/${name}`, `${base}/../${name}`, `${base}/${name}/file`]),
  );
  const mixed = up.flatMap(name => rooted.slice(2).map(end => `${name}/${end}`));
  const doubled = up.flatMap(name => own.map(end => `${name}/${end}`));
  const all = [up, rooted, dots, empty, nul, state, links, long, below, mixed, doubled].flat();
  return [...new Set(all)];
}

/** `inside` is of the file called file. */
function effects(at: Uint8Array, expect: Stat, inside: Stat): [Effect, Event['is']][] {
  const free = bytes('free');
  return [
    [{ do: 'list', dir: at }, 'listed'],
    [{ do: 'look', path: at }, 'looked'],
    [{ do: 'examine', path: at, staged: undefined }, 'examined'],
    [{ do: 'gather', items: [{ path: at, expect }] }, 'gathered'],
    [{ do: 'read', path: at, offset: 0, length: 6 }, 'read'],
    [{ do: 'readTarget', path: at }, 'target'],
    [{ do: 'copy', slot: 1, offset: 0, from: at, expect, fromOffset: 0, length: 6 }, 'wrote'],
    [{ do: 'place', items: [{ slot: 1, path: at, mode: 0o600, mtime: 0, expect: undefined }] }, 'placed'],
    [{ do: 'place', items: [{ slot: 1, path: at, mode: 0o600, mtime: 0, expect }] }, 'placed'],
    [{ do: 'makeDirectory', path: at, mode: 0o755 }, 'did'],
    [{ do: 'makeSymlink', path: at, target: free, mtime: 0, expect: undefined }, 'did'],
    [{ do: 'makeSymlink', path: at, target: free, mtime: 0, expect }, 'did'],
    [{ do: 'remove', path: at, expect }, 'did'],
    [{ do: 'retouch', path: at, mode: 0o777, mtime: 5_000_000, expect }, 'did'],
    [{ do: 'setAside', path: at, to: free, expect }, 'did'],
    [{ do: 'setAside', path: bytes('file'), to: at, expect: inside }, 'did'],
  ];
}

function troubleOf(event: Event): string | undefined {
  if (event.is === 'placed') return event.items[0]?.trouble?.code;
  // What cannot be read whole goes the long way, which is refused.
  if (event.is === 'gathered') return event.files[0]?.is === 'other' ? 'REFUSED' : undefined;
  return 'trouble' in event ? event.trouble?.code : undefined;
}

/** All that is under the home of folder and outside, but for the staged file, which is ours to make and to drop. */
function snapshot(bench: Bench): string[] {
  const home = join(bench.root, '..');
  const names = fs.readdirSync(home, { recursive: true, encoding: 'latin1' }).sort();
  return names
    .filter(name => !name.includes('.toastbox/stage'))
    .map(name => {
      const place = Buffer.from(join(home, name), 'latin1');
      const { mode, mtimeMs, size, ino } = fs.lstatSync(place);
      const isFile = (mode & 0o170000) === 0o100000;
      return [name, mode, ino, ...(isFile ? [mtimeMs, size, fs.readFileSync(place, 'latin1')] : [])].join(
        ' ',
      );
    });
}

function openFurnished(): Bench {
  const bench = openBench(openQuickGround());
  fs.mkdirSync(join(bench.root, 'dir/sub'), { recursive: true });
  for (const name of ['file', 'dir/file', 'dir/sub/file']) fs.writeFileSync(join(bench.root, name), 'inside');
  fs.writeFileSync(join(bench.outside, 'file'), SECRET);
  fs.mkdirSync(join(bench.outside, 'empty'));
  fs.mkdirSync(join(bench.outside, 'sub/deep'), { recursive: true });
  fs.symlinkSync(bench.outside, join(bench.root, 'way'));
  fs.symlinkSync('.', join(bench.root, 'here'));
  return bench;
}

test('hostile: some 300 names with every effect -> each is refused, nothing is touched', () => {
  const bench = openFurnished();
  try {
    const names = hostileNames(bench.outside);
    expect(names.length).toBeGreaterThan(300);
    const before = snapshot(bench);
    const wrong: string[] = [];
    // As an attacker would have it: what stands there is announced as expected.
    const canary = toStat(fs.lstatSync(join(bench.outside, 'file')));
    for (const name of names) {
      stage(bench, 1, bytes('staged'));
      bench.arena.run.fill(0);
      const inside = mustLook(bench, bytes('file'));
      for (const [effect, answer] of effects(bytes(name), canary, inside)) {
        // The root may be listed and looked at, by the empty path alone.
        if (name === '' && (effect.do === 'list' || effect.do === 'look')) continue;
        const code = troubleOf(ask(bench, effect, answer));
        bench.events.length = 0;
        if (code !== 'REFUSED') wrong.push(`${JSON.stringify(name.slice(0, 60))} ${effect.do}: ${code}`);
      }
      bench.disk.carry({ do: 'keep', path: bytes(name) });
      bench.disk.carry({ do: 'watch', dir: bytes(name), isActive: true });
      expect(Buffer.from(bench.arena.run).includes(SECRET)).toBe(false);
      bench.disk.carry({ do: 'unstage', slot: 1 });
    }
    expect(wrong).toEqual([]);
    expect(snapshot(bench)).toEqual(before);
    expect(ask(bench, { do: 'sync' }, 'synced').trouble).toBeUndefined();
  } finally {
    bench.disk.close();
    closeGround(bench);
  }
});

const ODD = [
  ...[
    ' ',
    '  a',
    'a ',
    '-rf',
    '--',
    '~',
    '~root',
    '*',
    '?',
    '[a]',
    '{a,b}',
    '$HOME',
    '`id`',
    '$(id)',
    ';',
    '|',
  ],
  ...[
    '&',
    '>',
    '<',
    '!',
    '#',
    '%s%n',
    '"',
    "'",
    '\\',
    'a\\..\\b',
    'C:',
    'C:\\x',
    'CON',
    'nul',
    'a:b',
    'a\nb',
    '\n',
  ],
  ...[
    '\r',
    '\t',
    '\x07',
    '\x1b[31m',
    '\x7f',
    '\xff',
    '\xfe\xff',
    '\xc3',
    '\xc0\xaf',
    '\xed\xa0\x80',
    'gr\xc3\xbcn',
  ],
  ...[
    'gru\xcc\x88n',
    '\xe2\x80\xae.txt',
    '...',
    '..a',
    'a..',
    '.hidden',
    '.toastboxignore',
    '.toastboxes',
    'x.toastbox',
  ],
  ...[
    'dir/.toastbox',
    'dir/...',
    'n'.repeat(NAME_BYTES_MAX),
    '\xff'.repeat(NAME_BYTES_MAX),
    'file.conflict-a-1',
  ],
];

test.each(ODD)('hostile: a file may be called %j -> each effect works on that very name', name => {
  const bench = openFurnished();
  try {
    const at = bytes(name);
    const to = bytes('moved');
    stage(bench, 1, bytes('odd'));
    const items = [{ slot: 1, path: at, mode: 0o644, mtime: 1_000_000, expect: undefined }];
    expect(ask(bench, { do: 'place', items }, 'placed').items[0]?.trouble).toBeUndefined();
    const place = Buffer.concat([Buffer.from(`${bench.root}/`), at]);
    expect(fs.readFileSync(place, 'latin1')).toBe('odd');
    const read = ask(bench, { do: 'read', path: at, offset: 0, length: 3 }, 'read');
    expect([read.bytes, read.trouble]).toEqual([3, undefined]);
    const retouch = {
      do: 'retouch',
      path: at,
      mode: 0o600,
      mtime: 5_000_000,
      expect: mustLook(bench, at),
    } as const;
    expect(ask(bench, retouch, 'did').trouble).toBeUndefined();
    expect(
      ask(bench, { do: 'setAside', path: at, to, expect: mustLook(bench, at) }, 'did').trouble,
    ).toBeUndefined();
    expect(look(bench, at)).toBeUndefined();
    expect(
      ask(bench, { do: 'setAside', path: to, to: at, expect: mustLook(bench, to) }, 'did').trouble,
    ).toBeUndefined();
    expect(
      ask(bench, { do: 'remove', path: at, expect: mustLook(bench, at) }, 'did').trouble,
    ).toBeUndefined();
    expect(fs.existsSync(place)).toBe(false);
  } finally {
    bench.disk.close();
    closeGround(bench);
  }
});
