// The house rules that a machine can hold: who imports whom, no circles, names, sizes, no clock or chance where
// things are decided. Reads every source; must stay under two seconds, for `npm run check` runs it.

import { describe, expect, test } from 'vitest';
import { AREAS, importsOf, readSources, readText, type Source, stripped } from './repo.ts';

const sources = readSources(AREAS);
const production = sources.filter(({ path }) => !path.startsWith('test/') && !path.startsWith('bench/'));
const imports = new Map(sources.map(source => [source.path, importsOf(source)]));
const within = (path: string, place: string) => path === place || path.startsWith(`${place}/`);

/**
 * Who may import whom: the first row that a file's path fits. Places end at a '/' or are one file; what has no '/'
 * and is no area is a package; `node:` is any module of Node, `node:x` that one. A file may always import from its own
 * place.
 */
const TABLE: readonly (readonly [place: string, mayImport: readonly string[]])[] = [
  ['assembly', []],
  ['protocol/cbor.ts', ['protocol', 'cbor-x', 'node:module']],
  ['protocol', ['cbor-x']],
  ['transport', ['protocol', 'mqtt', 'node:']],
  // The catalog's tree reads its pages through a port: PageFile.
  ['agent/arena', ['agent/engine/ports.ts', 'node:']],
  ['agent/engine', ['agent/arena', 'agent/gauge.ts', 'protocol']],
  [
    'agent/disk',
    ['agent/engine/ports.ts', 'agent/gauge.ts', 'agent/litter.ts', 'protocol', 'ignore', 'node:'],
  ],
  ['agent/memory', ['agent/gauge.ts', 'agent/machine.ts', 'agent/arena', 'transport/link.ts', 'node:']],
  ['agent/gauge.ts', []],
  ['agent', ['protocol', 'transport', 'node:']],
  // Who decides knows the store by its port only.
  ['gateway/hub', ['gateway/store/port.ts', 'agent/engine/ports.ts', 'agent/gauge.ts', 'protocol']],
  ['gateway/store', ['agent', 'protocol', 'lmdb', 'node:']],
  ['gateway/plain', ['gateway/hub/ports.ts', 'agent', 'protocol', 'transport', 'node:']],
  ['gateway', ['protocol', 'transport', 'agent', 'aedes', 'node:']],
  // Each knows of those above it; on top of all stand commands, enter.ts and main.ts.
  ['cli/exits.ts', ['agent']],
  ['cli/screen', ['cli/exits.ts', 'protocol', 'agent', 'gateway']],
  ['cli/options', ['cli/exits.ts', 'cli/screen', 'protocol', 'agent', 'node:']],
  [
    'cli/settings',
    ['cli/exits.ts', 'cli/screen', 'cli/options', 'protocol', 'agent', 'gateway', 'smol-toml', 'node:'],
  ],
  ['cli/card', ['cli/screen', 'cli/options', 'cli/settings', 'transport', 'agent', 'node:']],
  [
    'cli/running',
    [
      'cli/exits.ts',
      'cli/invocation.ts',
      'cli/screen',
      'cli/settings',
      'protocol',
      'agent',
      'gateway',
      'node:',
    ],
  ],
  ['cli', ['protocol', 'transport', 'agent', 'gateway', 'node:']],
  // What is bundled may import all that is bundled; what bundles, packs and boots has no part in any of it.
  ['board/programs', ['cli', 'gateway', 'node:']],
  ['board', ['cli', 'agent', 'rolldown', 'node:']],
];

/** Packages that one file imports, so that they can be replaced there. */
const KEEPERS: readonly (readonly [name: string, place: string])[] = [
  ['mqtt', 'transport'],
  ['cbor-x', 'protocol'],
  ['aedes', 'gateway'],
  ['lmdb', 'gateway/store'],
  ['ignore', 'agent/disk'],
  ['rolldown', 'board'],
  ['smol-toml', 'cli'],
];

const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
const isFile = (specifier: string) => specifier.includes('/') && AREAS.includes(specifier.split('/')[0]!);

function isAllowed(place: string, mayImport: readonly string[], specifier: string): boolean {
  if (specifier.startsWith('node:')) return mayImport.includes('node:') || mayImport.includes(specifier);
  if (isFile(specifier)) return [place, ...mayImport].some(other => within(specifier, other));
  return mayImport.includes(packageOf(specifier));
}

describe('tidy: imports', () => {
  test('every file -> imports what its place may', () => {
    const wrong: string[] = [];
    for (const { path } of production) {
      const [place, mayImport] = TABLE.find(([row]) => within(path, row)) ?? ['nowhere', []];
      for (const specifier of imports.get(path)!) {
        if (!isAllowed(place, mayImport, specifier)) wrong.push(`${path} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('every relative import -> a file that is there', () => {
    const paths = new Set(sources.map(({ path }) => path));
    const lost = sources.flatMap(({ path }) =>
      imports
        .get(path)!
        .filter(specifier => isFile(specifier) && /\.ts$/.test(specifier) && !paths.has(specifier))
        .map(specifier => `${path} imports ${specifier}`),
    );
    expect(lost).toEqual([]);
  });

  test('imports -> no circle', () => {
    expect(findCircle(imports)).toBeUndefined();
  });

  test.each(KEEPERS)('%s -> imported by one file, of %s', (name, place) => {
    const importers = production.filter(({ path }) =>
      imports.get(path)!.some(specifier => packageOf(specifier) === name),
    );
    expect(importers.map(({ path }) => path)).toHaveLength(1);
    expect(within(importers[0]!.path, place)).toBe(true);
  });

  test('every value that a file exports -> named by another', () => {
    const codes = sources.map(({ path, text }) => ({ path, code: stripped(text, true) }));
    const namedBy = new Map<string, number>();
    for (const { code } of codes)
      for (const word of new Set(code.match(/\w+/g))) namedBy.set(word, (namedBy.get(word) ?? 0) + 1);
    const lost = codes.flatMap(({ path, code }) =>
      [...code.matchAll(/^export (?:async )?(?:const|let|function|class) (\w+)/gm)]
        .filter(([, name]) => namedBy.get(name!) === 1)
        .map(([, name]) => `${path} exports ${name}`),
    );
    expect(lost).toEqual([]);
  });

  test('every package that the project depends on -> imported somewhere', () => {
    const used = new Set(production.flatMap(({ path }) => imports.get(path)!.map(packageOf)));
    const { dependencies } = JSON.parse(readText('package.json')) as { dependencies: Record<string, string> };
    expect(Object.keys(dependencies).filter(name => !used.has(name))).toEqual([]);
  });
});

/** The files of one circle of imports, if there is one. */
function findCircle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const finished = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): string[] | undefined => {
    if (finished.has(path) || !graph.has(path)) return undefined;
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    trail.push(path);
    for (const next of graph.get(path)!) {
      const circle = visit(next);
      if (circle !== undefined) return circle;
    }
    trail.pop();
    finished.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const circle = visit(path);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

describe('tidy: files', () => {
  const LINES_MAX = 500;
  /** The formatter leaves comments as they are. */
  const COLUMNS_MAX = 120;

  test(`every file -> at most ${LINES_MAX} lines`, () => {
    const long = sources.filter(({ text }) => text.trimEnd().split('\n').length > LINES_MAX);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  test(`every line of a comment -> at most ${COLUMNS_MAX} columns`, () => {
    const long = sources.flatMap(({ path, text }) =>
      text
        .split('\n')
        .map((line, index) => ({ line, place: `${path}:${index + 1}` }))
        // The second line of the launcher is a shell's, to Node a comment.
        .filter(({ line }) => line.length > COLUMNS_MAX && /^\s*(\/\/(?!bin)|\/?\*)/.test(line)),
    );
    expect(long.map(({ place }) => place)).toEqual([]);
  });

  test('every file -> named for what it is', () => {
    const shapeless = /(^|\/)(utils?|helpers?|common|misc|[\w-]*manager)(\/|\.)/i;
    expect(sources.map(({ path }) => path).filter(path => shapeless.test(path))).toEqual([]);
  });

  test('every name -> a whole word', () => {
    const cut = /\b(src|dst|buf|len|cfg|msg|mgr)\b/;
    const wrong = production.flatMap(({ path, text }) =>
      stripped(text, true)
        .split('\n')
        .filter(line => cut.test(line))
        .map(line => `${path}: ${line.trim()}`),
    );
    expect(wrong).toEqual([]);
  });

  test('every file that ships -> opens with what it is for', () => {
    const silent = production.filter(({ text }) => !/^(#!.*\n)?\/[/*]/.test(text));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });
});

describe('tidy: what decides', () => {
  const pure = production.filter(({ path }) =>
    ['agent/engine', 'gateway/hub', 'protocol'].some(place => within(path, place)),
  );
  const FORBIDDEN =
    /\b(Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|performance|crypto|process|async|await|Promise|console)\b/;

  test('engine, hub and protocol -> no clock, no chance, no waiting', () => {
    const wrong = pure.flatMap(({ path, text }) =>
      stripped(text, true)
        .split('\n')
        .filter(line => FORBIDDEN.test(line))
        .map(line => `${path}: ${line.trim()}`),
    );
    expect(pure.length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });
});

describe('tidy: itself', () => {
  const source = (text: string): Source => ({ path: 'agent/engine/x.ts', text });

  test('imports of every form -> found; those in comments and strings -> not', () => {
    const text = [
      `import { a } from './a.ts';`,
      `import type { B } from "../disk/b.ts";`,
      `import {\n  c,\n} from 'mqtt/c';`,
      `export * from '../../protocol/d.ts';`,
      `import 'node:e';`,
      `const f = await import('f');`,
      `const j = require('j/k') as typeof import('j/k');`,
      `// import { g } from 'g';`,
      `/* import 'h'; */`,
      `const text = \`\${'x'} import 'i'\`;`,
    ].join('\n');
    expect(importsOf(source(text))).toEqual([
      'agent/engine/a.ts',
      'agent/disk/b.ts',
      'mqtt/c',
      'protocol/d.ts',
      'node:e',
      'f',
      'j/k',
      'j/k',
    ]);
  });

  test('code without comments and strings -> the code', () => {
    const text = `const a = 'Date.now'; // Date.now\nconst r = /[/'"]/g; b(\`Date.now \${c({ d: 1 })} "\`) / 2; /* x */ e();`;
    expect(stripped(text, true)).toBe(`const a = ''; \nconst r = g; b(\`\${c({ d: 1 })}\`\`) / 2;  e();`);
  });

  test('a circle, a file out of place, a package of another -> noticed', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', []],
      ['d', ['b']],
    ]);
    expect(findCircle(graph)).toEqual(['b', 'd', 'b']);
    expect(isAllowed('agent/engine', ['protocol'], 'agent/disk/stat.ts')).toBe(false);
    expect(isAllowed('agent/engine', ['protocol'], 'agent/engine/other.ts')).toBe(true);
    expect(isAllowed('agent/engine', ['protocol'], 'node:fs')).toBe(false);
    expect(isAllowed('protocol', ['cbor-x'], 'cbor-x/decode')).toBe(true);
    expect(isAllowed('protocol', ['cbor-x'], 'mqtt')).toBe(false);
  });
});
