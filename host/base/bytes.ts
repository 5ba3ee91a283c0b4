// Byte strings: the few operations that every room needs. Encodings of identifiers (base58,
// base32) live in `identity`.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** UTF-8 bytes of `text`. */
export function utf8Encode(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** The text of UTF-8 `bytes`. Throws `TypeError` when they are not valid UTF-8. */
export function utf8Decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** UTF-8 JSON of `value`. `undefined` is written as `null`. */
export function jsonEncode(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value) ?? "null");
}

/** The JSON value of UTF-8 `bytes`. Throws `TypeError` or `SyntaxError` when they are neither. */
export function jsonDecode(bytes: Uint8Array): unknown {
  return JSON.parse(decoder.decode(bytes)) as unknown;
}

/** The parts, one behind the other, in a fresh buffer. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether both have the same bytes. Not constant-time: never for secrets. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return compareBytes(left, right) === 0;
}

/** Whether both secrets have the same bytes, in time that depends on their length alone. */
export function equalSecrets(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index++) difference |= left[index]! ^ right[index]!;
  return difference === 0;
}

/** Less than this is copied sooner than a call is prepared. */
const COPY_SIZE_MIN = 4_096;

/**
 * Copies all of `source` to byte `at` of `target`; throws `RangeError` when it does not fit. From memory that threads
 * share this is twice as fast as `set`, which the language has copy word by word.
 */
export function copyBytes(source: Uint8Array, target: Uint8Array, at = 0): void {
  if (source.length < COPY_SIZE_MIN || at + source.length > target.length) target.set(source, at);
  else Buffer.prototype.copy.call(source, target, at);
}

/** Lexicographic order of unsigned bytes, as SQLite's `memcmp`: negative, zero or positive. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const difference = left[index]! - right[index]!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Lower-case hexadecimal text of `bytes`. */
export function hexEncode(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** URL-safe base64 of `bytes`, without padding (RFC 4648, section 5). */
export function base64UrlEncode(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The bytes of URL-safe base64 `text`. Throws `SyntaxError` when it is not. */
export function base64UrlDecode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text, { alphabet: "base64url", lastChunkHandling: "loose" });
}
