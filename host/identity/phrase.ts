// The owner's recovery phrase: 24 English words that carry 32 bytes of entropy and a checksum (BIP39).
// A message about a phrase names positions, never words: a log must not learn a part of it.

import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { TwinError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";

/** Bytes of entropy under a twin's keys. */
export const ENTROPY_SIZE = 32;

const WORD_COUNT = 24;
const WORDS: ReadonlySet<string> = new Set(wordlist);

/** A fresh phrase of 24 lower-case words, one space between them. Secret. */
export function createPhrase(random: Random): string {
  return formatPhrase(random.bytes(ENTROPY_SIZE));
}

/** The phrase of 32 bytes of `entropy`. Secret. */
export function formatPhrase(entropy: Uint8Array): string {
  if (entropy.length !== ENTROPY_SIZE)
    throw new RangeError(`A phrase carries ${ENTROPY_SIZE} bytes, not ${entropy.length}.`);
  return entropyToMnemonic(entropy, wordlist);
}

/**
 * The 32 bytes of entropy of a phrase as a person types it: any case, any white space. Secret, and
 * the caller's. Throws `TWIN_PHRASE_INVALID` that says whether the count, a word (by its 1-based
 * position, also in `details.word`) or the checksum does not hold.
 */
export function parsePhrase(text: string): Uint8Array<ArrayBuffer> {
  const words = text
    .normalize("NFKD")
    .toLowerCase()
    .split(/\s+/u)
    .filter((word) => word !== "");
  if (words.length !== WORD_COUNT)
    throw new TwinError("TWIN_PHRASE_INVALID", `A phrase has ${WORD_COUNT} words; this has ${words.length}.`, {
      count: words.length,
    });
  const unknown = words.findIndex((word) => !WORDS.has(word));
  if (unknown !== -1)
    throw new TwinError(
      "TWIN_PHRASE_INVALID",
      `Word ${unknown + 1} of the phrase is not in the BIP39 English list; check its spelling.`,
      { word: unknown + 1 },
    );
  try {
    return new Uint8Array(mnemonicToEntropy(words.join(" "), wordlist));
  } catch {
    throw new TwinError(
      "TWIN_PHRASE_INVALID",
      "All words of the phrase are known but its checksum does not hold; check their order, and words that look alike.",
    );
  }
}
