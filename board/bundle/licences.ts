// The licences of the npm packages that are in a bundle: their terms ask that the text goes with the code.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LICENCE = /^(licen[cs]e|copying)(\.(md|txt|mit))?$/i;
/** The innermost package of a module's path. */
const PACKAGE = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** `modules`: paths of the files that are inside. */
export function licencesOf(modules: Iterable<string>): string {
  const places = new Set<string>();
  for (const module of modules) {
    const place = PACKAGE.exec(module)?.[1];
    if (place !== undefined && existsSync(join(place, 'package.json'))) places.add(place);
  }
  const texts = [...places].map(place => {
    const { name, version, license } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
    const file = readdirSync(place).find(entry => LICENCE.test(entry));
    const text =
      file === undefined
        ? '(the package comes without the text)'
        : readFileSync(join(place, file), 'utf8').trim();
    return `${name} ${version}: ${license}\n\n${text}\n`;
  });
  return texts.sort().join(`\n${'-'.repeat(79)}\n\n`);
}
