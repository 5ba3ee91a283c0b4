// Randomness is a parameter: every part that needs it receives a Random.

/** A source of random bytes. The system's is unpredictable; a seeded one repeats a test. */
export interface Random {
  /** `size` fresh bytes, 0 to 65,536. The caller owns them. */
  bytes(size: number): Uint8Array<ArrayBuffer>;
}

/** Asking the machine costs far more than a nonce: small requests share one. */
const POOL_SIZE = 4_096;
const POOLED_SIZE_MAX = 64;

/** The machine's cryptographic generator. */
export const systemRandom: Random = createPooledRandom((bytes) => crypto.getRandomValues(bytes));

/** A generator over `fill`, which fills at most 65,536 bytes at once. What was handed out is not kept. */
export function createPooledRandom(fill: (bytes: Uint8Array<ArrayBuffer>) => unknown): Random {
  const pool = new Uint8Array(POOL_SIZE);
  let used = POOL_SIZE;
  return {
    bytes: (size) => {
      if (size > POOLED_SIZE_MAX) {
        const bytes = new Uint8Array(size);
        fill(bytes);
        return bytes;
      }
      if (used + size > POOL_SIZE) {
        fill(pool);
        used = 0;
      }
      const bytes = pool.slice(used, used + size);
      pool.fill(0, used, (used += size));
      return bytes;
    },
  };
}
