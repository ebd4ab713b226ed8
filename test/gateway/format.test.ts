// A store of another format is refused before anything in it is read.

import { describe, expect, it } from 'vitest';
import { openMemoryStore } from './memory.ts';

describe('format', () => {
  const openWith = (format: Uint8Array | undefined) => {
    const store = openMemoryStore();
    store.transaction(() => store.makeFolder('attic', new Uint8Array(16)));
    const [facts, packs] = store.image();
    const rows = new Map(facts);
    if (format === undefined) rows.delete('0');
    else rows.set('0', format);
    return () => openMemoryStore({ image: [rows, packs] });
  };

  it('format: a store of an older or a newer one -> refused, with what to do', () => {
    expect(openWith(undefined)).toThrow('an older version');
    expect(openWith(Uint8Array.of(1))).toThrow('an older version');
    expect(openWith(Uint8Array.of(255))).toThrow('a newer version');
    expect(openWith(Uint8Array.of(3))().folder('attic')).toMatchObject({ share: 'attic' });
  });

  it('format: a store of the one before -> read, and of this one from its next commit on', () => {
    const store = openWith(Uint8Array.of(2))();
    expect(store.folder('attic')).toMatchObject({ share: 'attic' });
    store.transaction(() => store.makeFolder('cellar', new Uint8Array(16)));
    expect(store.image()[0].get('0')).toEqual(Uint8Array.of(3));
  });

  it('format: the first commit fails -> the next one says the format', () => {
    let code: string | undefined = 'ENOSPC';
    const store = openMemoryStore({ onCommit: () => code });
    const make = () => store.transaction(() => store.makeFolder('attic', new Uint8Array(16))).isDurable;
    expect(make()).toBe(false);
    code = undefined;
    expect(make()).toBe(true);
    expect(openMemoryStore({ image: store.image() }).folder('attic')).toMatchObject({ share: 'attic' });
  });
});
