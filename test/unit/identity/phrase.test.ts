import { wordlist } from "@scure/bip39/wordlists/english.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import { systemRandom } from "../../../host/base/random.ts";
import { createPhrase, formatPhrase, parsePhrase } from "../../../host/identity/phrase.ts";

// trezor/python-mnemonic vectors.json: entropy -> words (see test/vectors/SOURCES.md).
const VECTORS = [
  ["00".repeat(32), `${"abandon ".repeat(23)}art`],
  [
    "7f".repeat(32),
    `${"legal winner thank year wave sausage worth useful ".repeat(2)}legal winner thank year wave sausage worth title`,
  ],
  [
    "80".repeat(32),
    `${"letter advice cage absurd amount doctor acoustic avoid ".repeat(2)}letter advice cage absurd amount doctor acoustic bless`,
  ],
  ["ff".repeat(32), `${"zoo ".repeat(23)}vote`],
  [
    "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c",
    "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length",
  ],
  [
    "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f",
    "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold",
  ],
] as const;

describe("phrase", () => {
  test("maps the published vectors in both directions", () => {
    for (const [entropy, phrase] of VECTORS) {
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
    const words = VECTORS[4][1].split(" ");
    [words[0], words[1]] = [words[1]!, words[0]!];
    expect(refusal(words.join(" ")).message).toContain("checksum");
  });

  test("finds most single wrong words: 255 of 256 fail the checksum", () => {
    const words = VECTORS[5][1].split(" ");
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
