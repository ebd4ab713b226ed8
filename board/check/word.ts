// `npm run board -- check armv7`: an image, made and started in QEMU, and what has to hold on it. Each scenario prints
// its figures in one line of JSON, and stops the check where something does not hold.

import { existsSync, statSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure } from '../../agent/failure.ts';
import { Exit } from '../../cli/exits.ts';
import { suggestion } from '../../cli/settings/nearest.ts';
import { imagePlace, makeImage } from '../image/image.ts';
import { boardOf } from '../image/parts.ts';
import { BUILD } from '../places.ts';
import { budgetOf, overruns, ramOf } from './budget.ts';
import type { Figures, Scenario } from './scenario.ts';
import { both } from './scenarios/both.ts';
import { data } from './scenarios/data.ts';
import { idle } from './scenarios/idle.ts';
import { join } from './scenarios/join.ts';
import { link, outage } from './scenarios/outage.ts';
import { powercut } from './scenarios/powercut.ts';
import { settings } from './scenarios/settings.ts';
import { stuck } from './scenarios/stuck.ts';
import { update } from './scenarios/update.ts';
import { week } from './scenarios/week.ts';
import { Stand } from './stand.ts';
import { saveFigures } from './table.ts';

const SCENARIOS: readonly Scenario[] = [
  join,
  both,
  update,
  powercut,
  stuck,
  settings,
  data,
  outage,
  link,
  week,
  idle,
];
/** What has to hold in the least RAM that there is a figure of. */
const FLOOR = ['join', 'both', 'update'];
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const CARD_BYTES = { short: 2 ** 29, long: 2 ** 32 };

export interface CheckOptions {
  word: string;
  ramMib: number;
  isLong: boolean;
  /** Scenarios by name; the short or all if none. */
  only: readonly string[];
  onFigures(name: string, figures: Figures): void;
  onText(text: string): void;
}

/** Runs scenarios on one card. Throws what does not hold. */
export async function check(options: CheckOptions): Promise<void> {
  const { word, ramMib, isLong, only } = options;
  const chosen =
    only.length > 0 ? only.map(scenarioOf) : SCENARIOS.filter(({ isShort }) => isLong || isShort);
  const image = imagePlace(word);
  if (!existsSync(image)) await makeImage(word);
  const stand = new Stand({
    ...{ word, ramMib, image, place: joinPath(BUILD, 'check', word), onText: options.onText },
    cardBytes: isLong ? CARD_BYTES.long : CARD_BYTES.short,
  });
  const isShort = !isLong && chosen.every(scenario => scenario.isShort);
  const short = budgetOf(word);
  const { rssAnonLongKiB: long } = short;
  const budget = isShort ? short : { ...short, rssAnonKiB: long, rssAnonMostKiB: long };
  const over: string[] = [];
  const unexplained: string[] = [];
  const tell = (name: string, figures: Figures) => {
    options.onFigures(name, figures);
    over.push(...overruns(name, figures, budget));
  };
  tell('image', { bytes: statSync(image).size });
  // Whoever ends the check ends what it started.
  const leave = () => void stand.close().then(() => process.exit(Exit.FAILED));
  for (const signal of SIGNALS) process.once(signal, leave);
  try {
    await stand.open();
    for (const scenario of chosen) {
      tell(scenario.name, await scenario.run(stand, isLong));
      const troubles = stand.takeTroubles().filter(text => !scenario.troubles?.test(text));
      unexplained.push(...troubles.map(text => `${scenario.name}: ${text}`));
    }
    // The last scenario may have left it without power.
    await stand.on();
    await stand.settle();
    await stand.rest();
    tell('memory', { ramMib, ...(await stand.memory()), oomKills: stand.kills });
    if (stand.kills > 0) throw new Failure('runtime', 'the kernel killed something for memory');
    if (unexplained.length > 0)
      throw new Failure(
        'runtime',
        `the board complained, and nothing explains it: ${unexplained.join('; ')}`,
      );
    if (over.length > 0)
      throw new Failure('runtime', `over the budget (board/budget.json): ${over.join('; ')}`);
  } finally {
    for (const signal of SIGNALS) process.off(signal, leave);
    await stand.close();
  }
}

function scenarioOf(name: string): Scenario {
  const names = SCENARIOS.map(scenario => scenario.name);
  const found = SCENARIOS.find(scenario => scenario.name === name);
  if (found === undefined)
    throw new Failure(
      'usage',
      `there is no scenario ${name}${suggestion(name, names)}`,
      `there are ${names.join(', ')}`,
    );
  return found;
}

export async function checkWord(words: readonly string[]): Promise<Exit> {
  const { values, positionals } = parsed(words);
  const word = boardOf(positionals);
  const ramMib = ramOf(values.ram, word);
  await check({
    word,
    ramMib,
    isLong: values.long,
    only: values.floor ? FLOOR : values.only,
    onFigures: (name, figures) => {
      console.log(JSON.stringify({ scenario: name, ...figures }));
      // Memory is that of the whole short check, or it says nothing.
      const isPart = name === 'memory' && (values.long || values.only.length > 0);
      if (values.save && !values.floor && !isPart) saveFigures(word, name, figures);
    },
    onText: text => values.console && process.stderr.write(text),
  });
  if (values.floor) saveFigures(word, values.long ? 'floorLong' : 'floor', { ramMib });
  return Exit.FINE;
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        ram: { type: 'string' },
        long: { type: 'boolean', default: false },
        console: { type: 'boolean', default: false },
        floor: { type: 'boolean', default: false },
        save: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
      },
    });
  } catch (error) {
    throw new Failure('usage', (error as Error).message);
  }
}
