// The contract of an authenticated cipher: one-shot, into given buffers, in place in the kernels'
// own memory, and many messages in one call.

/** What one message is sealed or opened under. */
export interface CipherTerms {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** {@link Cipher.nonceSize} bytes; never twice for two messages under one key. */
  readonly nonce: Uint8Array;
  /** Authenticated, not encrypted; none when absent. */
  readonly additionalData?: Uint8Array | undefined;
}

/** A sealed message whose tag lies apart. */
export interface DetachedMessage {
  /** As long as the plaintext. */
  readonly ciphertext: Uint8Array;
  /** 16 bytes. */
  readonly tag: Uint8Array;
}

/** Many messages under one key, each with a nonce of its own and no additional data. */
export interface MessageBatch {
  /** The nonces, one behind the other. */
  readonly nonces: Uint8Array;
  /** Bytes of plaintext of each message, at most 65,536. Their number is that of the messages. */
  readonly sizes: Uint32Array;
  /** The messages, one behind the other: each the text and 16 bytes for its tag. */
  readonly slots: Uint8Array;
}

/**
 * An authenticated cipher. Plaintext and sealed bytes of one message have at most 2^38 - 64 bytes.
 * Arguments stay the caller's; `out` may be the input itself, or not overlap it.
 * What opens throws `TWIN_SEAL_BROKEN` when key, nonce, data or tag do not fit.
 */
export interface Cipher {
  /** 12 for ChaCha20-Poly1305, 24 for XChaCha20-Poly1305. */
  readonly nonceSize: 12 | 24;
  /** Ciphertext followed by the 16-byte tag, fresh. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, additionalData?: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The plaintext of {@link Cipher.seal}, fresh; nothing is released when it throws. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, additionalData?: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Writes ciphertext and tag to `out`, which has room for exactly 16 bytes more than `plaintext`. */
  sealInto(terms: CipherTerms, plaintext: Uint8Array, out: Uint8Array): void;
  /** Writes the plaintext to `out`, which has exactly 16 bytes less than `sealed`. When it throws, `out` is as it was or zeros. */
  openInto(terms: CipherTerms, sealed: Uint8Array, out: Uint8Array): void;
  /** As {@link Cipher.sealInto}, with the tag apart. */
  sealDetached(terms: CipherTerms, plaintext: Uint8Array, out: DetachedMessage): void;
  /** As {@link Cipher.openInto}, with the tag apart. */
  openDetached(terms: CipherTerms, sealed: DetachedMessage, out: Uint8Array): void;
  /** Seals all messages of `batch` where they lie: text becomes ciphertext, the tag is written behind it. */
  sealBatch(key: Uint8Array, batch: MessageBatch): void;
  /**
   * Opens all messages of `batch` where they lie. Messages that do not hold are zeroed, the others
   * are opened; then it throws `TWIN_SEAL_BROKEN` when there were any: `details` hold `brokenCount`
   * and the index `firstBroken`.
   */
  openBatch(key: Uint8Array, batch: MessageBatch): void;
  /**
   * The place for a message in the kernels' own memory, where it is sealed and opened without a
   * copy. There is one: until it is disposed, another lease throws a `TypeError`.
   */
  lease(): MessageLease;
}

/** A message that is written, sealed or opened, and read where it lies. Its views are the caller's until it is disposed; disposing zeroes them. */
export interface MessageLease extends Disposable {
  /** 32 bytes; stays for further messages. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** {@link Cipher.nonceSize} bytes. */
  readonly nonce: Uint8Array<ArrayBuffer>;
  /** 4,096 bytes, of which a message uses as many as it says. */
  readonly additionalData: Uint8Array<ArrayBuffer>;
  /** 65,536 bytes and 16 for the tag, which stands right behind the text. */
  readonly text: Uint8Array<ArrayBuffer>;
  /** Seals the first `size` bytes of `text` (at most 65,536), with the first `additionalSize` (default 0) of `additionalData`. */
  seal(size: number, additionalSize?: number): void;
  /** Opens what {@link MessageLease.seal} left; `size` is that of the text without its tag. False when it does not hold: then the text is zeros. */
  open(size: number, additionalSize?: number): boolean;
}
