import { beforeEach, describe, expect, it } from "vitest";
import { concatBytes } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { askOffers, type PackageGiver, takePackage } from "../../../host/packages/offer.ts";
import { OfferShelf } from "../../../host/packages/offer-shelf.ts";
import { readPackage, reviewPackage, writePackage } from "../../../host/packages/package-file.ts";
import { customSection } from "../../../host/packages/wasm-sections.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import { createMemoryTables } from "../../support/memory-tables.ts";
import { probePackage } from "../../support/probe-package.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { testIdentity } from "../../support/test-identity.ts";

const small = probePackage();
/** Comes in several parts. */
const large = writePackage({
  wasm: concatBytes(small, customSection("padding", seededBytes(1, 300_000))),
  manifest: { ...readPackage(small, kernels).manifest, version: "1.1.0" },
  publisher: testIdentity(50),
  kernels,
});
const { hash } = readPackage(large, kernels);
const ben = { twin: testIdentity(2).id, circles: ["friends", "contacts"] };

let clock: ManualClock;
let shelf: OfferShelf;
beforeEach(() => {
  clock = createManualClock();
  shelf = new OfferShelf({ table: createMemoryTables(), kernels, clock });
});

const giver = (taker = ben): PackageGiver => ({
  offers: () => shelf.offersFor(taker),
  packagePart: (wanted, offset) => shelf.readPart(taker, wanted, offset),
});
const take = (from: PackageGiver, wanted = hash): Promise<Uint8Array> => takePackage(from, { hash: wanted, kernels });

describe("a package on offer", () => {
  it("is listed and taken, byte for byte, by the circles that it is for", async () => {
    const reviewed = reviewPackage(large, { reviewer: testIdentity(61), kernels });
    await shelf.offer(reviewed, ["friends"]);
    clock.advance(1);
    await shelf.offer(small, ["family"]);
    expect((await shelf.list()).map(({ version, circles }) => [version, circles])).toEqual([
      ["1.0.0", ["family"]],
      ["1.1.0", ["friends"]],
    ]);
    const offers = await askOffers(giver());
    expect(offers).toMatchObject([{ hash, name: "probe", version: "1.1.0", sizeBytes: reviewed.length }]);
    expect(await take(giver())).toEqual(reviewed);
  });

  it("is as unknown to others as one that is not there", async () => {
    await shelf.offer(large, ["family"]);
    expect(await askOffers(giver())).toEqual([]);
    const hidden = await take(giver()).catch((thrown: unknown) => thrown);
    const absent = await take(giver(), "0".repeat(64)).catch((thrown: unknown) => thrown);
    expect(hidden).toMatchObject({ code: "TWIN_PACKAGE_UNKNOWN" });
    expect(absent).toEqual(hidden);
    expect(await askOffers(giver({ twin: ben.twin, circles: [] }))).toEqual([]);
  });

  it("is replaced by the same package with more reviews, and gone when it is withdrawn", async () => {
    await shelf.offer(large, ["friends"]);
    const reviewed = reviewPackage(large, { reviewer: testIdentity(61), kernels });
    await shelf.offer(reviewed, ["friends"]);
    expect(await take(giver())).toEqual(reviewed);
    await shelf.withdraw(hash);
    expect(await shelf.list()).toEqual([]);
    await expect(take(giver())).rejects.toMatchObject({ code: "TWIN_PACKAGE_UNKNOWN" });
    await expect(shelf.withdraw(hash)).rejects.toMatchObject({ code: "TWIN_PACKAGE_UNKNOWN" });
  });

  it.each([[[]], [["anyone"]], [["friends", "friends"]], [["Friends!"]]])("is not offered to %j", async (circles) => {
    await expect(async () => shelf.offer(small, circles)).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    expect(await shelf.list()).toEqual([]);
  });

  it("is refused when it is none", async () => {
    await expect(async () => shelf.offer(new Uint8Array(9), ["friends"])).rejects.toMatchObject({
      code: "TWIN_PACKAGE_INVALID",
    });
  });

  it("can be taken again and again only up to a bound in an hour, by each twin", async () => {
    await shelf.offer(large, ["friends"]);
    const { bytes: first } = await shelf.readPart(ben, hash, 0);
    const times = Math.floor(LIMITS.packages.takenSizeBytesPerHour / first.length);
    for (let time = 1; time < times; time++) await shelf.readPart(ben, hash, 0);
    await expect(take(giver())).rejects.toMatchObject({ code: "TWIN_HOST_BUSY", retry: true });
    await take(giver({ ...ben, twin: testIdentity(3).id }));
    clock.advance(60 * 60 * 1_000);
    await take(giver());
  });
});

describe("a twin that takes", () => {
  const part = (bytes: Uint8Array, sizeBytes = bytes.length) => ({ sizeBytes, bytes });
  const answering = (...answers: readonly unknown[]): PackageGiver => {
    const rest = [...answers];
    return { offers: async () => rest.shift(), packagePart: async () => rest.shift() };
  };

  it.each([
    ["nothing", [undefined]],
    ["no bytes", [{ sizeBytes: 10, bytes: "x" }]],
    ["an endless file", [part(new Uint8Array(10), 1e12)]],
    ["no progress", [part(new Uint8Array(), 10)]],
    ["more than it said", [part(new Uint8Array(11), 10)]],
    ["another size later", [part(small.subarray(0, 100), small.length), part(small.subarray(100), small.length + 1)]],
    ["another package", [part(small)]],
  ])("gives up on %s", async (_, answers) => {
    await expect(take(answering(...answers))).rejects.toMatchObject({ code: "TWIN_PEER_PROTOCOL" });
  });

  it("gives up on bytes that were changed", async () => {
    const changed = large.with(large.length >> 1, large[large.length >> 1]! ^ 1);
    await expect(take(answering(part(changed)))).rejects.toMatchObject({ code: "TWIN_PACKAGE_SIGNATURE" });
  });

  it.each([
    ["no list", {}],
    ["too many", Array.from({ length: 101 }, () => ({}))],
    ["another field", [{ evil: 1 }]],
    ["a name that is none", [{ ...offer(), name: "../x" }]],
    ["a title that misleads", [{ ...offer(), title: "a\u001b[2Jb" }]],
    ["a publisher that is none", [{ ...offer(), publisher: "me" }]],
    ["a range that is none", [{ ...offer(), dependencies: { chat: "what" } }]],
  ])("gives up on offers that are %s", async (_, offers) => {
    await expect(askOffers(answering(offers))).rejects.toMatchObject({ code: "TWIN_PEER_PROTOCOL" });
  });
});

function offer(): object {
  const { id: publisher } = testIdentity(50);
  const described = { title: "Probe", description: "A probe.", sizeBytes: 1, dependencies: {} };
  return { hash, name: "probe", version: "1.0.0", publisher, ...described };
}
