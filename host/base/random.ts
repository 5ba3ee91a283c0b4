// Randomness is a parameter: every part that needs it receives a Random.

/** A source of random bytes. The system's is unpredictable; a seeded one repeats a test. */
export interface Random {
  /** `size` fresh bytes, 0 to 65,536. The caller owns them. */
  bytes(size: number): Uint8Array<ArrayBuffer>;
}

/** The machine's cryptographic generator. */
export const systemRandom: Random = {
  bytes: (size) => crypto.getRandomValues(new Uint8Array(size)),
};
