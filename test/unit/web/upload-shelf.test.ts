// Uploads over a real vault: killed, broken, too slow, too many, too large.

import { describe, expect, it } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import { UPLOAD_TYPE } from "../../../host/vault/object.ts";
import { UploadShelf } from "../../../host/web/upload-shelf.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { inPieces, openTestVault, readBytes, type TestVault } from "../../support/test-vault.ts";

const BYTES = seededBytes(9, 900_000);
const META = { name: "a.bin", type: "image/png" };
const PLAN = { sizeBytes: BYTES.length, meta: META };

function piece(start: number, end: number): AsyncIterable<Uint8Array> {
  return inPieces(BYTES.subarray(start, end), 40_000);
}

/** Gives `bytes` and then nothing, until it is broken. */
function stalling(bytes: Uint8Array): { readonly source: AsyncIterable<Uint8Array>; readonly break: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  async function* source() {
    yield bytes;
    await promise;
  }
  return { source: source(), break: () => reject(new Error("cable pulled")) };
}

async function kept({ vault }: TestVault): Promise<number> {
  return (await vault.find(({ type }) => type === UPLOAD_TYPE)).length;
}

describe("an upload", () => {
  it("is there after a kill with all bytes that were taken, and becomes the object that it would have been", async () => {
    const opened = await openTestVault();
    const { vault, clock } = opened;
    const killed = new UploadShelf({ vault, clock });
    await killed.open("one", PLAN);
    expect(await killed.write("one", piece(0, 300_000))).toBe(300_000);
    await killed.open("two", PLAN);
    const next = new UploadShelf({ vault, clock });
    expect(await next.find("one")).toEqual({ sizeBytes: BYTES.length, takenBytes: 300_000 });
    expect(await next.find("two")).toEqual({ sizeBytes: BYTES.length, takenBytes: 0 });
    expect(await next.write("one", piece(300_000, BYTES.length))).toBe(BYTES.length);
    // Killed once more before it was finished, and after.
    const last = new UploadShelf({ vault, clock });
    const info = await last.finish("one");
    expect(await new UploadShelf({ vault, clock }).finish("one")).toEqual(info);
    expect(info).toMatchObject({ sizeBytes: BYTES.length, ...META });
    expect(Buffer.compare(await readBytes(vault, info.id), BYTES)).toBe(0);
    expect((await vault.put(inPieces(BYTES, 100_000), META)).id).toBe(info.id);
    expect(await vault.status()).toMatchObject({ objectCount: 1, sizeBytes: BYTES.length });
    await last.drop("one");
    await last.drop("two");
    expect(await kept(opened)).toBe(0);
    expect(Buffer.compare(await readBytes(vault, info.id), BYTES)).toBe(0);
  });

  it("keeps what has come when its stream breaks, and when the host stops in the middle of it", async () => {
    const { vault, clock } = await openTestVault();
    const shelf = new UploadShelf({ vault, clock });
    await shelf.open("one", PLAN);
    const first = stalling(BYTES.subarray(0, 100_000));
    const broken = shelf.write("one", first.source);
    first.break();
    await expect(broken).rejects.toThrow("cable pulled");
    expect(await shelf.find("one")).toMatchObject({ takenBytes: 100_000 });
    const stopped = shelf.write("one", stalling(BYTES.subarray(100_000, 150_000)).source);
    await expect.poll(async () => (await vault.status()).putsAtWork).toBe(1);
    await shelf[Symbol.asyncDispose]();
    expect(await stopped).toBe(150_000);
    expect(await new UploadShelf({ vault, clock }).find("one")).toMatchObject({ takenBytes: 150_000 });
  });

  it("is made durable step by step while it still comes", async () => {
    const { vault, clock } = await openTestVault();
    const shelf = new UploadShelf({ vault, clock });
    await shelf.open("one", PLAN);
    const slow = stalling(BYTES.subarray(0, 100_000));
    const writing = shelf.write("one", slow.source);
    await expect.poll(async () => (await vault.status()).putsAtWork).toBe(1);
    // A step is timed from its first byte, which may still be on its way.
    await expect
      .poll(async () => {
        clock.advance(LIMITS.web.uploadStepMs);
        return (await new UploadShelf({ vault, clock }).find("one"))?.takenBytes;
      })
      .toBe(100_000);
    // Who only waits has no place among those that store.
    expect((await vault.status()).putsAtWork).toBe(0);
    slow.break();
    await expect(writing).rejects.toThrow("cable pulled");
  });

  it("goes on where it was when the stores fail for a while", async () => {
    const { vault, clock, stores } = await openTestVault();
    const shelf = new UploadShelf({ vault, clock });
    await shelf.open("one", PLAN);
    await shelf.write("one", piece(0, 200_000));
    for (const store of stores) store.fault = "full";
    await expect(shelf.write("one", piece(200_000, BYTES.length))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
    expect(await shelf.find("one")).toMatchObject({ takenBytes: 200_000 });
    for (const store of stores) store.fault = "none";
    await shelf.write("one", piece(200_000, BYTES.length));
    expect(Buffer.compare(await readBytes(vault, (await shelf.finish("one")).id), BYTES)).toBe(0);
  });

  it("takes no byte beyond its size, and keeps nothing of such a piece", async () => {
    const { vault, clock } = await openTestVault();
    const shelf = new UploadShelf({ vault, clock });
    await shelf.open("one", { ...PLAN, sizeBytes: 100_000 });
    await expect(shelf.write("one", piece(0, 100_001))).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    expect(await shelf.find("one")).toMatchObject({ takenBytes: 0 });
  });
});

describe("the shelf", () => {
  it("drops what nothing comes for, counted from the last byte also over a restart, and then knows nothing of it", async () => {
    const opened = await openTestVault();
    const { vault, clock } = opened;
    const killed = new UploadShelf({ vault, clock });
    await killed.open("one", PLAN);
    clock.advance(LIMITS.web.uploadIdleMs - 2_000);
    await killed.write("one", piece(0, 50_000));
    clock.advance(1_500);
    const shelf = new UploadShelf({ vault, clock });
    clock.advance(LIMITS.web.uploadIdleMs - 2_000);
    expect(await shelf.find("one")).toMatchObject({ takenBytes: 50_000 });
    clock.advance(1_000);
    await expect.poll(() => kept(opened)).toBe(0);
    expect(await shelf.find("one")).toBeUndefined();
    await expect(shelf.write("one", piece(0, 10))).rejects.toMatchObject({ code: "TWIN_PATH_UNKNOWN" });
  });

  it("forgets what belongs to no upload, and of two states of one the older", async () => {
    const opened = await openTestVault();
    const { vault, clock } = opened;
    const shelf = new UploadShelf({ vault, clock });
    await shelf.open("one", PLAN);
    await shelf.write("one", piece(0, 50_000));
    await vault.put(piece(0, 20_000), { type: UPLOAD_TYPE, name: `part one ${clock.nowMs()}` });
    await vault.put(piece(0, 80_000), { type: UPLOAD_TYPE, name: `part other ${clock.nowMs()}` });
    await vault.put(piece(0, 10_000), { type: UPLOAD_TYPE, name: "something else" });
    const next = new UploadShelf({ vault, clock });
    clock.advance(LIMITS.web.uploadStoredMs);
    await expect.poll(() => kept(opened)).toBe(2);
    expect(await next.find("one")).toMatchObject({ takenBytes: 50_000 });
  });

  it("takes so many at once and no more than the quota has room for, also when they come together", async () => {
    const { vault, clock } = await openTestVault({ quotaBytes: 2_000_000 });
    const shelf = new UploadShelf({ vault, clock });
    const open = (id: string, sizeBytes: number): Promise<unknown> =>
      shelf.open(id, { sizeBytes, meta: META }).then(
        () => "open",
        (thrown: { code: string }) => thrown.code,
      );
    const large = await Promise.all(["a", "b", "c"].map((id) => open(id, 900_000)));
    expect(large).toEqual(["open", "open", "TWIN_STORE_FULL"]);
    await shelf.drop("a");
    const ids = Array.from({ length: LIMITS.web.openUploadCount }, (_, at) => `small-${at}`);
    const small = await Promise.all(ids.map((id) => open(id, 10)));
    expect(small.filter((outcome) => outcome === "open")).toHaveLength(LIMITS.web.openUploadCount - 1);
    expect(small.at(-1)).toBe("TWIN_LIMIT_EXCEEDED");
  });
});
