// Mistakes in a card's settings: said on the console and in the status topic, the last good ones stay in use. Secrets
// leave the card.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { putOnCard, readFromCard } from '../../boot/machine.ts';
import { ROOT } from '../../places.ts';
import { mustBe, type Scenario } from '../scenario.ts';
import { until } from '../wait.ts';

const SAID_MS = 300_000;

export const settings: Scenario = {
  name: 'settings',
  summary: 'mistakes in toastbox.toml, a broker that is not there, a name that is in use; secrets moved',
  isShort: false,
  troubles: /toastbox\.toml|ca\.pem/,
  async run(stand) {
    await stand.on();
    await stand.cut();
    const good = [`broker = "${stand.broker}"`, `name = "${stand.name}"`, 'username = "me"'];
    const lastError = async () => String((await stand.host.statusOf(stand.name))?.lastError);

    stand.settings([...good, 'pasword = "secret"']);
    await stand.power();
    await stand.board.saying(/toastbox\.toml:4: there is no key pasword.*password/, SAID_MS);
    await stand.board.saying(/the last good settings stay in use/, SAID_MS);
    await until('its status says so', async () => (await lastError()).includes('no key pasword'), SAID_MS);
    await stand.cut();

    putOnCard(stand.card, 'ca.pem', 'no certificate\n');
    for (const [lines, said] of [
      [[`broker = "mqtt//${stand.broker}"`, good[1]!], /toastbox\.toml:1: broker: .* is not a broker URL/],
      [[...good, 'ca-file = "ca.pem"'], /ca\.pem is no certificate/],
    ] as const) {
      stand.settings(lines);
      await stand.power();
      await stand.board.saying(said, SAID_MS);
      await until('its status says so', async () => said.test(await lastError()), SAID_MS);
      await stand.cut();
    }

    stand.settings([...good, 'password = "secret of the card"']);
    await stand.power();
    await stand.board.saying(/settings taken from the card/, SAID_MS);
    mustBe(!String(readFromCard(stand.card, 'toastbox.toml')).includes('secret'), 'the secret left the card');
    const mode = await stand.run(
      'stat -c %a /data/board/agent.toml; grep -c "secret of" /data/board/agent.toml',
    );
    mustBe(mode === '600\n1', `the secret is kept for root alone: ${mode}`);

    const other = join(stand.options.place, 'other');
    mkdirSync(other, { recursive: true });
    const program = join(ROOT, 'cli', 'toastbox.mjs');
    const broker = `mqtt://127.0.0.1:${stand.host.port}`;
    const rival = spawn(program, ['agent', '--folder', other, '--broker', broker, '--name', stand.name], {
      stdio: 'ignore',
    });
    await stand.board.saying(/another client came in under our name/, SAID_MS);
    rival.kill();
    await once(rival, 'exit');
    await stand.settle();
    await stand.cut();

    stand.settings([`broker = "mqtt://10.0.2.2:1"`, `name = "${stand.name}"`]);
    await stand.power();
    await stand.board.saying(/nothing answers there|ECONNREFUSED/, SAID_MS);
    await stand.cut();

    stand.settings([`broker = "${stand.broker}"`, `name = "${stand.name}"`, 'rescan = "30s"']);
    await stand.power();
    await stand.settle();
    return { mistakes: 6 };
  },
};
