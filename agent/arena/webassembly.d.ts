// The part of WebAssembly's JavaScript interface that we use. TypeScript keeps its types with the browser's DOM, of
// which nothing else exists on a board.

declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number });
    readonly buffer: ArrayBuffer;
  }
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: unknown;
  }
  class RuntimeError extends Error {}
  function validate(bytes: Uint8Array): boolean;
}
