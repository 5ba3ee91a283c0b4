import { readFileSync } from "node:fs";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import { systemRandom } from "../../../host/base/random.ts";
import { createPhrase, formatPhrase, parsePhrase } from "../../../host/identity/phrase.ts";

const VECTORS = JSON.parse(readFileSync(new URL("../../vectors/bip39.json", import.meta.url), "utf8")) as {
  readonly entropy: string;
  readonly phrase: string;
}[];

describe("phrase", () => {
  test("maps the published vectors in both directions", () => {
    for (const { entropy, phrase } of VECTORS) {
      expect(formatPhrase(Uint8Array.fromHex(entropy))).toBe(phrase);
      expect(parsePhrase(phrase).toHex()).toBe(entropy);
    }
  });

  test("round-trips any entropy, however it is typed", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.constantFrom(" ", "\n", "\t ", " \u00a0"),
        (entropy, gap) => {
          const typed = `${gap}${formatPhrase(entropy).toUpperCase().replaceAll(" ", gap)}${gap}`;
          expect(parsePhrase(typed)).toEqual(entropy);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("is fresh every time and has 24 words", () => {
    const first = createPhrase(systemRandom);
    expect(first.split(" ")).toHaveLength(24);
    expect(createPhrase(systemRandom)).not.toBe(first);
  });

  test("says how many words it found when the count is wrong", () => {
    expect(refusal("").details).toEqual({ count: 0 });
    expect(refusal("zoo ".repeat(23)).details).toEqual({ count: 23 });
    expect(refusal("zoo ".repeat(25)).message).toContain("25");
  });

  test("names the position of an unknown word and never the word", () => {
    const error = refusal(`${"zoo ".repeat(6)}secretish ${"zoo ".repeat(16)}vote`);
    expect(error.details).toEqual({ word: 7 });
    expect(JSON.stringify(error.toWire())).not.toContain("secretish");
  });

  test("refuses two swapped words by the checksum", () => {
    const words = VECTORS[4]!.phrase.split(" ");
    [words[0], words[1]] = [words[1]!, words[0]!];
    expect(refusal(words.join(" ")).message).toContain("checksum");
  });

  test("finds most single wrong words: 255 of 256 fail the checksum", () => {
    const words = VECTORS[5]!.phrase.split(" ");
    const passing = wordlist.filter((word) => {
      try {
        parsePhrase([...words.slice(0, 3), word, ...words.slice(4)].join(" "));
        return true;
      } catch {
        return false;
      }
    });
    expect(passing).toContain(words[3]);
    expect(passing.length).toBeLessThan(30);
  });

  test("refuses entropy of another size", () => {
    expect(() => formatPhrase(new Uint8Array(16))).toThrow(RangeError);
  });
});

function refusal(phrase: string): TwinError {
  try {
    parsePhrase(phrase);
  } catch (error) {
    if (error instanceof TwinError && error.code === "TWIN_PHRASE_INVALID") return error;
    throw error;
  }
  throw new Error("The phrase was accepted.");
}
