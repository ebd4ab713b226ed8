// A board's console: what it said, waiting for it to say something, and commands typed into its shell.
//
// The shell on the console edits lines, with echo and prompts. So the first thing typed makes it read plain lines;
// a command's output and exit code then come back in one line between marks, in hexadecimal, whatever the board's own
// programs print in between.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Failure } from '../../agent/failure.ts';

/** Kept of what it said: the last of it. */
const SAID_MAX = 2 ** 20;
const READY = /Please press Enter to activate this console/;

export interface Answer {
  code: number;
  text: string;
}

export class Console {
  readonly process: ChildProcess;
  /** Since this process started. */
  said = '';
  private dropped = 0;
  private readonly listeners = new Set<() => void>();
  private commands = 0;
  private end: string | undefined;

  constructor(process: ChildProcess, onText: (text: string) => void = () => {}) {
    this.process = process;
    process.on('refused', error => this.close(String(error)));
    process.on('exit', (code, signal) => this.close(`QEMU ended (${signal ?? code})`));
    for (const stream of [process.stdout, process.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        onText(text);
        this.said += text;
        if (this.said.length > SAID_MAX) {
          this.dropped += this.said.length - SAID_MAX / 2;
          this.said = this.said.slice(-SAID_MAX / 2);
        }
        for (const listener of this.listeners) listener();
      });
    process.stdin?.on('error', () => {});
  }

  get isEnded(): boolean {
    return this.end !== undefined;
  }

  /** Where what is said next begins: for `from` of saying(). */
  get position(): number {
    return this.dropped + this.said.length;
  }

  /** Waits until it says something that fits, after `from`. Fails when the machine ends, or after `withinMs`. */
  async saying(what: RegExp, withinMs: number, from = 0): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.listeners.delete(look);
        act();
      };
      const fail = (why: string) =>
        settle(() => reject(new Failure('runtime', `${why}: ${what}\n${this.said.slice(-2000)}`)));
      const look = () => {
        const found = what.exec(this.said.slice(Math.max(0, from - this.dropped)));
        if (found !== null) settle(() => resolve(found));
        else if (this.end !== undefined) fail(`${this.end} before it said`);
      };
      const timer = setTimeout(() => fail(`not said in ${withinMs / 1000} s`), withinMs);
      this.listeners.add(look);
      look();
    });
  }

  /** Waits for the shell and opens it. */
  async open(withinMs: number): Promise<void> {
    await this.saying(READY, withinMs);
    // One after the other: a shell that edits lines throws away what was typed ahead of its prompt.
    let from = this.position;
    this.type('');
    await this.saying(/ # /, withinMs, from);
    from = this.position;
    this.type("stty -echo; echo '@''ready'; while read -r line; do eval \"$line\"; done");
    await this.saying(/@ready/, withinMs, from);
  }

  /** Runs a command line in the board's shell. */
  async run(command: string, withinMs = 60_000): Promise<Answer> {
    const id = `${process.pid}.${++this.commands}`;
    const from = this.position;
    const quoted = command.replaceAll("'", "'\\''");
    // The mark is not in what is typed, which the terminal may show.
    this.type(
      `x=$(sh -c '${quoted}' 2>&1 </dev/null; echo " $?"); printf '\\n@%s %s@\\n' '@${id}' "$(printf %s "$x" | xxd -p | tr -d '\\n')"`,
    );
    const mark = new RegExp(`@@${id.replace('.', '\\.')} ([0-9a-f]*)@`);
    const [, hex] = await this.saying(mark, withinMs, from);
    const text = Buffer.from(hex!, 'hex').toString();
    const at = text.lastIndexOf(' ');
    return { code: Number(text.slice(at + 1)), text: text.slice(0, at).replace(/\n$/, '') };
  }

  type(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  /** Power goes. */
  async cut(): Promise<void> {
    if (this.isEnded) return;
    const exit = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exit;
  }

  private close(why: string): void {
    this.end ??= why;
    for (const listener of this.listeners) listener();
  }
}
