// Twins for tests: the same number is the same twin.

import type { Identity } from "../../host/identity/identity.ts";
import { deriveIdentity } from "../../host/identity/key-tree.ts";
import { blake3 } from "@noble/hashes/blake3.js";
import { utf8Encode } from "../../host/base/bytes.ts";

/** Derives keys as the kernels do, by another implementation. */
export const referenceKeyDerivation = {
  deriveKey: (context: string, material: Uint8Array, size = 32): Uint8Array<ArrayBuffer> =>
    new Uint8Array(blake3(material, { context: utf8Encode(context), dkLen: size })),
};

/** The twin of entropy that is 32 times `number`. */
export function testIdentity(number: number): Identity {
  return deriveIdentity(new Uint8Array(32).fill(number), referenceKeyDerivation);
}
