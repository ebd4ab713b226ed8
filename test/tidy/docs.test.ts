// What the documents name is there: files, links, scripts, options, variables. A document that lies is worse than none.

import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { draw } from '../../bench/picture.ts';
import { ALL_NAMES, envOf, SETTABLE_NAMES } from '../../cli/options/table.ts';
import { AREAS, readText } from './repo.ts';

const DOCUMENTS = [
  'README.md',
  'DESIGN.md',
  'SPEC.md',
  'HACKING.md',
  'CHANGELOG.md',
  'board/README.md',
  'test/README.md',
];
/** As a link in that document leads. */
const fromDocument = (name: string, link: string) => new URL(link, `file:///${name}`).pathname.slice(1);
const isThere = (path: string) => existsSync(new URL(`../../${path}`, import.meta.url));

/** As GitHub makes anchors: lower case, no punctuation but hyphens, a hyphen for each space. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

/** From the repo's root; a test also from the document. */
const PATH = new RegExp(
  `(?<![\\w/.-])(?:(?:${AREAS.join('|')}|scripts)/[\\w./-]*\\w|\\w+/[\\w-]+\\.test\\.ts)`,
  'g',
);
const MADE = /^(?:build|dist)\//;

describe.each(DOCUMENTS)('docs: %s', name => {
  const text = readText(name);

  test('links -> to files and headings that are there', () => {
    const wrong = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(match => match[1]!)
      .filter(link => {
        const [path, anchor] = link.split('#');
        if (path !== '' && !isThere(fromDocument(name, path!))) return true;
        if (anchor === undefined) return false;
        return !anchorsOf(path === '' ? text : readText(fromDocument(name, path!))).includes(anchor);
      });
    expect(wrong).toEqual([]);
  });

  test('files of the repo -> there', () => {
    const named = [...text.matchAll(PATH)].map(match => match[0]);
    const isLost = (path: string) => !isThere(path) && !isThere(fromDocument(name, path));
    expect(named.filter(path => !MADE.test(path) && isLost(path))).toEqual([]);
  });

  test('lines, but those of tables -> at most 120 columns', () => {
    const long = text.split('\n').filter(line => line.length > 120 && !line.startsWith('|'));
    expect(long).toEqual([]);
  });

  test('npm scripts -> in package.json', () => {
    const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm run ([\w:]+)/g)].map(match => match[1]!);
    expect(named.filter(script => scripts[script] === undefined)).toEqual([]);
  });

  test('TOASTBOX_ variables -> of an option', () => {
    const known = SETTABLE_NAMES.map(envOf);
    const named = [...text.matchAll(/TOASTBOX_[A-Z][A-Z_]*/g)].map(match => match[0]);
    expect(named.filter(variable => !known.includes(variable))).toEqual([]);
  });
});

describe('docs: README.md', () => {
  test('options -> of a command', () => {
    const named = [...readText('README.md').matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(match => match[1]!);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(option => !ALL_NAMES.includes(option))).toEqual([]);
  });
});

describe('docs: docs/memory.svg', () => {
  test('the picture -> of the points beside it (npm run bench -- files --draw)', () => {
    expect(readText('docs/memory.svg')).toBe(draw(JSON.parse(readText('docs/memory.json'))));
  });
});
