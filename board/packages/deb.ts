// One .deb from a list of files: staged in a directory, put together by dpkg-deb. No root: the owners in it are root's
// whoever builds. The same input gives the same bytes: every time is that of the release, modes do not come from the
// umask, and dpkg-deb orders the rest. So where the same input was built before, nothing is built: compressing Node
// takes most of a minute.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runTool } from '../fetch/tool.ts';
import { BUILD } from '../places.ts';

export interface PackageFile {
  /** Absolute, on the machine that it is installed on. */
  path: string;
  content: string | Uint8Array;
  isExecutable?: boolean;
  /** Kept over upgrades if it was edited, and read by root only: it may hold a password. */
  isConfig?: boolean;
}

export interface Package {
  /** In dpkg's order, without Installed-Size, which follows from the files. */
  control: Readonly<Record<string, string>> & { Package: string; Version: string; Architecture: string };
  files: readonly PackageFile[];
  scripts: Readonly<Record<string, string>>;
}

/** Times in a package: of the release, not of the day that it was built on. Asked for as other builders do it. */
export const releasedAt = (): number => Number(process.env.SOURCE_DATE_EPOCH ?? Date.UTC(2026, 10, 1) / 1000);

/** Builds it into `directory`; the path of the .deb. Not compressed, it is for a test, and takes no time. */
export function buildDeb(
  { control, files, scripts }: Package,
  directory: string,
  compression: 'xz' | 'none' = 'xz',
): string {
  const file = join(directory, `${control.Package}_${control.Version}_${control.Architecture}.deb`);
  const digest = digestOf({ control, files, scripts });
  const record = `${file}.from`;
  if (existsSync(file) && existsSync(record) && readFileSync(record, 'utf8') === digest) return file;
  const stage = join(BUILD, 'stage', `${control.Package}-${control.Architecture}-${process.pid}`);
  rmSync(stage, { recursive: true, force: true });
  const put = (path: string, content: string | Uint8Array, mode: number) => {
    const file = join(stage, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
  for (const { path, content, isExecutable, isConfig } of files)
    put(path, content, isConfig ? 0o600 : isExecutable ? 0o755 : 0o644);
  const kibibytes = files.reduce((sum, { content }) => sum + Math.ceil(Buffer.byteLength(content) / 1024), 0);
  const sums = [...files]
    .sort((one, other) => (one.path < other.path ? -1 : 1))
    .map(({ path, content }) => `${createHash('md5').update(content).digest('hex')}  ${path.slice(1)}\n`);
  const configs = files.filter(({ isConfig }) => isConfig).map(({ path }) => `${path}\n`);
  const fields = Object.entries({ ...control, 'Installed-Size': String(kibibytes) });
  put('DEBIAN/control', fields.map(([name, value]) => `${name}: ${value}\n`).join(''), 0o644);
  put('DEBIAN/md5sums', sums.join(''), 0o644);
  if (configs.length > 0) put('DEBIAN/conffiles', configs.join(''), 0o644);
  for (const [name, text] of Object.entries(scripts)) put(`DEBIAN/${name}`, text, 0o755);
  settle(stage, releasedAt());
  mkdirSync(directory, { recursive: true });
  runTool('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', stage, file], {
    env: { SOURCE_DATE_EPOCH: String(releasedAt()) },
    package: 'dpkg',
  });
  rmSync(stage, { recursive: true });
  writeFileSync(record, digest);
  return file;
}

/** Of all that goes into it. */
function digestOf({ control, files, scripts }: Package): string {
  const hash = createHash('sha256').update(JSON.stringify([control, scripts, releasedAt()]));
  for (const { content, ...about } of files) hash.update(JSON.stringify(about)).update(content);
  return hash.digest('hex');
}

/** The same times everywhere, and modes of directories that no umask made. */
function settle(directory: string, seconds: number): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) settle(path, seconds);
    else utimesSync(path, seconds, seconds);
  }
  chmodSync(directory, 0o755);
  utimesSync(directory, seconds, seconds);
}

/** All files below a directory, as files of a package under `prefix`. */
export function filesOf(
  directory: string,
  prefix: string,
  isExecutable: (name: string) => boolean,
): PackageFile[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => {
      const file = join(parentPath, name);
      return {
        path: `${prefix}/${relative(directory, file)}`,
        content: readFileSync(file),
        isExecutable: isExecutable(name),
      };
    });
}

/** zlib writes no time and no name into it. */
export const gzipped = (text: string): Uint8Array => gzipSync(text, { level: 9 });
