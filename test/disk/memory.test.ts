import { memorySystem } from '../sim/disk.ts';
import { Volume } from '../sim/volume.ts';
import type { Ground } from './bench.ts';
import { acceptChanging } from './changing.ts';
import { acceptLooking } from './looking.ts';

const open = (): Ground => {
  const volume = new Volume();
  volume.mkdirSync('/home/folder', { recursive: true });
  volume.mkdirSync('/home/outside');
  return { system: memorySystem(volume), root: '/home/folder', outside: '/home/outside', hands: volume };
};

acceptLooking('memory', open, () => {});
acceptChanging('memory', open, () => {});
