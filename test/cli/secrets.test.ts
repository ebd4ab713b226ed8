import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Failure } from '../../agent/failure.ts';
import { linkOptionsOf } from '../../cli/settings/broker.ts';
import { resolveSettings } from '../../cli/settings/resolve.ts';
import { readPassword } from '../../cli/settings/secrets.ts';

const directory = mkdtempSync(join(tmpdir(), 'toastbox-secrets-'));
afterAll(() => rmSync(directory, { recursive: true }));

const write = (name: string, text: string, mode = 0o600): string => {
  const file = join(directory, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
};
const read = (file: string) => {
  const warnings: string[] = [];
  try {
    return { password: readPassword(file, text => warnings.push(text)), warnings };
  } catch (error) {
    const { message, kind } = error as Failure;
    return { message, kind, warnings };
  }
};

describe('secrets', () => {
  test('secrets: a file, a pipe by its name -> the password; open to others -> told so', () => {
    expect(read(write('password', 'correct horse\r\n'))).toEqual({ password: 'correct horse', warnings: [] });
    const open = write('open', 'x\n', 0o640);
    expect(read(open)).toEqual({
      password: 'x',
      warnings: [`${open} holds a password and others may read it: chmod 600 ${open}`],
    });
    const pipe = join(directory, 'pipe');
    spawnSync('mkfifo', ['-m', '644', pipe]);
    spawn('sh', ['-c', 'echo from a pipe > "$0"', pipe]);
    expect(read(pipe)).toEqual({ password: 'from a pipe', warnings: [] });
  });

  test('secrets: a directory, a device, too much, nothing -> refused by name, no advice about its mode', () => {
    for (const [file, why] of [
      [directory, 'it is neither a file nor a pipe'],
      ['/dev/zero', 'it is neither a file nor a pipe'],
      ['/dev/null', 'it is neither a file nor a pipe'],
      [write('long', 'x'.repeat(4097)), 'too long for a password'],
      [write('empty', '\n'), 'must hold the password in one line'],
      [write('two', 'a\nb\n'), 'must hold the password in one line'],
    ] as const)
      expect(read(file)).toEqual({ kind: 'usage', message: `${file}: ${why}`, warnings: [] });
    const none = join(directory, 'none');
    expect(read(none)).toMatchObject({ kind: 'environment', message: `${none}: it does not exist` });
  });

  test('secrets: a key that others may read -> told so; a device for a certificate -> refused by name', () => {
    const [cert, key] = [write('cert', '', 0o644), write('key', '')];
    const words = [
      '--folder',
      '/f',
      '--name',
      'a',
      '--broker',
      'mqtts://h',
      '--cert-file',
      cert,
      '--key-file',
      key,
    ];
    const look = (...more: string[]) => {
      const warnings: string[] = [];
      const { settings } = resolveSettings('agent', [...words, ...more], { env: {}, directory });
      linkOptionsOf(settings, text => warnings.push(text));
      return warnings;
    };
    expect(look()).toEqual([]);
    expect(() => look('--ca-file', '/dev/zero')).toThrow('/dev/zero: it is not a file');
    chmodSync(key, 0o644);
    expect(look()).toEqual([`${key} holds a private key and others may read it: chmod 600 ${key}`]);
  });
});
