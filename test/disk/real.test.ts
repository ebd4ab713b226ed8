import { acceptChanging } from './changing.ts';
import { closeGround, openGround } from './ground.ts';
import { acceptLooking } from './looking.ts';

acceptLooking('real', openGround, closeGround);
acceptChanging('real', openGround, closeGround);
