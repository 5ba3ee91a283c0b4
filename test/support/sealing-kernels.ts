// The part of the kernels that state files need, on noble alone: independent of our own WASM.

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { TwinError } from "../../host/base/errors.ts";
import type { Kernels } from "../../host/kernels/kernels.ts";

/** Seals and opens as {@link Kernels} does. */
export const sealingKernels: Pick<Kernels, "seal" | "open"> = {
  seal: (key, nonce, plaintext, additionalData) =>
    new Uint8Array(xchacha20poly1305(key, nonce, additionalData).encrypt(plaintext)),
  open: (key, nonce, sealed, additionalData) => {
    try {
      return new Uint8Array(xchacha20poly1305(key, nonce, additionalData).decrypt(sealed));
    } catch (thrown) {
      throw new TwinError("TWIN_SEAL_BROKEN", "The seal does not hold.", {}, thrown);
    }
  },
};
