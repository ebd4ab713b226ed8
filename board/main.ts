// What puts toastbox onto boards: `npm run board -- WORD ...`. Each word's code is loaded when it is called for.
//
// A word is one row of WORDS: what it takes, what it does, and the module that does it. It gets the words behind it
// and says what the process exits with. Exit codes are those of the program itself (cli/exits.ts).

import { Exit, exitOf, failureOf } from '../cli/exits.ts';
import { suggestion } from '../cli/settings/nearest.ts';

export type Run = (words: readonly string[]) => Promise<Exit>;

interface Word {
  usage: string;
  summary: string;
  load(): Promise<Run>;
}

const WORDS: Readonly<Record<string, Word>> = {
  bundle: {
    usage: 'bundle [agent|gateway]',
    summary: 'the program in one file, with the wasm beside it, into build/board/',
    load: async () => (await import('./bundle/word.ts')).bundleWord,
  },
  deb: {
    usage: 'deb [armhf|arm64|amd64] [--as VERSION]',
    summary: 'packages for boards and machines that run Debian, into build/board/debs/',
    load: async () => (await import('./packages/word.ts')).debWord,
  },
  image: {
    usage: 'image armv7|arm64',
    summary: 'a disk image for a card, into build/board/image/',
    load: async () => (await import('./image/word.ts')).imageWord,
  },
  boot: {
    usage: 'boot armv7|arm64 [--ram MIB] [--broker URL]',
    summary: 'starts an image in QEMU and shows its console; Ctrl-A X ends it',
    load: async () => (await import('./boot/word.ts')).bootWord,
  },
  check: {
    usage: 'check armv7|arm64 [--ram MIB] [--only NAME] [--long] [--save] [--floor] [--console]',
    summary: 'what has to hold on a board, in QEMU: minutes, hours with --long',
    load: async () => (await import('./check/word.ts')).checkWord,
  },
  table: {
    usage: 'table',
    summary: 'the figures that check --save kept, into board/README.md',
    load: async () => (await import('./check/table.ts')).tableWord,
  },
};

const USAGE = [
  'usage: npm run board -- WORD [...]',
  '',
  ...Object.values(WORDS).flatMap(({ usage, summary }) => [`  ${usage}`, `      ${summary}`]),
  '',
  'What is downloaded is kept in .cache/board, or where BOARD_CACHE says. Pieces of Debian come from the mirror in',
  "this machine's apt sources, or from BOARD_MIRROR. board/README.md tells the rest.",
].join('\n');

async function main([first, ...words]: readonly string[]): Promise<Exit> {
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    console.log(USAGE);
    return first === undefined ? Exit.USAGE : Exit.FINE;
  }
  const word = WORDS[first];
  if (word === undefined) {
    const what = `there is no word ${JSON.stringify(first)}${suggestion(first, Object.keys(WORDS))}`;
    console.error(`board: ${what}\n\n${USAGE}`);
    return Exit.USAGE;
  }
  if (words.includes('--help') || words.includes('-h')) {
    console.log(`usage: npm run board -- ${word.usage}\n\n  ${word.summary}`);
    return Exit.FINE;
  }
  try {
    const run = await word.load();
    return await run(words);
  } catch (error) {
    const failure = failureOf(error);
    console.error(`board: ${failure.message}`);
    if (failure.advice !== undefined) console.error(`  ${failure.advice}`);
    if (failure.kind === 'runtime' && failure.cause instanceof Error) console.error(failure.cause.stack);
    return exitOf(failure);
  }
}

process.exitCode = await main(process.argv.slice(2));
