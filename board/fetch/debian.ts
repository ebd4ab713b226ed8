// Pieces from Debian, for any target: packages, with or without what they depend on, and what a package says of
// itself. Needs apt on the machine, but neither root nor `dpkg --add-architecture`: apt runs in a root of its own, in
// the cache, in which nothing is installed.
//
// apt checks the lists by Debian's signatures and each package by its hash in them; a package in the cache is checked
// by the same hash each time it is used. The lists are fetched once, and again when a package is no longer to be had:
// so what is built today is built from the same versions tomorrow, until someone deletes the cache.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { cachePlace } from '../places.ts';
import type { Target } from '../targets.ts';
import { hasDigest } from './digest.ts';
import { runTool } from './tool.ts';

const SUITE = 'bookworm';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A package of Debian as apt would fetch it. */
interface Piece {
  /** As apt names the file: NAME_VERSION_ARCH.deb. */
  file: string;
  sha256: string;
}

/** Where this machine's apt finds Debian: [URI, suite], the main archive first, with updates and security. */
export function mirrors(): [uri: string, suite: string][] {
  const own = process.env.BOARD_MIRROR;
  if (own !== undefined) return [[own, SUITE]];
  const lines = runTool('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE) $(COMPONENT)'], {
    package: 'apt',
  });
  const found = new Map<string, [string, string]>();
  for (const line of lines.split('\n')) {
    const [uri, suite, component] = line.split(' ');
    if (component !== 'main' || (suite !== SUITE && !suite?.startsWith(`${SUITE}-`))) continue;
    found.set(`${uri} ${suite}`, [uri!, suite!]);
  }
  if (![...found.values()].some(([, suite]) => suite === SUITE))
    throw new Failure(
      'environment',
      `this machine's apt does not know Debian ${SUITE}`,
      'say where a mirror is: BOARD_MIRROR=http://HOST/debian',
    );
  return [...found.values()];
}

/** apt in a root of its own for one target. */
export class Debian {
  readonly target: Target;
  private readonly place: string;

  constructor(target: Target) {
    this.target = target;
    this.place = cachePlace(join('debian', target));
  }

  /** Paths of packages (NAME, or NAME=VERSION), ordered by name; with all that they depend on, if so asked. */
  fetch(names: readonly string[], isWithDependencies = false): string[] {
    let pieces = this.pieces(names, isWithDependencies);
    const missing = () =>
      pieces.filter(({ file, sha256 }) => !hasDigest(this.path(file), 'sha256', 'hex', sha256));
    if (missing().length > 0) {
      const download = () => {
        const exact = missing().map(({ file }) => exactOf(file));
        this.apt('apt-get', ['download', ...exact], join(this.place, 'archives'));
      };
      try {
        download();
      } catch {
        // The mirror has moved on: the lists name files that it no longer has.
        this.update();
        pieces = this.pieces(names, isWithDependencies);
        try {
          download();
        } catch (error) {
          throw cannot(names, error);
        }
      }
      const wrong = missing();
      if (wrong.length > 0) throw cannot(names, new Error(`${wrong[0]!.file} is not what it should be`));
    }
    return pieces.map(({ file }) => this.path(file));
  }

  /** Fields of packages as apt-cache shows them: the newest version of each. */
  show(names: readonly string[]): Map<string, string>[] {
    const text = this.asked('apt-cache', ['show', '--no-all-versions', ...names], names);
    return text
      .trim()
      .split('\n\n')
      .map(paragraph => {
        const fields = paragraph.split(/\n(?! )/).map((line): [string, string] => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon), line.slice(colon + 1).trim()];
        });
        return new Map(fields);
      });
  }

  private pieces(names: readonly string[], isWithDependencies: boolean): Piece[] {
    const found = (words: readonly string[]) =>
      [...this.asked('apt-get', words, names).matchAll(/^'[^']+' (\S+\.deb) \d+ (\S*)$/gm)].map(
        ([, file, hash]) => ({ file: file!, hash: hash! }),
      );
    // What is to be installed, apt tells with weaker hashes only.
    const wanted = isWithDependencies
      ? found(['install', '--no-install-recommends', '--yes', '--print-uris', ...names]).map(({ file }) =>
          exactOf(file),
        )
      : names;
    return found(['download', '--print-uris', ...wanted])
      .map(({ file, hash }) => ({ file, sha256: hash.replace(/^SHA256:/, '') }))
      .sort((one, other) => (one.file < other.file ? -1 : 1));
  }

  /** Asks apt's lists; if they are not there yet, or do not know the answer, after fetching them. */
  private asked(program: string, words: readonly string[], names: readonly string[]): string {
    const isFresh = !this.hasLists();
    if (isFresh) this.update();
    try {
      return this.apt(program, words);
    } catch (error) {
      if (!isFresh) {
        this.update();
        try {
          return this.apt(program, words);
        } catch {
          // What the first said is as good.
        }
      }
      throw cannot(names, error);
    }
  }

  private path(file: string): string {
    return join(this.place, 'archives', file);
  }

  /** Those of the main archive, without which nothing goes. */
  private hasLists(): boolean {
    const lists = join(this.place, 'lists');
    return existsSync(lists) && readdirSync(lists).some(name => name.includes(`_${SUITE}_main_binary-`));
  }

  private update(): void {
    let trouble: unknown;
    try {
      this.apt('apt-get', ['update', '-q', '-o', 'APT::Update::Error-Mode=any']);
    } catch (error) {
      trouble = error;
    }
    if (trouble === undefined) return;
    if (!this.hasLists())
      throw new Failure(
        'environment',
        `cannot fetch Debian's lists for ${this.target}: ${lastLine(trouble)}`,
        'look whether the mirror can be reached; BOARD_MIRROR=http://HOST/debian names another',
      );
    console.error(
      `board: some of Debian's lists for ${this.target} (updates, security) cannot be had; without them`,
    );
  }

  /** `directory`: where apt looks for files that it need not fetch, and puts those that it fetches. */
  private apt(program: string, words: readonly string[], directory = join(this.place, 'asking')): string {
    const conf = join(this.place, 'apt.conf');
    for (const name of ['lists/partial', 'archives', 'asking/partial', 'etc/none'])
      mkdirSync(join(this.place, name), { recursive: true });
    const status = join(this.place, 'status');
    writeFileSync(status, '');
    writeFileSync(conf, this.configuration(status));
    const sources = join(this.place, 'etc', 'sources.list');
    if (!existsSync(sources)) writeFileSync(sources, sourcesFor(this.target));
    return runTool(program, ['-c', conf, ...words], { directory, package: 'apt' });
  }

  /** Proxies and the like stay the machine's; its hooks and its other sources do not. */
  private configuration(status: string): string {
    const { place, target } = this;
    return [
      '#clear APT::Architectures;',
      '#clear APT::Update::Post-Invoke-Success;',
      '#clear APT::Update::Post-Invoke;',
      `APT::Architecture "${target}";`,
      `APT::Architectures { "${target}"; };`,
      'APT::Sandbox::User "root";',
      'Acquire::Languages "none";',
      `Dir::State "${place}";`,
      `Dir::State::lists "${place}/lists";`,
      `Dir::State::status "${status}";`,
      `Dir::Cache "${place}";`,
      `Dir::Cache::archives "${place}/asking";`,
      `Dir::Etc::sourcelist "${place}/etc/sources.list";`,
      `Dir::Etc::sourceparts "${place}/etc/none";`,
      `Dir::Etc::preferencesparts "${place}/etc/none";`,
      '',
    ].join('\n');
  }
}

/** Unpacks a package's files into a directory, without asking what it depends on and without running its scripts. */
export const unpackDeb = (file: string, into: string): void => {
  mkdirSync(into, { recursive: true });
  runTool('dpkg-deb', ['--extract', file, into], { package: 'dpkg' });
};

function sourcesFor(target: Target): string {
  const options = existsSync(KEYRING) ? `[arch=${target} signed-by=${KEYRING}]` : `[arch=${target}]`;
  return mirrors()
    .map(([uri, suite]) => `deb ${options} ${uri} ${suite} main\n`)
    .join('');
}

/** NAME=VERSION of a file's name, so that it is this one that comes. */
function exactOf(file: string): string {
  const [name, version] = file.split('_');
  return `${name}=${decodeURIComponent(version!)}`;
}

const lastLine = (error: unknown): string => (error as Error).message.trim().split('\n').at(-1)!;

const cannot = (names: readonly string[], error: unknown): Failure =>
  new Failure('environment', `cannot have ${names.join(', ')} from Debian: ${lastLine(error)}`);
