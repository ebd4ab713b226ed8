// All that the other system tests fetch, fetched: `.ci/run` runs this first, before tests that take minutes, so that a
// registry that goes away meanwhile stops none of them. What cannot be had is asked for again for some minutes.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { NEW, OLD } from '../../board/check/scenarios/update.ts';
import { fetchNpm } from '../../board/fetch/npm.ts';
import { fetchPieces } from '../../board/image/image.ts';
import { partsOf } from '../../board/image/parts.ts';
import { gatewayPackage, nodePackage } from '../../board/packages/packages.ts';
import { rootTar, whyNot } from './debian.ts';
import { fetchForeign } from './foreign.ts';

const AGAIN_MS = 30_000;
const WITHIN_MS = 600_000;
const until = Date.now() + WITHIN_MS / 2;

const PIECES: [name: string, fetch: () => unknown][] = [
  ['what an image for armv7 is made of', () => fetchPieces(partsOf('armv7'))],
  ['what an image for arm64 is made of', () => fetchPieces(partsOf('arm64'))],
  ['our packages for armhf and what they need there', () => fetchForeign('armhf')],
  ['our packages for this machine', () => Promise.all([nodePackage('amd64'), gatewayPackage('amd64')])],
  ['two releases of typescript', () => [OLD, NEW].map(fetchNpm)],
];

// Where it cannot be started, packages.test.ts says why.
if (whyNot === undefined) PIECES.push(['a clean Debian with systemd', rootTar]);

test.each(PIECES)(
  'fetch: %s',
  async (_, fetch) => {
    for (;;) {
      try {
        expect(await fetch()).toBeDefined();
        return;
      } catch (error) {
        if (Date.now() > until) throw error;
        await sleep(AGAIN_MS);
      }
    }
  },
  WITHIN_MS,
);
