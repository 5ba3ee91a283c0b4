// Text that repeats: the same seed gives the same words, some far more often than others, as in a language.

import { seededBytes } from "./seeded-bytes.ts";

const WORDS = seededBytes(31, 1_024 * 12).reduce<string[]>((words, byte, at) => {
  if (at % 12 === 0) words.push("");
  // Of 2 to 9 letters.
  if (at % 12 < 2 + (words.length % 8)) words[words.length - 1] += String.fromCodePoint(97 + (byte % 26));
  return words;
}, []);

/** `size` bytes of ASCII words. */
export function seededText(seed: number, size: number): Uint8Array<ArrayBuffer> {
  const text = new Uint8Array(size);
  const picks = seededBytes(seed, size + 2);
  const encoder = new TextEncoder();
  for (let at = 0; at < size;) {
    // A product of two even ones favours the first words.
    const word = WORDS[(picks[at]! * picks[at + 1]!) >> 6]!;
    at += encoder.encodeInto(`${word} `, text.subarray(at)).written;
  }
  return text;
}
