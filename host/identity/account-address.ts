// A twin's account on a Substrate chain as people write it: SS58, the generic prefix 42, of the twin's own key.

import { blake2b } from "@noble/hashes/blake2.js";
import { base58 } from "@scure/base";
import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { publicKeyOf, type TwinId } from "./twin-id.ts";

/** TFChain's own prefix is the generic one (threefoldtech/tfchain, substrate-node/runtime/src/lib.rs, `SS58Prefix`). */
const PREFIX = Uint8Array.of(42);
const CHECKSUM_SIZE = 2;

/** The address of the account whose key is the twin's. */
export function accountAddressOf(twin: TwinId): string {
  const payload = concatBytes(PREFIX, publicKeyOf(twin));
  const checksum = blake2b(concatBytes(utf8Encode("SS58PRE"), payload)).subarray(0, CHECKSUM_SIZE);
  return base58.encode(concatBytes(payload, checksum));
}
