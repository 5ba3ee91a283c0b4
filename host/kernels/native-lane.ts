// What Node does natively, with the same contract as our own lane.

import { createCipheriv, createDecipheriv, hash } from "node:crypto";
import type { LaneWork } from "./lane-work.ts";
import { requireSize } from "./require-size.ts";
import { sealBroken, TAG_SIZE } from "./window-message.ts";

const CIPHER = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_SIZE } as const;
const KEY_SIZE = 32;
const NONCE_SIZE = 12;

/** OpenSSL, through node:crypto. */
export const nativeLane: LaneWork = {
  seal(key, nonce, plaintext, additionalData) {
    requireTerms(key, nonce);
    const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
    cipher.setAAD(additionalData, { plaintextLength: plaintext.length });
    const sealed = new Uint8Array(plaintext.length + TAG_SIZE);
    sealed.set(cipher.update(plaintext));
    cipher.final();
    sealed.set(cipher.getAuthTag(), plaintext.length);
    return sealed;
  },
  open(key, nonce, sealed, additionalData) {
    requireTerms(key, nonce);
    const size = sealed.length - TAG_SIZE;
    if (size < 0) throw sealBroken();
    const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS);
    decipher.setAAD(additionalData, { plaintextLength: size });
    decipher.setAuthTag(sealed.subarray(size));
    const plaintext = decipher.update(sealed.subarray(0, size)) as Uint8Array<ArrayBuffer>;
    try {
      decipher.final();
    } catch {
      plaintext.fill(0);
      throw sealBroken();
    }
    return plaintext;
  },
  sha256: (data) => hash("sha256", data, "buffer"),
};

function requireTerms(key: Uint8Array, nonce: Uint8Array): void {
  requireSize("A key", key, KEY_SIZE);
  requireSize("A nonce", nonce, NONCE_SIZE);
}
