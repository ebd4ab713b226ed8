import { Volume } from 'memfs';
import { memorySystem } from '../sim/disk.ts';
import { acceptDisk } from './acceptance.ts';

acceptDisk(
  'memory',
  () => {
    const volume = new Volume();
    volume.mkdirSync('/home/folder', { recursive: true });
    volume.mkdirSync('/home/outside');
    return { system: memorySystem(volume), root: '/home/folder', outside: '/home/outside', hands: volume };
  },
  () => {},
);
