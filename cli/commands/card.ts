// `toastbox card`: takes a board's settings from its card, or looks at what a board would take; says whose they are.

import { Failure } from '../../agent/failure.ts';
import { shownUrl } from '../../transport/endpoint.ts';
import { lookAtCard, takeCard } from '../card/take.ts';
import { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import type { SettingsOf } from '../options/table.ts';
import { resolveSettings } from '../settings/resolve.ts';

export async function cardCommand({ words, world, out }: Invocation): Promise<Exit> {
  const { card, kept, look } = resolveSettings('card', words, world).settings;
  if (look) {
    const { settings, moved } = lookAtCard(card, kept);
    const secrets = moved.length === 0 ? 'nothing' : moved.join(', ');
    out.write(
      `a board would take ${whose(settings)}\nand move off the card: ${secrets}\nnothing was changed\n`,
    );
    return Exit.FINE;
  }
  if (kept === undefined)
    throw new Failure(
      'usage',
      'card needs --kept DIR: secrets are moved there, and blanked on the card',
      'to check the card and change nothing, say --look',
    );
  out.write(`settings taken from the card: ${whose(takeCard(card, kept))}\n`);
  return Exit.FINE;
}

function whose({ name, share = name, broker }: SettingsOf<'agent'>): string {
  return `${name}${share === name ? '' : `, share ${share}`}, through ${shownUrl(broker)}`;
}
