// The machines that there are packages for, under the names that Debian and npm have for them.

import { Failure } from '../agent/failure.ts';

const TARGETS = ['armhf', 'arm64', 'amd64'] as const;
/** As Debian calls it. */
export type Target = (typeof TARGETS)[number];

/** What uname and the rest of the world say. */
const ALIASES: Readonly<Record<string, Target>> = {
  armv7: 'armhf',
  armv7l: 'armhf',
  aarch64: 'arm64',
  x64: 'amd64',
  x86_64: 'amd64',
};

function targetOf(word: string): Target {
  const target = ALIASES[word] ?? TARGETS.find(name => name === word);
  if (target === undefined)
    throw new Failure('usage', `"${word}" is no target`, `the targets are ${TARGETS.join(', ')}`);
  return target;
}

/** The targets that are named, or all. */
export const targetsOf = (words: readonly string[]): readonly Target[] =>
  words.length === 0 ? TARGETS : words.map(targetOf);
