// What the compiled module of `assembly/` offers, as WebAssembly sees it. Addresses and sizes are
// bytes of its one memory; what each function does and needs stands in `assembly/`.

/** The functions and fixed addresses of `assembly/index.ts`. */
export type KernelExports = {
  readonly memory: WebAssembly.Memory;
  readonly WINDOW: WebAssembly.Global;
  readonly WINDOW_SIZE: WebAssembly.Global;

  readonly BLAKE3_KEY: WebAssembly.Global;
  readonly BLAKE3_LEASE: WebAssembly.Global;
  readonly BLAKE3_NODE: WebAssembly.Global;
  readonly BLAKE3_NODE_SIZE: WebAssembly.Global;
  readonly BLAKE3_STATE: WebAssembly.Global;
  readonly BLAKE3_STATE_SIZE: WebAssembly.Global;
  readonly blake3Start: (keyed: number) => void;
  readonly blake3StartContext: () => void;
  readonly blake3StartMaterial: () => void;
  readonly blake3StartSubtree: (keyed: number, chunk: number) => void;
  readonly blake3Update: (input: number, size: number) => void;
  readonly blake3End: () => void;
  readonly blake3Join: (keyed: number, children: number) => void;
  readonly blake3Root: (out: number) => void;
  readonly blake3Value: (out: number) => void;
  readonly blake3Squeeze: (first: number, count: number, out: number) => void;
  readonly blake3Short: (input: number, size: number, key: number, out: number) => void;
  readonly blake3Batch: (batch: number, count: number, keyed: number, out: number) => void;
  readonly blake3Wipe: () => void;
  readonly forget: (address: number, size: number) => void;

  readonly AEAD_DATA: WebAssembly.Global;
  readonly AEAD_LEASE: WebAssembly.Global;
  readonly AEAD_NONCE: WebAssembly.Global;
  readonly AEAD_TAG: WebAssembly.Global;
  readonly AEAD_TEXT: WebAssembly.Global;
  readonly aeadStart: (key: number, nonce: number, extended: number) => void;
  readonly aeadAbsorb: (data: number, size: number) => void;
  readonly aeadSeal: (text: number, size: number) => void;
  readonly aeadOpen: (text: number, size: number) => void;
  readonly aeadTag: (additionalSize: number, textSize: number) => void;
  readonly aeadVerify: (additionalSize: number, textSize: number) => number;
  readonly aeadWipe: () => void;
  readonly aeadSealMessage: (message: number, extended: number, additionalSize: number, textSize: number) => void;
  readonly aeadOpenMessage: (message: number, extended: number, additionalSize: number, textSize: number) => number;
  readonly aeadWipeMessage: (message: number, textSize: number) => void;
  readonly aeadSealBatch: (batch: number, extended: number, count: number) => void;
  readonly aeadOpenBatch: (batch: number, extended: number, count: number) => number;

  readonly RS_MATRIX: WebAssembly.Global;
  readonly rsPrepare: (rows: number, columns: number) => void;
  readonly rsMultiply: (input: number, output: number, stride: number, size: number) => void;
  readonly rsSlice: (stripe: number, stride: number, count: number) => void;
  readonly rsUnslice: (stripe: number, stride: number, count: number) => void;

  readonly sha256Start: () => void;
  readonly sha256Update: (input: number, size: number) => void;
  readonly sha256Finish: (input: number, size: number, total: number, out: number) => void;

  readonly GEAR_TABLE: WebAssembly.Global;
  readonly gearStart: () => void;
  readonly gearScan: (input: number, size: number, zeroBits: number) => number;
};

/** One instance of the module, with its memory in view. */
export interface KernelModule {
  readonly exports: KernelExports;
  /** All of the module's memory. It never grows, so this view stays valid. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Address of the window through which bytes enter and leave, and its size. */
  readonly window: number;
  readonly windowSize: number;
}

/** The value of an exported address or size. */
export function addressOf(global: WebAssembly.Global): number {
  return global.value as number;
}
