// What a lane does, whoever does it.

/** ChaCha20-Poly1305 (RFC 8439) and SHA-256 (FIPS 180-4). Arguments stay the caller's, results are fresh. */
export interface LaneWork {
  /** Ciphertext followed by the 16-byte tag. `key` 32 bytes, `nonce` 12 bytes. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, additionalData: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The plaintext. Throws `TWIN_SEAL_BROKEN` when key, nonce, data or tag do not fit. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, additionalData: Uint8Array): Uint8Array<ArrayBuffer>;
  /** 32 bytes. */
  sha256(data: Uint8Array): Uint8Array<ArrayBuffer>;
}
