// The WASM build of Rust's reed-solomon-erasure. Its own `reconstruct` frees what Rust has freed
// already and fails from the second call on, so that one is called here without its wrapper.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ReedSolomonErasure } from "@subspace/reed-solomon-erasure.wasm";
import { versionOf } from "../../peers.ts";

const PACKAGE = "@subspace/reed-solomon-erasure.wasm";

/** Name, kind and version for the table. */
export const SUBSPACE = { name: PACKAGE, kind: "wasm", version: versionOf(PACKAGE) } as const;

/** The code over shards that lie one behind the other, data before parity. */
export interface Subspace {
  /** Fills the parity shards in. */
  encode(shards: Uint8Array, dataCount: number, parityCount: number): void;
  /** Fills the data shards in that `available` (0 or 1 for each shard) denies. */
  reconstruct(shards: Uint8Array, dataCount: number, parityCount: number, available: Uint8Array): void;
}

/** What its module exports. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly __wbindgen_malloc: (size: number) => number;
  readonly __wbindgen_free: (address: number, size: number) => void;
  readonly reconstruct: (...args: readonly number[]) => number;
}

/** A fresh instance. */
export function openSubspace(): Subspace {
  const script = createRequire(import.meta.url).resolve(PACKAGE);
  const wasm = readFileSync(script.replace(/index\.js$/u, "reed_solomon_erasure_bg.wasm"));
  const erasure = ReedSolomonErasure.fromBytes(wasm);
  const { exports } = erasure as unknown as { readonly exports: Exports };
  const place = (bytes: Uint8Array): number => {
    const address = exports["__wbindgen_malloc"](bytes.length);
    new Uint8Array(exports.memory.buffer).set(bytes, address);
    return address;
  };
  return {
    encode(shards, dataCount, parityCount) {
      requireOk(erasure.encode(shards, dataCount, parityCount));
    },
    reconstruct(shards, dataCount, parityCount, available) {
      const [address, flags] = [place(shards), place(available)];
      requireOk(exports.reconstruct(address, shards.length, dataCount, parityCount, flags, available.length));
      const dataSize = (shards.length / (dataCount + parityCount)) * dataCount;
      shards.set(new Uint8Array(exports.memory.buffer, address, dataSize));
      exports["__wbindgen_free"](address, shards.length);
    },
  };
}

function requireOk(result: number): void {
  if (result !== ReedSolomonErasure.RESULT_OK) throw new Error(`${PACKAGE} failed with its error ${result}.`);
}
