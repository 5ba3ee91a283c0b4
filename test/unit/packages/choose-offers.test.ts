import { describe, expect, it } from "vitest";
import { chooseOffers } from "../../../host/packages/choose-offers.ts";
import type { PackageOffer } from "../../../host/packages/offer.ts";

const offer = (what: string, dependencies: Record<string, string> = {}): PackageOffer => {
  const [name, version] = what.split(" ") as [string, string];
  const rest = { hash: what, title: name, description: name, publisher: "did:key:z6Mk", sizeBytes: 1 };
  return { name, version, dependencies, ...rest };
};
const asked = (dependencies: Record<string, string>) => [{ name: "top", version: "1.0.0", dependencies }];
const choose = (...args: Parameters<typeof chooseOffers>): string[] =>
  chooseOffers(...args).map(({ name, version }) => `${name} ${version}`);

const BASES = [offer("base 1.0.0"), offer("base 1.2.0"), offer("base 2.0.0"), offer("base 3.0.0-rc.1")];

describe("what is taken along", () => {
  it("is the newest that will do for all who need it, also for those that come along themselves", () => {
    const offers = [...BASES, offer("middle 1.0.0", { base: "^1" })];
    expect(choose(asked({ base: "*" }), [], offers)).toEqual(["base 2.0.0"]);
    expect(choose(asked({ base: "*", middle: "*" }), [], offers)).toEqual(["base 1.2.0", "middle 1.0.0"]);
  });

  it("is nothing that is installed or asked for", () => {
    expect(choose(asked({ base: "^1" }), [{ name: "base", version: "1.0.0" }], BASES)).toEqual([]);
    expect(choose(asked({ base: "^2" }), [{ name: "base", version: "1.0.0" }], BASES)).toEqual(["base 2.0.0"]);
    const both = [...asked({ base: "^1" }), { name: "base", version: "1.1.0" }];
    expect(choose(both, [], BASES)).toEqual([]);
  });

  it("is what the first needs where no version will do for all, and nothing where none will do", () => {
    const offers = [...BASES, offer("middle 1.0.0", { base: "^1" })];
    expect(choose(asked({ base: "^2", middle: "*" }), [], offers)).toEqual(["base 2.0.0", "middle 1.0.0"]);
    expect(choose(asked({ base: "^9", absent: "*" }), [], BASES)).toEqual([]);
  });

  it("is found through several steps", () => {
    const offers = [
      ...BASES,
      offer("middle 2.0.0", { leaf: "*" }),
      offer("leaf 1.0.0", { base: "^1", other: "*" }),
      offer("other 1.0.0"),
    ];
    expect(choose(asked({ base: ">=1", middle: "*" }), [], offers).toSorted()).toEqual([
      "base 1.2.0",
      "leaf 1.0.0",
      "middle 2.0.0",
      "other 1.0.0",
    ]);
  });

  it("ends also where packages on offer need each other, or chase each other's tails", () => {
    expect(choose(asked({ a: "*" }), [], [offer("a 1.0.0", { b: "*" }), offer("b 1.0.0", { a: "*" })])).toEqual([
      "a 1.0.0",
      "b 1.0.0",
    ]);
    const chase = [offer("a 2.0.0", { b: "^1" }), offer("a 1.0.0"), offer("b 1.0.0", { a: "^1" })];
    expect(choose(asked({ a: "*" }), [], chase).length).toBeLessThanOrEqual(2);
  });
});
