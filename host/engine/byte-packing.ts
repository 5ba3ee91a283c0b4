// Numbers, a JSON text and payloads as one run of bytes, which moves between threads as one buffer.

import { jsonDecode, jsonEncode } from "../base/bytes.ts";

/**
 * How many numbers there are and how long the JSON text is, the numbers (all of these `f64` as the machine has
 * them), the text in UTF-8, then the payloads, one behind the other. All of its buffer, which moves with the message.
 */
export type Packed = Uint8Array<ArrayBuffer>;

const NUMBER_SIZE = Float64Array.BYTES_PER_ELEMENT;
/** The two sizes at the beginning. */
const HEAD_LENGTH = 2;

/** What was packed; parts of the bytes that came. */
export interface Unpacked {
  readonly numbers: Float64Array;
  /** What the JSON says. */
  readonly text: unknown;
  readonly payloads: Packed;
}

/** Copies all of it. */
export function pack(numbers: readonly number[], text: unknown, payloads: readonly Uint8Array[]): Packed {
  const json = jsonEncode(text);
  const textAt = (HEAD_LENGTH + numbers.length) * NUMBER_SIZE;
  let offset = textAt + json.length;
  const packed = new Uint8Array(payloads.reduce((size, { length }) => size + length, offset));
  const fields = new Float64Array(packed.buffer, 0, HEAD_LENGTH + numbers.length);
  fields[0] = numbers.length;
  fields[1] = json.length;
  fields.set(numbers, HEAD_LENGTH);
  packed.set(json, textAt);
  for (const payload of payloads) {
    packed.set(payload, offset);
    offset += payload.length;
  }
  return packed;
}

/** Reads what {@link pack} has written. */
export function unpack(packed: Packed): Unpacked {
  const fields = new Float64Array(packed.buffer, 0, HEAD_LENGTH);
  const textAt = (HEAD_LENGTH + fields[0]!) * NUMBER_SIZE;
  const payloadsAt = textAt + fields[1]!;
  return {
    numbers: new Float64Array(packed.buffer, HEAD_LENGTH * NUMBER_SIZE, fields[0]),
    text: jsonDecode(packed.subarray(textAt, payloadsAt)),
    payloads: packed.subarray(payloadsAt),
  };
}
