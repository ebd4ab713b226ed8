// A board's settings, taken from its card: what is kept, what is blanked, and what becomes of it when power goes in
// between. Certificates are real ones.

import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../agent/failure.ts';
import { lookAtCard, takeCard } from '../../cli/card/take.ts';
import { Exit } from '../../cli/exits.ts';
import { main } from '../../cli/main.ts';
import { COMMANDS } from '../../cli/options/table.ts';
import { resolveSettings } from '../../cli/settings/resolve.ts';
import { TestOut } from './out.ts';

const KEEP = new URL('../../board/root/lib/board/keep', import.meta.url);
const PLAIN = 'broker = "mqtt://broker.lan"\nname = "board-7"\n';
const SECURE = PLAIN.replace('mqtt:', 'mqtts:');
const SECRET = 'correct horse "battery" staple';
const LOCKED = `${PLAIN}username = "board-7"\npassword = ${JSON.stringify(SECRET)}  # change me\nshare = "photos"\n`;

let place: string;
let card: string;
let kept: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'toastbox-card-'));
  card = join(place, 'boot', 'toastbox.toml');
  kept = join(place, 'kept');
  mkdirSync(join(place, 'boot'));
  mkdirSync(kept);
});
afterEach(() => rmSync(place, { recursive: true }));

const write = (text: string | Uint8Array, name = 'toastbox.toml') =>
  writeFileSync(join(place, 'boot', name), text);
/** Writes my.pem and my.key beside the card's file. */
const certify = () => {
  const words = 'req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout my.key -out my.pem';
  execFileSync('openssl', words.split(' '), { cwd: join(place, 'boot'), stdio: 'ignore' });
};
const onCard = (name = 'toastbox.toml') => readFileSync(join(place, 'boot', name), 'utf8');
const inForce = () =>
  resolveSettings('agent', ['--folder', '/data/folder', '--config', join(kept, 'agent.toml')], {
    env: {},
    directory: '/',
  }).settings;
const refused = (): Failure => {
  try {
    takeCard(card, kept);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};
const mistake = (): string => refused().message;

test('an arena of more than a quarter of the memory -> refused, nothing changed', () => {
  write('broker = "mqtt://b"\nname = "b"\narena = "16MiB"\n');
  expect(() => takeCard(card, kept, 48 * 2 ** 20)).toThrow(/arena: 16 MiB is more than a quarter .* 48 MiB/);
  expect(takeCard(card, kept, 64 * 2 ** 20)).toMatchObject({ arena: 16 * 2 ** 20 });
});

test('more watches than the heap holds -> refused, nothing changed; as many as the advice says are taken', () => {
  const withWatches = (count: number) => write(`${LOCKED}watches = ${count}\n`);
  withWatches(1_000_000);
  const refusal = refused();
  expect(refusal.message).toMatch(/toastbox\.toml: watches: 1,000,000 take 732 MiB .* has 3 MiB/);
  expect(onCard()).toContain('horse');
  expect(readdirSync(kept)).toEqual(['next']);
  const [, count] = /^write watches = (\d+) /.exec(refusal.advice!)!;
  withWatches(Number(count) + 1);
  expect(refused().kind).toBe('usage');
  withWatches(Number(count));
  expect(takeCard(card, kept)).toMatchObject({ watches: Number(count) });
});

describe('card: taken', () => {
  test('a secret -> kept for its owner alone, blanked on the card without changing its length', () => {
    write(LOCKED);
    takeCard(card, kept);
    expect(inForce()).toMatchObject({ name: 'board-7', share: 'photos', password: SECRET });
    expect(statSync(join(kept, 'agent.toml')).mode & 0o777).toBe(0o600);
    expect(onCard()).not.toContain('horse');
    expect(onCard()).toHaveLength(LOCKED.length);
    expect(onCard()).toContain('# change me');
    expect(readFileSync(join(kept, 'card.toml'), 'utf8')).toBe(onCard());
  });

  test('the card changed, its secret blank -> the kept one stays', () => {
    write(LOCKED);
    takeCard(card, kept);
    write(onCard().replace('photos', 'music'));
    takeCard(card, kept);
    expect(inForce()).toMatchObject({ share: 'music', password: SECRET });
  });

  test('a secret in the table [agent] -> the same', () => {
    write(`${PLAIN}[agent]\r\nusername = "board-7"\r\npassword = '${'x'.repeat(700)}'\r\n`);
    takeCard(card, kept);
    write(`${onCard()}share = "music"\r\n`);
    takeCard(card, kept);
    expect(inForce()).toMatchObject({ share: 'music', password: 'x'.repeat(700) });
    expect(onCard()).not.toContain('xx');
  });

  test('CRLF and a byte order mark, as editors elsewhere leave them -> taken, and left so', () => {
    const text = `\uFEFF${LOCKED.replaceAll('\n', '\r\n')}`;
    write(text);
    takeCard(card, kept);
    expect(inForce()).toMatchObject({ password: SECRET });
    expect(readFileSync(card).length).toBe(Buffer.byteLength(text));
    expect(onCard().startsWith('\uFEFFbroker')).toBe(true);
  });

  test('a network of its own -> lines for a shell', () => {
    write(
      `${PLAIN}[card]\naddress = "10.0.2.15/24"\nrouter = "10.0.2.2"\ndns = "10.0.2.3"\ntime-server = "pool.ntp.org"\n`,
    );
    takeCard(card, kept);
    expect(readFileSync(join(kept, 'network'), 'utf8')).toBe(
      'board=board-7\naddress=10.0.2.15/24\nrouter=10.0.2.2\ndns=10.0.2.3\ntime_server=pool.ntp.org\n',
    );
  });

  test('certificate and key beside it -> kept, the key blanked on the card; taken again -> the kept key', () => {
    certify();
    const [key, certificate] = [onCard('my.key'), onCard('my.pem')];
    write(`${SECURE}ca-file = "my.pem"\ncert-file = "my.pem"\nkey-file = "my.key"\n`);
    takeCard(card, kept);
    expect(onCard('my.key').trim()).toBe('');
    expect(onCard('my.pem')).toBe(certificate);
    write(`${onCard()}share = "music"\n`);
    takeCard(card, kept);
    expect(readFileSync(inForce()['key-file']!, 'utf8')).toBe(key);
    expect(statSync(inForce()['key-file']!).mode & 0o777).toBe(0o600);
    write(`${PLAIN}ca-file = "my.pem"\n`);
    expect(mistake()).toMatch(/toastbox\.toml: certificates are of no use with mqtt:/);
  });

  test('a certificate with its key in one file -> blanked on the card, whichever option names it', () => {
    certify();
    write(`${onCard('my.pem')}${onCard('my.key')}`, 'my.pem');
    const both = onCard('my.pem');
    write(`${SECURE}ca-file = "my.pem"\ncert-file = "my.pem"\nkey-file = "my.key"\n`);
    takeCard(card, kept);
    expect([onCard('my.pem').trim(), onCard('my.key').trim()]).toEqual(['', '']);
    expect(readFileSync(inForce()['cert-file']!, 'utf8')).toBe(both);
  });

  test('a password in a file beside it -> kept, blanked on the card; taken again -> the kept one', () => {
    write('correct horse\r\n', 'my.password');
    write(`${PLAIN}username = "b"\npassword-file = "my.password"\n`);
    takeCard(card, kept);
    expect(onCard('my.password').trim()).toBe('');
    write(`${onCard()}share = "music"\n`);
    takeCard(card, kept);
    expect(readFileSync(inForce()['password-file']!, 'utf8')).toBe('correct horse\r\n');
  });
});

describe('card: mistakes', () => {
  test.each([
    [
      'an unknown key',
      'borker = "mqtt://broker.lan"\nname = "b"\n',
      /toastbox\.toml:1: there is no key borker.*broker/,
    ],
    [
      'a wrong URL',
      'broker = "http://broker.lan"\nname = "b"\n',
      /toastbox\.toml:1: broker: "http.*mqtt:\/\//,
    ],
    ['no broker', 'name = "b"\n', /toastbox\.toml: agent needs --broker/],
    ['no TOML', 'broker = mqtt://broker.lan\n', /toastbox\.toml:1: /],
    [
      'a wrong address',
      `${PLAIN}address = "10.0.2.15"\n`,
      /toastbox\.toml:3: address: "10\.0\.2\.15" is not an IPv4/,
    ],
    ['a router without an address', `${PLAIN}router = "10.0.2.2"\n`, /need an address/],
    ['a secret that was never here', `${PLAIN}username = "b"\npassword = ""\n`, /password is blank/],
    ['a secret over many lines', `${PLAIN}username = "b"\npassword = """x"""\n`, /in one line/],
    ['a secret that is a number', `${PLAIN}username = "b"\npassword = 12345\n`, /in quotes/],
    ['a secret for another command that is a word', `${PLAIN}[gateway]\npassword = true\n`, /in quotes/],
    ['a secret in a URL', 'broker = "wss://b/?token=xyz"\nname = "b"\n', /broker: what stands after a \?/],
    ['a password elsewhere', `${PLAIN}password-file = "/boot/pw"\n`, /password-file must be the name of/],
    ['a file elsewhere', `${PLAIN}ca-file = "/etc/passwd"\n`, /ca-file must be the name of a file/],
    ['a file that is not there', `${PLAIN}ca-file = "ca.pem"\n`, /boot\/ca\.pem is blank or missing/],
    ['UTF-16', Buffer.from(`\uFEFF${PLAIN}`, 'utf16le'), /not UTF-8/],
  ])('%s -> said with its place, nothing taken', (_, text, said) => {
    write(LOCKED);
    takeCard(card, kept);
    const before = inForce();
    rmSync(join(kept, 'agent.toml'));
    writeFileSync(join(kept, 'agent.toml'), LOCKED.replace(/password.*\n/, ''));
    write(text);
    expect(mistake()).toMatch(said);
    expect(mistake()).not.toContain(kept);
    expect(readFileSync(card)).toEqual(Buffer.from(text));
    expect(inForce()).toEqual({ ...before, password: undefined });
  });

  test('what the board gives the agent itself -> refused by name, in the open and in [agent]', () => {
    const line = /^ *toastbox agent(?:.*\\\n)*.*/m.exec(readFileSync(KEEP, 'utf8'))![0];
    const own = [...line.matchAll(/--([\w-]+)/g)].map(([, name]) => name!).filter(name => name !== 'config');
    expect(own).toHaveLength(8);
    for (const key of own)
      for (const table of ['', '[agent]\n']) {
        write(`${LOCKED}${table}${key} = "x"\n`);
        expect(mistake()).toBe(`${card}: ${key}: the board sets this itself`);
      }
    expect(refused().advice).toBe('take the line out');
    expect([onCard().includes('horse'), readdirSync(kept)]).toEqual([true, []]);
    // A table that no board reads does no harm.
    write(`${PLAIN}[gateway]\nfolder = "/srv"\n`);
    takeCard(card, kept);
  });

  test('no certificate in the file -> said, without the name of a place that nobody knows', () => {
    write('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'ca.pem');
    write(`${SECURE}ca-file = "ca.pem"\n`);
    expect(mistake()).toMatch(/toastbox\.toml: .*boot\/ca\.pem is no certificate in PEM/);
    expect(mistake()).not.toContain(kept);
  });

  test('a certificate in binary, which TLS would pass over -> said', () => {
    certify();
    write(new X509Certificate(onCard('my.pem')).raw, 'ca.pem');
    write(`${SECURE}ca-file = "ca.pem"\n`);
    expect(mistake()).toMatch(/boot\/ca\.pem is no certificate in PEM/);
  });
});

describe('card: its examples', () => {
  /** An example of the help, with the places of this test, in the directory of the card's file. */
  const run = async (example: string) => {
    const line = example.replace('/boot/', `${place}/boot/`).replace('/data/board', `${place}/data/board`);
    const [out, errors] = [new TestOut(), new TestOut()];
    const world = { env: {}, directory: join(place, 'boot') };
    const code = await main({ words: line.split(' ').slice(1), world, out, errors, program: '/none' });
    return { code, said: out.text + errors.text };
  };
  const [[take], [look]] = COMMANDS.card.examples;
  /** All that stands in the test's place, by name. */
  const standing = () =>
    readdirSync(place, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), 'latin1')]);
  let temporary: string | undefined;
  beforeEach(() => {
    temporary = process.env.TMPDIR;
    process.env.TMPDIR = place;
  });
  afterEach(() => {
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
  });

  test('taken, and there is no directory for it yet -> it is made, for its owner alone', async () => {
    write(LOCKED);
    const said = 'settings taken from the card: board-7, share photos, through mqtt://broker.lan\n';
    expect(await run(take)).toEqual({ code: Exit.FINE, said });
    expect(statSync(join(place, 'data/board')).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(place, 'data/board/agent.toml'), 'utf8')).toContain('horse');
  });

  test('looked at -> what would be taken and moved is said, nothing is changed and nothing stays behind', async () => {
    certify();
    write(LOCKED.replace('mqtt:', 'mqtts:').concat('cert-file = "my.pem"\nkey-file = "my.key"\n'));
    const before = standing();
    expect(await run(look)).toEqual({
      code: Exit.FINE,
      said:
        'a board would take board-7, share photos, through mqtts://broker.lan\n' +
        'and move off the card: password, my.key\nnothing was changed\n',
    });
    expect(standing()).toEqual(before);
    write('pasword = "x"\n');
    expect(await run(look)).toMatchObject({
      code: Exit.USAGE,
      said: expect.stringMatching(/no key pasword/),
    });
    expect(standing()).toHaveLength(before.length);
  });

  test('looked at once it was taken -> with what the board has its secrets stand, without they are missed', async () => {
    write(LOCKED);
    takeCard(card, kept);
    write(onCard().replace('photos', 'music'));
    const before = standing();
    expect((await run(look)).said).toMatch(/password is blank or missing/);
    const { code, said } = await run(`${look} --kept ${kept}`);
    expect([code, said]).toEqual([Exit.FINE, expect.stringMatching(/share music.*\nand move .*: nothing\n/)]);
    expect(standing()).toEqual(before);
  });

  test('a directory for the card -> said of which', async () => {
    const directory = join(card, '..');
    const { code, said } = await run(`toastbox card --card ${directory} --look`);
    expect([code, said]).toEqual([Exit.ENVIRONMENT, `toastbox: ${directory}: it is a directory\n`]);
  });
  test('neither a place nor --look -> said what either does', async () => {
    write(LOCKED);
    const { code, said } = await run(look.replace(' --look', ''));
    expect([code, said]).toEqual([Exit.USAGE, expect.stringMatching(/needs --kept DIR.*\n.*--look/)]);
    expect(onCard()).toBe(LOCKED);
  });
});

describe('card: power goes', () => {
  /** Takes a card that holds `text` up to when its blanking begins, and puts what a power cut then left on it. */
  const tear = (text: string, torn: (old: Buffer, blank: Buffer) => Buffer) => {
    write(text);
    takeCard(card, kept);
    const blank = readFileSync(card);
    writeFileSync(join(kept, 'card.old'), text);
    write(torn(Buffer.from(text), blank));
    return blank;
  };

  test('after each sector of the blanking -> done to its end at the next start, the secret kept', () => {
    const long = `# ${'x'.repeat(470)}\n${PLAIN}username = "board-7"\npassword = "${'s'.repeat(1500)}"\n`;
    for (let at = 0; at <= long.length + 511; at += 512) {
      const orders: ((old: Buffer, blank: Buffer) => Buffer)[] = [
        (old, blank) => Buffer.concat([blank.subarray(0, at), old.subarray(at)]),
        (old, blank) => Buffer.concat([old.subarray(0, at), blank.subarray(at)]),
      ];
      for (const order of orders) {
        const blank = tear(long, order);
        const torn = readFileSync(card);
        expect(lookAtCard(card, kept).settings.password, `cut at ${at}`).toBe('s'.repeat(1500));
        expect(readFileSync(card).equals(torn), `looked at, cut at ${at}`).toBe(true);
        takeCard(card, kept);
        expect(readFileSync(card).equals(blank), `cut at ${at}`).toBe(true);
        expect(inForce().password, `cut at ${at}`).toBe('s'.repeat(1500));
        expect(readdirSync(kept)).not.toContain('card.old');
      }
    }
  });

  test('the rest of the secret reads as a comment -> it does not stay there', () => {
    const head = `${PLAIN}username = "board-7"\n`;
    const line = 'password = "';
    const text = `${head}# ${'x'.repeat(512 - 3 - head.length - line.length - 4)}\n${line}abcd#correct-horse"\n`;
    expect(text.indexOf('#correct')).toBe(512);
    tear(text, (old, blank) => Buffer.concat([blank.subarray(0, 512), old.subarray(512)]));
    takeCard(card, kept);
    expect(onCard()).not.toContain('horse');
    expect(inForce().password).toBe('abcd#correct-horse');
  });

  test('a new password over the blanks, its last quote forgotten -> said, and not undone', () => {
    write(LOCKED);
    takeCard(card, kept);
    const blanks = onCard().match(/"" +/)![0];
    const wrong = onCard().replace(blanks, '"another secret'.padEnd(blanks.length));
    write(wrong);
    expect(mistake()).toMatch(/toastbox\.toml:4: /);
    expect(onCard()).toBe(wrong);
  });

  test('in the middle of a key -> the kept one, and no new one that begins with an empty line is taken for it', () => {
    certify();
    const key = onCard('my.key');
    write(`${SECURE}cert-file = "my.pem"\nkey-file = "my.key"\n`);
    takeCard(card, kept);
    write('\n'.repeat(512) + key.slice(512), 'my.key');
    takeCard(card, kept);
    expect(onCard('my.key').trim()).toBe('');
    expect(readFileSync(join(kept, 'my.key'), 'utf8')).toBe(key);
    certify();
    const another = `\n${onCard('my.key')}`;
    write(another, 'my.key');
    takeCard(card, kept);
    expect(readFileSync(join(kept, 'my.key'), 'utf8')).toBe(another);
  });

  test('before a key was blanked -> what a board looks at at its start differs until it is', () => {
    certify();
    const key = onCard('my.key');
    write(`${SECURE}cert-file = "my.pem"\nkey-file = "my.key"\n`);
    takeCard(card, kept);
    const isAsLeft = () => spawnSync('sha256sum', ['-c', join(kept, 'sums')]).status === 0;
    expect(isAsLeft()).toBe(true);
    write(key, 'my.key');
    expect(isAsLeft()).toBe(false);
    takeCard(card, kept);
    expect([isAsLeft(), onCard('my.key').trim()]).toEqual([true, '']);
  });

  test('what was kept is damaged -> taken from the card again, or what has to stand there is said', () => {
    write(PLAIN);
    takeCard(card, kept);
    writeFileSync(join(kept, 'agent.toml'), Buffer.alloc(100));
    takeCard(card, kept);
    expect(inForce()).toMatchObject({ name: 'board-7' });
    write(LOCKED);
    takeCard(card, kept);
    writeFileSync(join(kept, 'agent.toml'), Buffer.alloc(100));
    expect(mistake()).toMatch(/password is blank or missing, and this board has none/);
  });

  test('before anything was in force -> nothing but what a next start clears away', () => {
    mkdirSync(join(kept, 'next'));
    writeFileSync(join(kept, 'next', 'agent.toml'), 'half');
    write(LOCKED);
    takeCard(card, kept);
    expect(readdirSync(kept).sort()).toEqual(['agent.toml', 'card.toml', 'network', 'sums']);
  });
});
