// Parts of BLAKE3's tree: what lets a leaf of 64 KiB be verified without the rest of its input.

import { type Blake3, LEAF_SIZE } from "./blake3.ts";
import { HASH_SIZE, type HashEngine } from "./hash-engine.ts";
import { requireSize } from "./require-size.ts";

const CHUNKS_PER_LEAF = LEAF_SIZE / 1_024;
/** 2^53 bytes of input: positions stay exact. */
const LEAF_COUNT_MAX = 2 ** 37;

/** The doors to parts of the tree. */
export function createHashTree(engine: HashEngine): Pick<Blake3, "leafValue" | "parentValue" | "rootOfLeaves"> {
  const { module } = engine;
  const { exports, bytes, window } = module;

  const join = (
    left: Uint8Array,
    right: Uint8Array,
    key: Uint8Array | undefined,
    finish: (out: number) => void,
  ): Uint8Array<ArrayBuffer> => {
    engine.claim(undefined);
    const keyed = engine.putKey(key);
    bytes.set(left, window);
    bytes.set(right, window + HASH_SIZE);
    exports.blake3Join(keyed, window);
    finish(engine.out);
    const value = new Uint8Array(HASH_SIZE);
    engine.take(value);
    exports.forget(window, 2 * HASH_SIZE);
    return value;
  };

  const parentValue = (left: Uint8Array, right: Uint8Array, key?: Uint8Array): Uint8Array<ArrayBuffer> => {
    requireSize("A chaining value", left, HASH_SIZE);
    requireSize("A chaining value", right, HASH_SIZE);
    return join(left, right, key, exports.blake3Value);
  };

  /** Section 2.1: the left subtree is the largest complete one that leaves something for the right. */
  const subtree = (values: Uint8Array, key: Uint8Array | undefined): [left: Uint8Array, right: Uint8Array] => {
    const leafCount = values.length / HASH_SIZE;
    const middle = 2 ** Math.floor(Math.log2(leafCount - 1)) * HASH_SIZE;
    return [value(values.subarray(0, middle), key), value(values.subarray(middle), key)];
  };
  const value = (values: Uint8Array, key: Uint8Array | undefined): Uint8Array => {
    return values.length === HASH_SIZE ? values : parentValue(...subtree(values, key), key);
  };

  return {
    parentValue,
    leafValue(leaf, leafIndex, key) {
      if (leaf.length < 1 || leaf.length > LEAF_SIZE) {
        throw new RangeError(`A leaf has 1 to ${LEAF_SIZE} bytes, not ${leaf.length}.`);
      }
      if (!Number.isInteger(leafIndex) || leafIndex < 0 || leafIndex >= LEAF_COUNT_MAX) {
        throw new RangeError(`A leaf's index is 0 to ${LEAF_COUNT_MAX - 1}, not ${leafIndex}.`);
      }
      engine.claim(undefined);
      exports.blake3StartSubtree(engine.putKey(key), leafIndex * CHUNKS_PER_LEAF);
      engine.update(leaf);
      engine.end();
      exports.blake3Value(engine.out);
      const chainingValue = new Uint8Array(HASH_SIZE);
      engine.take(chainingValue);
      return chainingValue;
    },
    rootOfLeaves(leafValues, key) {
      if (leafValues.length < 2 * HASH_SIZE || leafValues.length % HASH_SIZE !== 0) {
        throw new RangeError(`A tree has two chaining values of 32 bytes or more, not ${leafValues.length} bytes.`);
      }
      return join(...subtree(leafValues, key), key, exports.blake3Root);
    },
  };
}
