import { acceptDisk } from './acceptance.ts';
import { closeGround, openGround } from './ground.ts';

acceptDisk('real', openGround, closeGround);
