// The door to ChaCha20-Poly1305 and XChaCha20-Poly1305. Short messages take one call in the window;
// long ones pass through it in pieces, and what `open` has decrypted of them stays in the caller's
// buffer only when the tag holds.

import { createBatchSealing } from "./batch-sealing.ts";
import type { Cipher, CipherTerms } from "./cipher.ts";
import { addressOf, type KernelModule } from "./kernel-module.ts";
import type { Kernels } from "./kernels.ts";
import { leaseMessage } from "./message-lease.ts";
import { requireSize } from "./require-size.ts";
import { sealBroken, TAG_SIZE, WindowMessage } from "./window-message.ts";

const NOTHING = new Uint8Array(0);

/** The doors that seal and open. */
export type Sealing = Pick<Kernels, "seal" | "open" | "chacha20poly1305" | "xchacha20poly1305">;

/** Both ciphers over `module`. */
export function createSealing(module: KernelModule): Sealing {
  const xchacha20poly1305 = createCipher(module, 24);
  return {
    xchacha20poly1305,
    chacha20poly1305: createCipher(module, 12),
    seal: (...message) => xchacha20poly1305.seal(...message),
    open: (...message) => xchacha20poly1305.open(...message),
  };
}

function createCipher(module: KernelModule, nonceSize: 12 | 24): Cipher {
  const { exports, bytes } = module;
  const message = new WindowMessage(module, nonceSize);
  const tag = addressOf(exports.AEAD_TAG);

  const sealInto = (terms: CipherTerms, plaintext: Uint8Array, out: Uint8Array): void => {
    const size = plaintext.length;
    requireSize("The room for a sealed message", out, size + TAG_SIZE);
    if (message.fits(terms, size)) {
      message.sealShort(terms, plaintext);
      message.take(out);
      return;
    }
    message.sealLong(terms, plaintext, out);
    out.set(bytes.subarray(tag, tag + TAG_SIZE), size);
    exports.aeadWipe();
  };

  const openInto = (terms: CipherTerms, sealed: Uint8Array, out: Uint8Array): void => {
    const size = sealed.length - TAG_SIZE;
    if (size < 0) throw sealBroken();
    requireSize("The room for an opened message", out, size);
    if (message.fits(terms, size)) message.openShort(terms, { ciphertext: sealed, tag: NOTHING }, out);
    else message.openLong(terms, { ciphertext: sealed.subarray(0, size), tag: sealed.subarray(size) }, out);
  };

  return {
    nonceSize,
    sealInto,
    openInto,
    seal(key, nonce, plaintext, additionalData) {
      const terms = { key, nonce, additionalData };
      if (message.fits(terms, plaintext.length)) {
        message.sealShort(terms, plaintext);
        return message.copy(plaintext.length + TAG_SIZE);
      }
      const sealed = new Uint8Array(plaintext.length + TAG_SIZE);
      sealInto(terms, plaintext, sealed);
      return sealed;
    },
    open(key, nonce, sealed, additionalData) {
      if (sealed.length < TAG_SIZE) throw sealBroken();
      const plaintext = new Uint8Array(sealed.length - TAG_SIZE);
      openInto({ key, nonce, additionalData }, sealed, plaintext);
      return plaintext;
    },
    sealDetached(terms, plaintext, out) {
      const size = plaintext.length;
      requireSize("The room for ciphertext", out.ciphertext, size);
      requireSize("The room for a tag", out.tag, TAG_SIZE);
      if (message.fits(terms, size)) {
        message.sealShort(terms, plaintext);
        message.take(out.ciphertext);
        message.take(out.tag, size);
        return;
      }
      message.sealLong(terms, plaintext, out.ciphertext);
      out.tag.set(bytes.subarray(tag, tag + TAG_SIZE));
      exports.aeadWipe();
    },
    openDetached(terms, sealed, out) {
      if (sealed.tag.length !== TAG_SIZE) throw sealBroken();
      requireSize("The room for an opened message", out, sealed.ciphertext.length);
      if (message.fits(terms, out.length)) message.openShort(terms, sealed, out);
      else message.openLong(terms, sealed, out);
    },
    ...createBatchSealing(module, nonceSize),
    lease: () => leaseMessage(module, nonceSize),
  };
}
