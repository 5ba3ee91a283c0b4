import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import type { StateKey } from "../../../host/state/state-store.ts";
import { ValueCache } from "../../../host/state/value-cache.ts";

const at = (number: number, namespace = "notes"): StateKey => ({ namespace, key: Uint8Array.of(number >> 8, number) });
const KIB = new Uint8Array(1_024);

describe("the cache of values", () => {
  it("never says anything but the last that it was told", () => {
    const step = fc.tuple(fc.constantFrom("get", "put", "forget"), fc.nat(7), fc.nat(60_000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const cache = new ValueCache();
        const told = new Map<number, Uint8Array>();
        for (const [what, number, size] of steps) {
          const known = cache.get(at(number));
          if (known !== undefined) expect(known).toBe(told.get(number));
          if (what === "forget") {
            cache.forget(at(number));
            told.delete(number);
          } else if (what === "put" && known === undefined) {
            const value = new Uint8Array(size);
            cache.put(at(number), value);
            told.set(number, value);
          }
        }
      }),
    );
  });

  it("keeps what is read again and again, and forgets what is not", () => {
    const cache = new ValueCache();
    cache.put(at(0), KIB);
    const count = (4 * LIMITS.state.valueCacheSizeBytes) / KIB.length;
    for (let number = 1; number <= count; number++) {
      cache.put(at(number), KIB);
      expect(cache.get(at(0))).toBe(KIB);
    }
    const kept = Array.from({ length: count + 1 }, (_, number) => cache.get(at(number))).filter(Boolean).length;
    expect(kept).toBeLessThanOrEqual(LIMITS.state.valueCacheSizeBytes / KIB.length);
    expect(cache.get(at(1))).toBeUndefined();
  });

  it("does not let a large value push out the others", () => {
    const cache = new ValueCache();
    cache.put(at(0), KIB);
    cache.put(at(1), new Uint8Array(LIMITS.state.valueSizeBytes));
    expect(cache.get(at(1))).toBeUndefined();
    expect(cache.get(at(0))).toBe(KIB);
  });

  it("tells namespaces apart", () => {
    const cache = new ValueCache();
    cache.put(at(0), KIB);
    expect(cache.get(at(0, "other"))).toBeUndefined();
    expect(cache.get({ namespace: "note", key: Uint8Array.of(115, 0, 0) })).toBeUndefined();
  });
});
