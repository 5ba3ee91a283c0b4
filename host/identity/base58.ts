// The base58btc text of identifiers, for rooms that may not use the encoder's package themselves.

import { base58 } from "@scure/base";

/** Base58btc text of `bytes`. */
export function base58Encode(bytes: Uint8Array): string {
  return base58.encode(bytes);
}

/** The bytes of base58btc `text`, or undefined when it is not. Every byte string has exactly one text. */
export function base58Decode(text: string): Uint8Array | undefined {
  try {
    return base58.decode(text);
  } catch {
    return undefined;
  }
}
