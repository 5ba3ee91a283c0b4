// Typed doors to the two builds of libsodium: its WASM, and its native add-on.

import { default as libsodium } from "libsodium-wrappers";

/** libsodium compiled to WASM. */
export type Libsodium = typeof libsodium;

/** The WASM build, ready. */
export async function loadLibsodium(): Promise<Libsodium> {
  await libsodium.ready;
  return libsodium;
}

type Seal = (
  ...args: [
    out: Uint8Array,
    message: Uint8Array,
    additionalData: null,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ]
) => number;
type Open = (
  ...args: [
    out: Uint8Array,
    secretNonce: null,
    sealed: Uint8Array,
    additionalData: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ]
) => number;

/** What we use of `sodium-native`. */
export interface SodiumNative {
  readonly crypto_aead_chacha20poly1305_ietf_encrypt: Seal;
  readonly crypto_aead_chacha20poly1305_ietf_decrypt: Open;
  readonly crypto_aead_xchacha20poly1305_ietf_encrypt: Seal;
}
