// Bytes that a seed makes: the same in every run and easy to make again in another language.

/** xorshift32 (Marsaglia 2003, triple 13, 17, 5): the state after each step is the number. The seed is not 0. */
export function xorshift(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** Random bytes: the numbers one after the other, u32le, cut to length. */
export function randomBytes(seed: number, count: number): Uint8Array {
  const next = xorshift(seed);
  const bytes = new Uint8Array(Math.ceil(count / 4) * 4);
  const view = new DataView(bytes.buffer);
  for (let offset = 0; offset < bytes.length; offset += 4) view.setUint32(offset, next(), true);
  return bytes.subarray(0, count);
}

/** Lines as a log has them: a growing number, then a word chosen by a random number, until the length is reached. */
function textBytes(seed: number, count: number): Uint8Array {
  const words = ['started', 'stopped', 'sent', 'received', 'temperature', 'pressure', 'retry', 'ok'];
  const next = xorshift(seed);
  const lines: string[] = [];
  for (let length = 0, line = 0; length < count; line++) {
    const text = `${line} ${words[next() % words.length]} ${next() % 1000}\n`;
    lines.push(text);
    length += text.length;
  }
  return new TextEncoder().encode(lines.join('')).subarray(0, count);
}

/** What test/golden/cuts.txt names. */
export function namedBytes(name: string, count: number): Uint8Array {
  const [kind, number] = name.split(':');
  if (kind === 'random') return randomBytes(Number(number), count);
  if (kind === 'text') return textBytes(Number(number), count);
  if (kind === 'same') return new Uint8Array(count).fill(Number(number));
  if (kind === 'count') return Uint8Array.from({ length: count }, (_, index) => index % Number(number));
  throw new Error(`no generator is called ${name}`);
}
