// Whatever a store does, the vault meets an answer or a typed error in bounded time.

import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { guardStore } from "../../../host/vault/guarded-store.ts";
import { createFaultyShardStore } from "../../support/faulty-shard-store.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const KINDS = ["put", "get", "stat", "delete", "list"] as const;

function open() {
  const store = createFaultyShardStore("a");
  const clock = createManualClock();
  const guarded = guardStore(store, clock);
  const run = (kind: (typeof KINDS)[number]): Promise<unknown> => {
    if (kind === "put") return guarded.put("x", new Uint8Array(1));
    return kind === "list" ? Array.fromAsync(guarded.list()) : guarded[kind]("x");
  };
  return { store, clock, guarded, run };
}

describe("a guarded store", () => {
  test.each(KINDS)("ends a %s that hangs at its deadline, not before, and is suspect for a while", async (kind) => {
    const { store, clock, guarded, run } = open();
    store.fault = "hanging";
    const { storeReadTimeoutMs, storeWriteTimeoutMs, storeSuspectMs } = LIMITS.vault;
    const deadlineMs = kind === "get" || kind === "stat" ? storeReadTimeoutMs : storeWriteTimeoutMs;
    let isSettled = false;
    const work = run(kind).finally(() => {
      isSettled = true;
    });
    const failed = expect(work).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    clock.advance(deadlineMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSettled).toBe(false);
    expect(guarded.isSuspect()).toBe(false);
    clock.advance(1);
    await failed;
    expect(guarded.isSuspect()).toBe(true);
    clock.advance(storeSuspectMs);
    expect(guarded.isSuspect()).toBe(false);
  });

  test.each(KINDS)("turns whatever a %s throws into a typed error that keeps the cause", async (kind) => {
    const { store, guarded, run } = open();
    store.fault = "failing";
    await expect(run(kind)).rejects.toMatchObject({
      code: "TWIN_STORE_FAILED",
      details: { store: "a" },
      cause: { message: "the disk is on fire" },
    });
    store.fault = "none";
    await run("stat");
    expect(guarded.isSuspect()).toBe(false);
  });

  test("passes a full store on as full", async () => {
    const { store, run } = open();
    store.fault = "full";
    await expect(run("put")).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
  });

  test("ends a list that goes on for ever, drips, or lies about the bytes that it gives", async () => {
    const { clock } = open();
    const inner = createFaultyShardStore("a");
    const endless = guardStore(
      {
        ...inner,
        async *list() {
          for (;;) {
            clock.advance(LIMITS.vault.storeListMsPerName / 2);
            yield { name: "x", sizeBytes: 1 };
          }
        },
      },
      clock,
    );
    let count = 0;
    for await (const { sizeBytes } of endless.list()) if ((count += sizeBytes) === 10_000) break;
    expect(count, "one that is only long is listened to").toBe(10_000);
    const dripping = guardStore(
      {
        ...inner,
        async *list() {
          for (;;) {
            clock.advance(LIMITS.vault.storeWriteTimeoutMs - 1_000);
            yield { name: "x", sizeBytes: 1 };
          }
        },
      },
      clock,
    );
    await expect(Array.fromAsync(dripping.list())).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    expect(dripping.isSuspect()).toBe(true);
    const generous = guardStore({ ...inner, get: async () => new Uint8Array(9) }, clock);
    await expect(generous.get("x", { sizeBytes: 8 })).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });
});
