import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPresence, STATUS_BYTES_MAX, writeStatus } from '../../transport/status.ts';

const read = (text: string) => readPresence(Buffer.from(text));

describe('status', () => {
  it('status: written and read -> its state and session', () => {
    const facts = { software: 'toastbox 0.1.0', share: 'photos', head: 4, position: 3, lastError: 'ENOSPC' };
    expect(readPresence(writeStatus('online', 7, facts))).toEqual({
      state: 'online',
      session: 7,
    });
    expect(readPresence(writeStatus('offline', 8, {}))).toEqual({ state: 'offline', session: 8 });
  });

  it('status: facts named like state and session -> they do not win', () => {
    expect(readPresence(writeStatus('online', 7, { state: 'offline', session: 1 }))).toEqual({
      state: 'online',
      session: 7,
    });
  });

  it('status: too many facts -> RangeError', () => {
    const facts = { note: 'x'.repeat(STATUS_BYTES_MAX) };
    expect(() => writeStatus('online', 7, facts)).toThrow(RangeError);
  });

  it.each([
    [''],
    ['null'],
    ['[]'],
    ['7'],
    ['{"state":"online"}'],
    ['{"state":"online","session":-1}'],
    ['{"state":"online","session":1.5}'],
    ['{"state":"online","session":9007199254740992}'],
    ['{"state":"online","session":"7"}'],
    ['{"state":"on","session":7}'],
    ['{"session":7,"state":["online"]}'],
    ['{"state":"online","session":7'],
  ])('status: %j -> none', text => {
    expect(read(text)).toBeUndefined();
  });

  it('status: one byte too long, or no UTF-8 -> none', () => {
    const core = '{"state":"online","session":7}';
    expect(read(core.padEnd(STATUS_BYTES_MAX))).toEqual({ state: 'online', session: 7 });
    expect(read(core.padEnd(STATUS_BYTES_MAX + 1))).toBeUndefined();
    const latin = Buffer.from('{"state":"online","session":7,"software":"\xe4"}', 'latin1');
    expect(readPresence(latin)).toBeUndefined();
  });

  it('status: any JSON, any bytes -> never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json().map(Buffer.from), fc.uint8Array({ maxLength: 200 })), bytes => {
        readPresence(bytes as Uint8Array);
      }),
      { numRuns: 2000, seed: 3 },
    );
  });
});
