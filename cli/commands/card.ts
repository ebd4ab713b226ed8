// `toastbox card`: takes a board's settings from its card, and says whose they are.

import { shownUrl } from '../../transport/endpoint.ts';
import { takeCard } from '../card/take.ts';
import { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { resolveSettings } from '../settings/resolve.ts';

export async function cardCommand({ words, world, out }: Invocation): Promise<Exit> {
  const { card, kept } = resolveSettings('card', words, world).settings;
  const { name, share = name, broker } = takeCard(card, kept);
  const as = share === name ? '' : `, share ${share}`;
  out.write(`settings taken from the card: ${name}${as}, through ${shownUrl(broker)}\n`);
  return Exit.FINE;
}
