import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Exit } from '../../cli/exits.ts';
import { main } from '../../cli/main.ts';
import { Users } from '../../gateway/users.ts';
import { TestOut } from './out.ts';

const directory = mkdtempSync(join(tmpdir(), 'toastbox-user-'));
afterAll(() => rmSync(directory, { recursive: true }));

const run = async (...words: string[]) => {
  const [out, errors] = [new TestOut(), new TestOut()];
  const code = await main({ words, world: { env: {}, directory }, out, errors, program: '/none' });
  return { code, out: out.text, errors: errors.text };
};
const user = (...words: string[]) => run('user', '--users', 'users', ...words);
const file = join(directory, 'users');
async function check(name: string, password: string) {
  const users = new Users(file, () => {});
  const verdict = await users.check(name, Buffer.from(password));
  users.close();
  return typeof verdict === 'string' ? verdict : 'right';
}

describe('user', () => {
  test('user: no file yet -> that is said; a gateway names what makes it', async () => {
    expect(await user()).toEqual({
      code: Exit.FINE,
      out: '',
      errors: `no users: ${file} does not exist; --add makes it\n`,
    });
    expect(() => new Users(file, () => {})).toThrow(
      expect.objectContaining({
        message: `cannot read ${file}: it does not exist`,
        advice: `make it: toastbox user --users ${file} --add BOARD`,
      }),
    );
  });
  test('user: added -> a password alone on stdout, its hash in a file of the maker alone', async () => {
    const { code, out, errors } = await user('--add', 'board-7');
    expect([code, errors]).toEqual([Exit.FINE, 'board-7: added\n']);
    expect(out).toMatch(/^[\w-]{22}\n$/);
    expect(readFileSync(file, 'utf8')).toMatch(/^board-7:\$scrypt\$ln=14,r=8,p=1\$[\w+/]{22}\$[\w+/]{43}\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await check('board-7', out.trim())).toBe('right');
    for (const [name, password] of [
      ['board-7', out],
      ['board-7', ''],
      ['board-8', out.trim()],
    ] as const)
      expect(await check(name, password)).toBe('wrong');
  });
  test('user: given a password of its own, twice the same -> it counts, the lines differ, comments and modes stay', async () => {
    writeFileSync(file, `# the attic\n\n${readFileSync(file, 'utf8')}`);
    writeFileSync(join(directory, 'password'), 'correct horse\n', { mode: 0o600 });
    const lines: string[] = [];
    for (const name of ['board-8', 'board-9']) {
      expect((await user('--add', name, '--password-file', 'password')).out).toBe('');
      expect(await check(name, 'correct horse')).toBe('right');
      lines.push(readFileSync(file, 'utf8').split('\n').at(-2)!.split(':')[1]!);
    }
    expect(new Set(lines).size).toBe(2);
    expect(readFileSync(file, 'utf8')).toMatch(/^# the attic\n\nboard-7:/);
    expect((await user()).out).toBe('board-7\nboard-8\nboard-9\n');
  });
  test('user: added again -> the old password is of no use; removed -> gone', async () => {
    const { out, errors } = await user('--add', 'board-8');
    expect(errors).toBe('board-8: has another password now\n');
    expect(await check('board-8', 'correct horse')).toBe('wrong');
    expect(await check('board-8', out.trim())).toBe('right');
    expect((await user('--remove', 'board-8')).code).toBe(Exit.FINE);
    expect(await check('board-8', out.trim())).toBe('wrong');
    expect(await user('--remove', 'board-8')).toMatchObject({
      code: Exit.USAGE,
      errors: `toastbox: ${file} has no user board-8\n`,
    });
  });
  test('user: a file that is wrong -> refused by its line, which is not shown, and left alone', async () => {
    const wrong = join(directory, 'wrong');
    for (const [line, what] of [
      ['board-7:hunter2', 'is not a line that'],
      ['hunter2', 'is not a line that'],
      ['a/b:$scrypt$', 'is not a line that'],
      [readFileSync(file, 'utf8').split('\n')[2]!, 'board-7 is there twice'],
    ] as const) {
      const text = `${readFileSync(file, 'utf8')}${line}\n`;
      writeFileSync(wrong, text);
      for (const words of [
        ['user', '--users', wrong, '--add', 'x'],
        ['gateway', '--data', join(directory, 'data'), '--listen', '0', '--users', wrong],
      ]) {
        const { code, errors } = await run(...words);
        expect([code, errors]).toEqual([Exit.USAGE, expect.stringContaining(`${wrong}:5: ${what}`)]);
        expect(errors).not.toContain('hunter2');
      }
      expect(readFileSync(wrong, 'utf8')).toBe(text);
    }
  });
  test('user: another one is at the file -> refused with what to do', async () => {
    writeFileSync(`${file}.new`, '');
    const before = readFileSync(file, 'utf8');
    expect(await user('--remove', 'board-7')).toMatchObject({
      code: Exit.ENVIRONMENT,
      errors: expect.stringContaining('another toastbox user may be at it'),
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});

describe('gateway: closed by default', () => {
  const data = join(directory, 'untouched');
  const gateway = (...words: string[]) => run('gateway', '--data', data, ...words);
  test.each([
    [['--listen', '0.0.0.0:0'], 'everyone who reaches the port could read and write every folder'],
    [['--listen', '[::]:0'], 'everyone who reaches the port could read and write every folder'],
    [['--open', '--users', file], '--open lets everyone in'],
    [['--listen-cert', file], '--listen-cert and --listen-key go together'],
    [['--client-ca', file], '--client-ca needs TLS'],
    [['--broker', 'mqtt://h', '--users', file], 'rule each other out'],
    [['--broker', 'mqtt://h', '--open'], 'rule each other out'],
  ])('gateway: %j -> refused, exit 2, nothing made', async (words, what) => {
    const { code, errors } = await gateway(...words);
    expect([code, errors]).toEqual([Exit.USAGE, expect.stringContaining(what)]);
    expect(() => statSync(data)).toThrow('ENOENT');
  });
  test('gateway: a certificate that is none -> refused by name, exit 4', async () => {
    const { code, errors } = await gateway('--listen', '0', '--listen-cert', file, '--listen-key', file);
    expect(code).toBe(Exit.ENVIRONMENT);
    expect(errors).toContain(`toastbox: ${file} is no certificate in PEM`);
  });
  test('demo: told to listen for others -> refused, exit 2', async () => {
    const { code, errors } = await run('demo', '--at', 'demo', '--listen', '0.0.0.0:0');
    expect([code, errors]).toEqual([Exit.USAGE, expect.stringContaining('listens on this machine only')]);
  });
});
