import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sameBytes } from '../../protocol/bytes.ts';
import { Kind } from '../../protocol/messages.ts';
import {
  checkFacts,
  checkPath,
  conflictPath,
  EMPTY_CONTENT,
  isConflictName,
  joinPath,
  nameOf,
  parentOf,
  printable,
} from '../../protocol/path.ts';
import { isUtf8 } from '../../protocol/utf8.ts';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const utf8 = (text: string) => Uint8Array.from(Buffer.from(text));
const text = (path: Uint8Array) => Buffer.from(path).toString();

describe('path: check', () => {
  test.each([
    'a',
    'a/b/c',
    '.a',
    '..a',
    '...',
    'a/...',
    'a..',
    'a/.toastbox',
    '.toastbo',
    '.toastboxes',
    '.toastboxignore',
    'x.toastbox',
    ' ',
    '~',
    '-rf',
    'a\\..\\b',
    'a\nb',
    '\xff\xfe',
    'C:',
    'n'.repeat(255),
    `${'d'.repeat(99)}/`.repeat(40) + 'n'.repeat(95),
  ])('%j -> fine', path => {
    expect(checkPath(bytes(path))).toBeUndefined();
  });

  test.each([
    ['', 'empty path'],
    ['/', 'empty part'],
    ['/a', 'empty part'],
    ['a/', 'empty part'],
    ['a//b', 'empty part'],
    ['.', 'dot part'],
    ['..', 'dot part'],
    ['../a', 'dot part'],
    ['a/..', 'dot part'],
    ['a/../b', 'dot part'],
    ['a/./b', 'dot part'],
    ['a/.', 'dot part'],
    ['a\0b', 'NUL in path'],
    ['\0', 'NUL in path'],
    ['n'.repeat(256), 'name too long'],
    [`a/${'n'.repeat(256)}`, 'name too long'],
    [`${'d'.repeat(99)}/`.repeat(40) + 'n'.repeat(96), 'path too long'],
    ['.toastbox', 'reserved name'],
    ['.toastbox/state', 'reserved name'],
    ['.ToastBox', 'reserved name'],
    ['.TOASTBOX/x', 'reserved name'],
    ['.toastbox.', 'reserved name'],
    ['.toastbox..../x', 'reserved name'],
  ])('%j -> %s', (path, fault) => {
    expect(checkPath(bytes(path))).toBe(fault);
  });

  test('random bytes -> fine only if every part is a name the system could make', () => {
    const part = fc.constantFrom('', '.', '..', 'a', 'b\0', '.toastbox', '\xff', '...');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), parts => {
        const isFine =
          parts.length > 0 &&
          parts.every(name => name !== '' && name !== '.' && name !== '..' && !name.includes('\0')) &&
          parts[0] !== '.toastbox';
        expect(checkPath(bytes(parts.join('/'))) === undefined).toBe(isFine);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe('path: facts', () => {
  const id = new Uint8Array(16).fill(7);
  const none = new Uint8Array(0);
  const target = bytes('../elsewhere');

  test.each([
    [Kind.FILE, 5, id],
    [Kind.FILE, 0, EMPTY_CONTENT],
    [Kind.DIRECTORY, 0, none],
    [Kind.ABSENT, 0, none],
    [Kind.SYMLINK, 0, target],
    [Kind.SYMLINK, 0, new Uint8Array(4095).fill(97)],
    [Kind.SYMLINK, 0, id],
  ])('kind %i, size %i -> fine', (kind, size, content) => {
    expect(checkFacts({ kind, size, content })).toBeUndefined();
  });

  test.each([
    [Kind.FILE, 5, none, 'content is no id'],
    [Kind.FILE, 5, target, 'content is no id'],
    [Kind.FILE, 0, id, 'size and content differ'],
    [Kind.FILE, 1, EMPTY_CONTENT, 'size and content differ'],
    [Kind.DIRECTORY, 1, none, 'size of no file'],
    [Kind.DIRECTORY, 0, id, 'content of no file'],
    [Kind.ABSENT, 0, id, 'content of no file'],
    [Kind.ABSENT, 1, none, 'size of no file'],
    [Kind.SYMLINK, 1, target, 'size of no file'],
    [Kind.SYMLINK, 0, none, 'target length'],
    [Kind.SYMLINK, 0, new Uint8Array(4096).fill(97), 'target length'],
    [Kind.SYMLINK, 0, bytes('a\0b'), 'NUL in target'],
    [4, 0, none, 'unknown kind'],
  ])('kind %i, size %i, %j -> %s', (kind, size, content, fault) => {
    expect(checkFacts({ kind, size, content })).toBe(fault);
  });
});

describe('path: parts', () => {
  test.each([
    ['a', '', 'a'],
    ['a/b', 'a', 'b'],
    ['a/b/c', 'a/b', 'c'],
  ])('%s -> parent %j and name %s, joined again', (path, parent, name) => {
    expect(text(parentOf(bytes(path)))).toBe(parent);
    expect(text(nameOf(bytes(path)))).toBe(name);
    expect(text(joinPath(bytes(parent), bytes(name)))).toBe(path);
  });

  test('join -> owns its bytes', () => {
    const name = bytes('a');
    const path = joinPath(bytes(''), name);
    name[0] = 0;
    expect(text(path)).toBe('a');
  });
});

describe('path: conflict names', () => {
  // 2024-08-05 13:04:09 UTC
  const time = Date.UTC(2024, 7, 5, 13, 4, 9, 999);
  const conflict = (path: string, attempt = 0) => text(conflictPath(utf8(path), 'kitchen', time, attempt));

  test.each([
    ['a.txt', 0, 'a.conflict-kitchen-20240805-130409.txt'],
    ['a.txt', 2, 'a.conflict-kitchen-20240805-130409-2.txt'],
    ['a', 0, 'a.conflict-kitchen-20240805-130409'],
    ['.profile', 0, '.profile.conflict-kitchen-20240805-130409'],
    ['.config.json', 0, '.config.conflict-kitchen-20240805-130409.json'],
    ['a.tar.gz', 0, 'a.tar.conflict-kitchen-20240805-130409.gz'],
    ['a.', 0, 'a.conflict-kitchen-20240805-130409.'],
    ['x.y/z.w/b.c', 1, 'x.y/z.w/b.conflict-kitchen-20240805-130409-1.c'],
    ['x.y/b', 0, 'x.y/b.conflict-kitchen-20240805-130409'],
    ['né.txt', 0, 'né.conflict-kitchen-20240805-130409.txt'],
  ])('%s, attempt %i -> %s', (path, attempt, copy) => {
    expect(conflict(path, attempt)).toBe(copy);
    expect(isConflictName(nameOf(utf8(copy)))).toBe(true);
  });

  test.each([
    'a.conflict-kitchen.txt',
    '.conflict-kitchen-20240805-130409',
    'a.conflict--20240805-130409.txt',
    'a.conflict-kitchen-20240805-1304.txt',
    'a.conflict-kitchen-20240805-130409~',
    'conflict-kitchen-20240805-130409.txt',
  ])('%s -> no conflict copy', name => {
    expect(isConflictName(utf8(name))).toBe(false);
  });

  test('a long stem -> cut to 255 bytes, the extension kept', () => {
    const copy = conflict(`d/${'s'.repeat(251)}.txt`);
    expect(copy).toMatch(/^d\/s+\.conflict-kitchen-20240805-130409\.txt$/);
    expect(copy.length - 2).toBe(255);
  });

  test('an extension that leaves no stem -> counts as stem', () => {
    const copy = conflict(`a.${'e'.repeat(253)}`);
    expect(copy).toMatch(/^a\.e+\.conflict-kitchen-20240805-130409$/);
    expect(copy).toHaveLength(255);
  });

  test('a cut inside a UTF-8 sequence -> before the sequence', () => {
    for (const letter of ['é', '€', '😀']) {
      for (let shift = 0; shift < 4; shift++) {
        const stem = 'a'.repeat(shift) + letter.repeat(Math.floor((255 - shift) / Buffer.byteLength(letter)));
        const copy = conflictPath(utf8(stem), 'kitchen', time, 0);
        expect(isUtf8(copy)).toBe(true);
        expect(copy.length).toBeLessThanOrEqual(255);
        expect(copy.length).toBeGreaterThan(255 - 4);
      }
    }
  });

  test('bytes that are no UTF-8 -> kept, cut at any byte', () => {
    const copy = conflictPath(new Uint8Array(255).fill(0xbf), 'kitchen', time, 0);
    expect(copy).toHaveLength(255);
    expect(copy[0]).toBe(0xbf);
  });

  test('a parent with little room -> cut to the path bound; with none -> in a directory above', () => {
    const parent = (length: number) =>
      `${'d'.repeat(99)}/`
        .repeat(41)
        .slice(0, length - 1)
        .padEnd(length, 'x');
    const tight = conflictPath(utf8(`${parent(4000)}/${'n'.repeat(94)}`), 'kitchen', time, 0);
    expect(tight).toHaveLength(4095);
    expect(checkPath(tight)).toBeUndefined();
    const none = conflictPath(utf8(`${parent(4093)}/n`), 'kitchen', time, 0);
    expect(checkPath(none)).toBeUndefined();
    expect(text(none)).toMatch(/^(d{99}\/){40}n\.conflict-kitchen-[0-9-]+$/);
  });

  test('clocks that are wrong -> still a name', () => {
    expect(text(conflictPath(utf8('a'), 'b', -5, 0))).toBe('a.conflict-b-19700101-000000');
    expect(text(conflictPath(utf8('a'), 'b', Number.MAX_SAFE_INTEGER, 0))).toBe(
      'a.conflict-b-99991231-235959',
    );
  });

  test('any name, board, time -> checks, is another name, and keeps its parent', () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 255 })
      .map(raw => raw.map(byte => (byte === 0 || byte === 0x2f ? 0x2e : byte)));
    fc.assert(
      fc.property(
        name,
        fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
        fc.nat(99),
        (raw, board, attempt) => {
          const path = joinPath(utf8('dir'), raw);
          if (checkPath(path) !== undefined) return;
          const copy = conflictPath(path, board, time, attempt);
          expect(checkPath(copy)).toBeUndefined();
          expect(text(parentOf(copy))).toBe('dir');
          expect(sameBytes(copy, path)).toBe(false);
          expect(isUtf8(copy) || !isUtf8(path)).toBe(true);
        },
      ),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe('path: printable', () => {
  test.each([
    [utf8('plain/é€😀'), 'plain/é€😀'],
    [bytes('a\xffb'), 'a\\xffb'],
    [bytes('\xc3'), '\\xc3'],
    [bytes('\xc3\xa9\xa9'), 'é\\xa9'],
    [utf8('a\nb\x1b[31m\x7f'), 'a\\u{a}b\\u{1b}[31m\\u{7f}'],
    [utf8('\u009b31m'), '\\u{9b}31m'],
    [utf8('exe\u202egpj'), 'exe\\u{202e}gpj'],
    [utf8('\ufeffa\u2028'), '\\u{feff}a\\u{2028}'],
    [utf8('a\\xff'), 'a\\\\xff'],
    [bytes(''), ''],
  ])('%j -> %s', (path, line) => {
    expect(printable(path)).toBe(line);
  });

  test('any bytes -> no control character, and other bytes read otherwise', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), raw => {
        const line = printable(raw);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        const key = Buffer.from(raw).toString('hex');
        expect(seen.get(line) ?? key).toBe(key);
        seen.set(line, key);
      }),
      { seed: 1, numRuns: 5000 },
    );
  });
});
