// An agent that is stuck: stopped, so that nothing of it moves and nothing ends. Its pulse grows old, the watchdog is
// not fed, the board reboots and goes on.

import { mustBe, type Scenario, timed } from '../scenario.ts';

const STALE_S = 20;
const REBOOT_MS = 900_000;

export const stuck: Scenario = {
  name: 'stuck',
  summary: 'an agent that is stuck (SIGSTOP): the watchdog reboots the board',
  isShort: false,
  async run(stand) {
    await stand.power({ kernelWords: [`toastbox.stale=${STALE_S}`] });
    await stand.joined();
    // A board that is well is not rebooted: longer than the pulse may be old and the watchdog may hunger.
    await stand.run(`sleep ${STALE_S + 70}`, REBOOT_MS);
    mustBe(!stand.board.isEnded, 'a board that is well stays on');
    const rebootSeconds = await timed(async () => {
      stand.board.type('kill -STOP $(pidof node)');
      mustBe(await stand.reboots(REBOOT_MS), 'the board rebooted');
    });
    mustBe(/the watchdog is not fed/.test(stand.board.said), 'it said why');
    await stand.power();
    await stand.settle();
    return { rebootSeconds };
  },
};
