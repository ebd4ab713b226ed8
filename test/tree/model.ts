// A sorted map in plain TypeScript, to hold the tree against.

export class Model {
  #keys: Uint8Array[] = [];
  #values: Uint8Array[] = [];

  static copy(other: Model): Model {
    const model = new Model();
    model.#keys = [...other.#keys];
    model.#values = [...other.#values];
    return model;
  }

  get count(): number {
    return this.#keys.length;
  }

  entries(): [Uint8Array, Uint8Array][] {
    return this.#keys.map((key, index) => [key, this.#values[index]!]);
  }

  keyAt(index: number): Uint8Array {
    return this.#keys[index]!;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const index = this.#seek(key);
    return this.#is(index, key) ? this.#values[index] : undefined;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const index = this.#seek(key);
    const isThere = this.#is(index, key);
    this.#keys.splice(index, isThere ? 1 : 0, key);
    this.#values.splice(index, isThere ? 1 : 0, value);
  }

  remove(key: Uint8Array): boolean {
    const index = this.#seek(key);
    if (!this.#is(index, key)) return false;
    this.#keys.splice(index, 1);
    this.#values.splice(index, 1);
    return true;
  }

  next(from: Uint8Array, isInclusive: boolean): [Uint8Array, Uint8Array] | undefined {
    const index = this.#seek(from);
    return this.#entry(this.#is(index, from) && !isInclusive ? index + 1 : index);
  }

  previous(from: Uint8Array, isInclusive: boolean): [Uint8Array, Uint8Array] | undefined {
    const index = this.#seek(from);
    return this.#entry(this.#is(index, from) && isInclusive ? index : index - 1);
  }

  #entry(index: number): [Uint8Array, Uint8Array] | undefined {
    const key = this.#keys[index];
    return key === undefined ? undefined : [key, this.#values[index]!];
  }

  #is(index: number, key: Uint8Array): boolean {
    const there = this.#keys[index];
    return there !== undefined && Buffer.compare(there, key) === 0;
  }

  #seek(key: Uint8Array): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(this.#keys[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
