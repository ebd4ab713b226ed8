// An engine's options in tests of its parts.

import type { EngineOptions } from '../../agent/engine/core.ts';

export const OPTIONS: EngineOptions = {
  board: 'board',
  share: 'share',
  software: 'test',
  session: 1,
  rescanSeconds: 3600,
  fetchesMax: 8,
  windowFrames: 4,
};
