// What is in each of the three packages.
//
//   toastbox-node      Node itself, one file, stripped. 70 MB installed, so it is alone: an upgrade of the agent is
//                      300 kB, not 20 MB. Debian 12's nodejs is 18 and too old.
//   toastbox-agent     the agent's bundle, its unit, its options. The same for every machine (Architecture: all), and
//                      content with any Node from 20.11 on: `toastbox-node | nodejs`.
//   toastbox-gateway   the gateway's bundle with LMDB's native part (by Node-API, so for any Node as well)
//
// Both bundles have a launcher in /usr/lib; which of them /usr/bin/toastbox is, is Debian's alternatives' to say, the
// gateway's first: it can do all.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '../../agent/version.ts';
import { bundle, LMDB_MEMBER, LMDB_NATIVE, type Program } from '../bundle/bundle.ts';
import { fetchNpm, lmdbPiece, NODE, type NpmPiece, unpackNpm } from '../fetch/npm.ts';
import { ROOT } from '../places.ts';
import type { Target } from '../targets.ts';
import { filesOf, gzipped, type Package, type PackageFile, releasedAt } from './deb.ts';
import { strip } from './elf.ts';

const LIB = '/usr/lib/toastbox';
const NODE_DEPENDS = 'toastbox-node (>= 20.11) | nodejs (>= 20.11)';
const MAINTAINER = 'Toastbox maintainers <maintainers@toastbox.invalid>';

const text = (path: string): string => readFileSync(join(ROOT, 'board', path), 'utf8');

/** `as`: of another version than this checkout's, to see an upgrade. */
export async function agentPackage(as = VERSION): Promise<Package> {
  return programPackage('agent', as, 'all', [], {
    Depends: `adduser, ${NODE_DEPENDS}`,
    Recommends: 'systemd',
    Description: [
      'folder sync for small Linux boards, over MQTT: the agent',
      ' Keeps one folder in sync with a gateway and with other boards, through any',
      ' MQTT broker, in memory that never grows: 64 MiB are enough for any number of',
      ' files. Only changed pieces of files travel.',
    ].join('\n'),
  });
}

export async function gatewayPackage(target: Target, as = VERSION): Promise<Package> {
  const native = fromNpm(lmdbPiece(target), LMDB_MEMBER);
  const files = [{ path: `${LIB}/gateway/${LMDB_NATIVE}`, content: strip(native) }];
  return programPackage('gateway', as, target, files, {
    Depends: `adduser, libc6 (>= 2.34), libstdc++6 (>= 9), ${NODE_DEPENDS}`,
    Recommends: 'systemd',
    Suggests: 'mosquitto',
    Description: [
      'folder sync for small Linux boards, over MQTT: the gateway',
      ' Puts the changes of all boards in order, keeps the versions of 30 days, and a',
      ' plain copy of each synced folder. Meets the boards at any MQTT broker, or runs',
      ' one itself. Has all commands of the agent as well.',
    ].join('\n'),
  });
}

export function nodePackage(target: Target): Package {
  const piece = NODE[target];
  const name = 'toastbox-node';
  // Of armv7, atomics of 64 bits are a library's.
  const atomic = target === 'armhf' ? ', libatomic1' : '';
  return {
    control: {
      Package: name,
      Version: piece.version,
      Architecture: target,
      Maintainer: MAINTAINER,
      Section: 'javascript',
      Priority: 'optional',
      'Pre-Depends': `libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 9)${atomic}`,
      Homepage: 'https://nodejs.org/',
      Description: [
        'Node.js for toastbox',
        ' The JavaScript runtime alone, as its makers built it, without npm and headers,',
        ' where no other program looks for it.',
      ].join('\n'),
    },
    files: [
      { path: `${LIB}/node`, content: strip(fromNpm(piece, 'bin/node')), isExecutable: true },
      { path: `/usr/share/doc/${name}/copyright`, content: fromNpm(piece, 'LICENSE') },
      changelog(name, piece.version, `Node.js ${piece.version}, from npm's ${piece.name}.`),
    ],
    scripts: { postinst: text('packages/node-postinst') },
  };
}

async function programPackage(
  program: Program,
  version: string,
  architecture: string,
  more: readonly PackageFile[],
  fields: Readonly<Record<string, string>>,
): Promise<Package> {
  const name = `toastbox-${program}`;
  const directory = mkdtempSync(join(tmpdir(), `toastbox-${program}-`));
  await bundle(program, directory, version);
  const filled = (file: string) =>
    text(file)
      .replaceAll('@NAME@', program)
      .replaceAll('@USER@', program === 'agent' ? 'toastbox' : name)
      .replaceAll('@PRIORITY@', program === 'agent' ? '10' : '20');
  const bundled = filesOf(directory, `${LIB}/${program}`, file => file === 'toastbox');
  rmSync(directory, { recursive: true });
  const licences = bundled.find(({ path }) => path.endsWith('/LICENSES'))!;
  return {
    control: {
      Package: name,
      Version: version,
      Architecture: architecture,
      Maintainer: MAINTAINER,
      Section: 'net',
      Priority: 'optional',
      ...fields,
    } as Package['control'],
    files: [
      ...bundled.filter(file => file !== licences),
      ...more,
      { path: `/lib/systemd/system/${name}.service`, content: text(`systemd/${name}.service`) },
      {
        path: `/lib/systemd/system-generators/${name}-generator`,
        content: filled('systemd/generator'),
        isExecutable: true,
      },
      { path: `/etc/toastbox/${program}.toml`, content: text(`packages/${program}.toml`), isConfig: true },
      { path: `/usr/share/doc/${name}/README.md`, content: readFileSync(join(ROOT, 'README.md')) },
      { path: `/usr/share/doc/${name}/copyright`, content: `${OWN_LICENCE}${licences.content}` },
      { path: `/usr/share/lintian/overrides/${name}`, content: overrides(name, program) },
      changelog(name, version, 'See CHANGELOG.md in the sources.'),
    ],
    scripts: Object.fromEntries(
      ['postinst', 'prerm', 'postrm'].map(script => [script, filled(`packages/${script}`)]),
    ),
  };
}

const OWN_LICENCE = `Toastbox is under the MIT licence:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

In its files, and under these licences of their own, are these npm packages:

`;

/** What Debian's checker would like otherwise, and why it stays. */
const overrides = (name: string, program: Program): string =>
  [
    '# It may hold a password.',
    `${name}: non-standard-file-perm 0600 != 0644 [etc/toastbox/${program}.toml]`,
    ...(program === 'gateway'
      ? [
          '# Texts of licences stand as npm packages bring them.',
          `${name}: copyright-file-contains-full-apache-2-license`,
          `${name}: copyright-not-using-common-license-for-apache2`,
        ]
      : []),
    '',
  ].join('\n');

function changelog(name: string, version: string, what: string): PackageFile {
  const date = new Date(releasedAt() * 1000).toUTCString().replace('GMT', '+0000');
  const entry = `${name} (${version}) stable; urgency=medium\n\n  * ${what}\n\n -- ${MAINTAINER}  ${date}\n`;
  return { path: `/usr/share/doc/${name}/changelog.gz`, content: gzipped(entry) };
}

/** One file of a package of npm. */
function fromNpm(piece: NpmPiece, member: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'toastbox-npm-'));
  try {
    unpackNpm(fetchNpm(piece), directory, [member]);
    return readFileSync(join(directory, member));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
