// `toastbox verify`: reads a gateway's whole store and names any damage. The reading is done by another process
// (gateway/verify/process.ts), which a damaged file may end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ask } from '../../agent/control.ts';
import type { Sum, Word } from '../../gateway/verify/findings.ts';
import { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { bytesText, countOf, countText } from '../screen/figures.ts';
import { Screen } from '../screen/screen.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { dataOf, storeOf } from '../settings/store.ts';

export async function verifyCommand({ words, world, out, errors }: Invocation): Promise<Exit> {
  const { settings } = resolveSettings('verify', words, world);
  const screen = new Screen({ out, errors, progress: 'none', isQuiet: false });
  const data = dataOf(settings.data, world.directory);
  const store = storeOf(data);
  // Built, both files end in .js, and stand as in the checkout.
  const program = fileURLToPath(new URL('../../gateway/verify/process.js', import.meta.url));
  const child = spawn(process.execPath, [program, store], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-COMPLAINT_MAX);
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let step = '';
  let sum: Sum | undefined;
  const blocks: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const word = JSON.parse(line) as Word;
    if (settings.json) screen.say(line);
    else if (word.is === 'damage') screen.say(`damaged: ${word.text}`);
    if (word.is === 'step') step = word.text;
    if (word.is === 'sum') sum = word.sum;
    if (word.is === 'block') blocks.push(word.id);
  }
  const [code, signal] = await closed;
  if (sum !== undefined) {
    if (!settings.json) screen.say(inWords(sum));
    if (blocks.length > 0) await doubt(data, blocks, screen);
    return sum.damages === 0 ? Exit.FINE : Exit.FAILED;
  }
  const refusal = /^Failure: (.*)$/m.exec(complaint)?.[1];
  const text =
    refusal === undefined
      ? `the database itself, at: ${step}: reading it ended by ${signal ?? whyOf(complaint, code)}`
      : `the database itself: ${refusal}`;
  screen.say(settings.json ? JSON.stringify({ is: 'damage', text } satisfies Word) : `damaged: ${text}`);
  screen.warn(
    "put a backup in its place, or move the gateway's --data away: the boards bring what they have",
  );
  return Exit.FAILED;
}

/** A gateway that runs looks at these blocks for itself, and asks for what is damaged with the next offer of it. */
async function doubt(data: string, blocks: readonly string[], screen: Screen): Promise<void> {
  try {
    const answer = (await ask(data, { ask: 'doubt', blocks })) as { doubted?: number };
    if (answer.doubted === undefined) throw new Error('it cannot be told now');
    screen.warn(
      'the gateway was told: it takes what is damaged from a board that writes the file anew, or a copy',
    );
  } catch {
    screen.warn('no gateway was there to be told: to mend a file, verify beside the running gateway first');
  }
}

const COMPLAINT_MAX = 4_096;

/** The line of an uncaught error that says what it was. */
const whyOf = (complaint: string, code: number | null): string =>
  /^\w*(?:Error|Trouble)?: .*$/m.exec(complaint)?.[0] ?? `exit code ${code}`;

function inWords(sum: Sum): string {
  const { blocks, blockBytes, contents, shares, paths, versions, damages } = sum;
  const read = [
    `${countOf(blocks, 'block')} (${bytesText(blockBytes)})`,
    countOf(contents, 'content'),
    countOf(paths, 'path'),
    countOf(versions, 'older version'),
  ];
  const what = `${read.join(', ')} in ${countOf(shares, 'share')}`;
  if (damages === 0) return `verified ${what}: all is well`;
  return `read ${what}: ${countText(damages)} damaged`;
}
