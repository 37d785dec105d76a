// The few web globals the core uses; every runtime it is meant for has them.
// The core compiles without the DOM or Node type packages on purpose: `process` or `Buffer` here is a compile error.

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array): string;
}

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
}

declare const performance: { now(): number };

// What `examples/` uses beside that.
declare const crypto: { getRandomValues(bytes: Uint8Array<ArrayBuffer>): Uint8Array };

declare class BroadcastChannel {
  constructor(name: string);
  onmessage: (event: { readonly data: unknown }) => void;
  postMessage(message: unknown): void;
  close(): void;
}
