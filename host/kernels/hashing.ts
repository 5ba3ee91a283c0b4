// The doors to BLAKE3.

import { utf8Encode } from "../base/bytes.ts";
import { createBatchHashing } from "./batch-hashing.ts";
import { HASH_SIZE, HashEngine } from "./hash-engine.ts";
import { leaseHash } from "./hash-lease.ts";
import { createHashTree } from "./hash-tree.ts";
import { Blake3Hasher, createOutput } from "./hasher.ts";
import type { KernelModule } from "./kernel-module.ts";
import type { Kernels } from "./kernels.ts";

/** The doors that hash. */
export type Hashing = Pick<Kernels, "hash" | "keyedHash" | "deriveKey" | "createHasher" | "blake3">;

/** BLAKE3 over `module`. */
export function createHashing(module: KernelModule): Hashing {
  const { exports } = module;
  const engine = new HashEngine(module);
  const hash = (data: Uint8Array, key?: Uint8Array): Uint8Array<ArrayBuffer> => {
    const digest = new Uint8Array(HASH_SIZE);
    engine.hash(data, digest, key);
    return digest;
  };
  const startDerivation = (context: string): void => {
    exports.blake3StartContext();
    engine.update(utf8Encode(context));
    exports.blake3StartMaterial();
  };
  const createHasher = (key?: Uint8Array): Blake3Hasher => {
    return new Blake3Hasher(engine, () => exports.blake3Start(engine.putKey(key)));
  };

  return {
    hash: (data) => hash(data),
    keyedHash: (key, data) => hash(data, key),
    createHasher,
    deriveKey(context, material, size = HASH_SIZE) {
      if (!Number.isInteger(size) || size < 1 || size > module.windowSize) {
        throw new RangeError(`A derived key has 1 to ${module.windowSize} bytes, not ${size}.`);
      }
      engine.claim(undefined);
      startDerivation(context);
      engine.update(material);
      engine.end();
      using output = createOutput(module);
      engine.forget();
      return output.read(size, 0);
    },
    blake3: {
      hash,
      createHasher,
      hashInto: (data, out, key) => engine.hash(data, out, key),
      createDeriver: (context) => new Blake3Hasher(engine, () => startDerivation(context)),
      hashBatch: createBatchHashing(engine),
      ...createHashTree(engine),
      lease: () => leaseHash(engine),
    },
  };
}
