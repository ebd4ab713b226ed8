// Verifies a store in a process of its own: LMDB trusts its pages, so a damaged one may end the process that reads it.
// Each word is a line of JSON on stdout, written before the next thing is read.
//
//   node process.js STORE

import { writeSync } from 'node:fs';
import { openLeastArena } from '../../agent/arena/arena.ts';
import { openLmdbShelves } from '../store/lmdb.ts';
import type { Word } from './findings.ts';
import { verify } from './verify.ts';

const tell = (word: Word) => {
  const line = Buffer.from(`${JSON.stringify(word)}\n`);
  for (let at = 0; at < line.length; ) at += writeSync(1, line, at);
};

const [store] = process.argv.slice(2);
if (store === undefined) throw new Error('of which store?');
tell({ is: 'step', text: 'opening it' });
verify(openLmdbShelves(store, false), openLeastArena(), tell);
