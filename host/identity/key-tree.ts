// From the phrase's entropy to every key of a twin: one table of BLAKE3 derive_key contexts
// (docs/formats/keys.md). A context is never reused for another purpose and never changes.

import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import type { Kernels } from "../kernels/kernels.ts";
import type { Identity } from "./identity.ts";
import { ENTROPY_SIZE } from "./phrase.ts";
import { signedBytes, transactionBytes } from "./signature.ts";
import { twinIdOf } from "./twin-id.ts";

/** Purpose -> BLAKE3 derive_key context (BLAKE3 spec 2.3, 6.2: hard-coded, unique, of this application). */
export const KEY_CONTEXTS = {
  identity: "digital-twin-host v1 identity ed25519 seed",
  agreement: "digital-twin-host v1 agreement x25519 secret",
  vault: "digital-twin-host v1 vault key",
  vaultIndex: "digital-twin-host v1 vault index key",
  state: "digital-twin-host v1 state key",
  locator: "digital-twin-host v1 locator key",
  keystore: "digital-twin-host v1 keystore checksum",
} as const;

/** The twin of 32 bytes of `entropy`: the same entropy is the same twin, for ever. The entropy stays the caller's. */
export function deriveIdentity(entropy: Uint8Array, kernels: Pick<Kernels, "deriveKey">): Identity {
  if (entropy.length !== ENTROPY_SIZE)
    throw new RangeError(`A twin's entropy has ${ENTROPY_SIZE} bytes, not ${entropy.length}.`);
  const seed = kernels.deriveKey(KEY_CONTEXTS.identity, entropy);
  return {
    id: twinIdOf(ed25519.getPublicKey(seed)),
    sign: (domain, message) => new Uint8Array(ed25519.sign(signedBytes(domain, message), seed)),
    signTransaction: (payload) => new Uint8Array(ed25519.sign(transactionBytes(payload), seed)),
    agreementKey: x25519.getPublicKey(kernels.deriveKey(KEY_CONTEXTS.agreement, entropy)),
    keys: {
      vault: kernels.deriveKey(KEY_CONTEXTS.vault, entropy),
      vaultIndex: kernels.deriveKey(KEY_CONTEXTS.vaultIndex, entropy),
      state: kernels.deriveKey(KEY_CONTEXTS.state, entropy),
      locator: kernels.deriveKey(KEY_CONTEXTS.locator, entropy),
    },
  };
}
