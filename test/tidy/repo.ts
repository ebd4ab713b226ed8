// The repo's own sources, as the tidy tests read them: what is there now, committed or not.

import { readdirSync, readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

export const readText = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

export const AREAS = [
  'assembly',
  'protocol',
  'transport',
  'agent',
  'gateway',
  'cli',
  'board',
  'bench',
  'test',
];

export interface Source {
  /** From the repo's root, with '/'. */
  path: string;
  text: string;
}

/** All .ts and .mjs files of these folders. */
export function readSources(areas: readonly string[]): Source[] {
  const sources: Source[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(new URL(folder, ROOT), { withFileTypes: true })) {
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory()) walk(`${path}/`);
      else if (/\.(ts|mjs)$/.test(entry.name)) sources.push({ path, text: readText(path) });
    }
  };
  for (const area of areas) walk(`${area}/`);
  return sources;
}

/**
 * The text without comments, and with what stands in its strings blanked if `isBlank`. Template literals count as
 * strings; what stands in `${}` is code.
 */
export function stripped(text: string, isBlank: boolean): string {
  let code = '';
  let at = 0;
  /** Open braces inside each `${`, the innermost last. */
  const templates: number[] = [];
  const copyString = (quote: string) => {
    code += quote;
    at++;
    while (at < text.length && text[at] !== quote) {
      if (quote === '`' && text.startsWith('${', at)) {
        code += '${';
        at += 2;
        templates.push(0);
        return;
      }
      const step = text[at] === '\\' ? 2 : 1;
      if (!isBlank) code += text.slice(at, at + step);
      at += step;
    }
    code += quote;
    at++;
  };
  while (at < text.length) {
    const here = text[at]!;
    if (text.startsWith('//', at)) {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
    } else if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at);
      at = end < 0 ? text.length : end + 2;
    } else if (here === '/' && /(^|[=(,:[!&|?{};]|return)\s*$/.test(code.slice(-20))) {
      const regex =
        /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//.exec(text.slice(at, at + 500))?.[0] ?? here;
      if (!isBlank) code += regex;
      at += regex.length;
    } else if (here === "'" || here === '"' || here === '`') {
      copyString(here);
    } else if (here === '}' && templates.at(-1) === 0) {
      templates.pop();
      code += '}';
      // The rest of the template: as if it began here.
      copyString('`');
    } else {
      if (templates.length > 0 && here === '{') templates[templates.length - 1]!++;
      if (templates.length > 0 && here === '}') templates[templates.length - 1]!--;
      code += here;
      at++;
    }
  }
  return code;
}

const IMPORT =
  /^\s*(?:import|export)\b[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]/gm;

/** What a source imports: a path from the repo's root for a relative import, the specifier as it is for others. */
export function importsOf({ path, text }: Source): string[] {
  const specifiers = [...stripped(text, false).matchAll(IMPORT)].map(
    match => (match[1] ?? match[2] ?? match[3])!,
  );
  return specifiers.map(specifier => {
    if (!specifier.startsWith('.')) return specifier;
    const file = new URL(specifier, new URL(path, 'file:///')).pathname.slice(1);
    // AssemblyScript imports without extensions.
    return /\.\w+$/.test(file) ? file : `${file}.ts`;
  });
}
