// An update of npm's typescript, 5.8.2 to 5.8.3, put into the gateway's copy and applied by the board.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchNpm, type NpmPiece, unpackNpm } from '../../fetch/npm.ts';
import { mustBe, type Scenario, timed } from '../scenario.ts';
import { bytesOnTheWire } from '../traffic.ts';

const WITHIN_MS = 1_800_000;
/** 23 MB in 100 files. */
export const OLD: NpmPiece = {
  name: 'typescript',
  version: '5.8.2',
  integrity:
    'sha512-aJn6wq13/afZp/jT9QZmwEjDqqvSGp1VT5GVg+f/t6/oVyrgXM6BY1h9BRh/O5p3PlUPAe+WuiEZOmb/49RqoQ==',
};
export const NEW: NpmPiece = {
  name: 'typescript',
  version: '5.8.3',
  integrity:
    'sha512-p1diW6TqL9L07nNxvRMM7hMMw4c5XOo/1ibL4aAIGmSAt9slTE1Xgw5KWuof2uTOvCg9BY7ZRi+GaF+7sfgPeQ==',
};
/** For the short check: its declarations, and what names the version. */
const CUT = /^(package\.json|lib\/(typescript|tsserverlibrary|lib\.dom)\.d\.ts|lib\/_.*)$/;

export const update: Scenario = {
  name: 'update',
  summary: 'typescript 5.8.2 to 5.8.3 on the board; all of it with --long, some of its files without',
  isShort: true,
  async run(stand, isLong) {
    await stand.on();
    const place = join(stand.copy, 'typescript');
    const firstSeconds = await timed(async () => {
      put(OLD, place, isLong);
      await stand.settle(WITHIN_MS);
    });
    const before = await bytesOnTheWire(stand);
    const updateSeconds = await timed(async () => {
      put(NEW, place, isLong);
      await stand.settle(WITHIN_MS);
    });
    const updateWireBytes = (await bytesOnTheWire(stand)) - before;
    mustBe(updateWireBytes < bytesBelow(place) / 4, `it travels as a delta: ${updateWireBytes} bytes`);
    return { firstSeconds, updateSeconds, updateWireBytes };
  },
};

const bytesBelow = (place: string): number =>
  readdirSync(place, { recursive: true, encoding: 'utf8' })
    .map(name => statSync(join(place, name)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);

/** Replaces what stands there, file by file, as an unpacking does. */
function put(piece: NpmPiece, place: string, isAll: boolean): void {
  const unpacked = mkdtempSync(join(tmpdir(), 'toastbox-update-'));
  try {
    unpackNpm(fetchNpm(piece), unpacked);
    mkdirSync(place, { recursive: true });
    for (const name of readdirSync(unpacked, { recursive: true, encoding: 'utf8' }))
      if (isAll || CUT.test(name)) cpSync(join(unpacked, name), join(place, name), { recursive: isAll });
  } finally {
    rmSync(unpacked, { recursive: true });
  }
}
