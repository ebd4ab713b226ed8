// A data partition that is full, damaged or missing, and a kernel without room for watches: the board says what is
// wrong, keeps what it has and tries again.

import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { layoutOf } from '../../boot/machine.ts';
import { runTool } from '../../fetch/tool.ts';
import { mustBe, type Scenario } from '../scenario.ts';
import { FOLDER } from '../stand.ts';
import { until } from '../wait.ts';

const SAID_MS = 300_000;
/** A directory that the data partition loses. */
const LOST = 'photos';

export const data: Scenario = {
  name: 'data',
  summary: 'the data partition full, damaged, missing, damaged in use; no room for watches',
  isShort: false,
  troubles: /ENOSPC|watching|data partition/,
  async run(stand) {
    await stand.on();
    const lastError = async () => String((await stand.host.statusOf(stand.name))?.lastError);

    // Most of it without writing it, which on an emulated card takes minutes; then what is left, to the last block.
    await stand.run(
      "fallocate -l $(df -k /data | awk 'END { print int($4 * 0.98) }')k /data/filler; " +
        'dd if=/dev/zero of=/data/rest bs=64k 2>/dev/null; true',
      SAID_MS,
    );
    const wanted = join(stand.copy, 'does not fit');
    writeFileSync(wanted, Buffer.alloc(3_000_000, 7));
    await until('it says that the disk is full', async () => (await lastError()).includes('ENOSPC'), SAID_MS);
    await stand.run('rm /data/filler /data/rest');
    await stand.settle();
    rmSync(wanted);

    await stand.run('echo 0 >/proc/sys/fs/inotify/max_user_watches; kill $(pidof node)');
    await until(
      'it says that there is no room',
      async () => (await lastError()).includes('watching'),
      SAID_MS,
    );
    await stand.run(`echo found by a rescan >${FOLDER}/unwatched`);
    mkdirSync(join(stand.copy, LOST));
    for (let at = 0; at < 20; at++) writeFileSync(join(stand.copy, LOST, String(at)), `${at}\n`);
    await stand.settle();
    const digest = await stand.settle();
    // With nothing left in its journal, which would bring back what is damaged below.
    await stand.run('fsfreeze --freeze /data');
    await stand.cut();

    // A directory is gone, whose files fsck can only put elsewhere, and its first blocks, of which there is a copy.
    const { offset } = layoutOf(stand.card).data;
    const partition = `${stand.card}?offset=${offset}`;
    runTool('debugfs', ['-w', '-R', `clri /folder/${LOST}`, partition], { package: 'e2fsprogs' });
    const card = openSync(stand.card, 'r+');
    writeSync(card, Buffer.alloc(8192), 0, 8192, offset);
    closeSync(card);
    await stand.power();
    const after = await stand.settle();
    mustBe(after === digest, 'what was synced is all there after damage');
    mustBe(/both sides are compared anew/.test(stand.board.said), 'what fsck took away was no deletion');
    mustBe(!/EXT4-fs error/.test(stand.board.said), 'the damage is mended before anything is written');

    // The kernel finds an error while the board runs.
    await stand.run(
      `echo found >/sys/fs/ext4/$(basename $(df /data | awk 'END { print $1 }'))/trigger_fs_error`,
    );
    await stand.board.saying(/the data partition had an error/, SAID_MS);
    mustBe(await stand.reboots(SAID_MS), 'the board rebooted');
    await stand.power();
    mustBe((await stand.settle()) === digest, 'all is there after an error');
    await stand.cut();

    runTool('sfdisk', ['--quiet', '--delete', stand.card, '3'], { package: 'fdisk' });
    await stand.power({}, false);
    await stand.board.saying(/there is no data partition.*\s+.*it is tried again/, SAID_MS);
    await stand.cut();
    const sector = 512;
    const row = `start=${offset / sector}, type=83`;
    runTool('sfdisk', ['--quiet', '--append', stand.card], { input: `${row}\n`, package: 'fdisk' });
    await stand.power();
    await stand.settle();
    return { troubles: 5 };
  },
};
