// A stream to print to that remembers what was printed, and can be a terminal or go away.

import { EventEmitter } from 'node:events';
import type { Out } from '../../cli/screen/screen.ts';

export class TestOut extends EventEmitter implements Out {
  text = '';
  isTTY: boolean;
  columns: number | undefined;

  constructor(columns?: number) {
    super();
    this.columns = columns;
    this.isTTY = columns !== undefined;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  /** What was printed since the last time. */
  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}
