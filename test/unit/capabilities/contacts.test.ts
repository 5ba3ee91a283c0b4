import { beforeAll, describe, expect, it } from "vitest";
import { utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import type { CapabilityPackage } from "../../../host/packages/manifest.ts";
import { builtCapability } from "../../support/built-capability.ts";
import { type CapabilityTwin, numberedTwinId, openCapabilityTwin, testTwinId } from "../../support/capability-twin.ts";

const [SELF, ADA, BOB] = [testTwinId(0), testTwinId(1), testTwinId(2)];
let contacts: CapabilityPackage;
beforeAll(async () => {
  contacts = await builtCapability("contacts");
});

function withAda(): CapabilityTwin {
  const twin = openCapabilityTwin(contacts, SELF);
  twin.call("add", { twin: ADA, name: "Ada" });
  twin.takeEvents();
  return twin;
}

describe("contacts", () => {
  it("puts everyone who is added into the circle contacts", () => {
    const twin = openCapabilityTwin(contacts, SELF);
    const ada = { twin: ADA, name: "Ada", circles: ["contacts"], addedAtMs: twin.nowMs };
    expect(twin.call("add", { twin: ADA, name: "  Ada " })).toEqual(ada);
    expect(twin.call("get", { twin: ADA })).toEqual({ person: ada });
    expect(twin.call("circles", { twin: ADA })).toEqual({ circles: ["contacts"] });
    expect(twin.takeEvents()).toEqual([{ topic: "contacts.changed", payload: { twin: ADA } }]);
  });

  it("knows nothing of strangers", () => {
    const twin = withAda();
    expect(twin.call("get", { twin: BOB })).toEqual({ person: null });
    expect(twin.call("circles", { twin: BOB })).toEqual({ circles: [] });
    expect(() => twin.call("rename", { twin: BOB, name: "Bob" })).toThrow(/^unknown/u);
    expect(() => twin.call("circle_add", { twin: BOB, circle: "family" })).toThrow(/^unknown/u);
  });

  it("keeps circles and the day of adding when somebody is added again", () => {
    const twin = withAda();
    twin.call("circle_add", { twin: ADA, circle: "family" });
    const addedAtMs = twin.nowMs;
    twin.nowMs += 1_000;
    const again = twin.call("add", { twin: ADA, name: "Ada Lovelace" });
    expect(again).toEqual({ twin: ADA, name: "Ada Lovelace", circles: ["contacts", "family"], addedAtMs });
  });

  it("adds to a circle once, and takes out of it", () => {
    const twin = withAda();
    twin.call("circle_add", { twin: ADA, circle: "family" });
    twin.call("circle_add", { twin: ADA, circle: "family" });
    expect(twin.call("circles", { twin: ADA })).toEqual({ circles: ["contacts", "family"] });
    expect(twin.takeEvents()).toHaveLength(1);
    twin.call("circle_remove", { twin: ADA, circle: "family" });
    twin.call("circle_remove", { twin: ADA, circle: "family" });
    expect(twin.call("circles", { twin: ADA })).toEqual({ circles: ["contacts"] });
  });

  it.each(["contacts", "anyone", "owner"])("refuses to change the circle %s", (circle) => {
    const twin = withAda();
    expect(() => twin.call("circle_add", { twin: ADA, circle })).toThrow(/^circle-reserved/u);
    expect(() => twin.call("circle_remove", { twin: ADA, circle })).toThrow(/^circle-reserved/u);
  });

  it("forgets a person with all circles", () => {
    const twin = withAda();
    expect(twin.call("remove", { twin: ADA })).toEqual({ removed: true });
    expect(twin.call("remove", { twin: ADA })).toEqual({ removed: false });
    expect(twin.call("circles", { twin: ADA })).toEqual({ circles: [] });
    expect(twin.takeEvents()).toHaveLength(1);
  });

  it("lists by name, whatever the case", () => {
    const twin = openCapabilityTwin(contacts, SELF);
    for (const [index, name] of ["bob", "Ada", "Zoe", "carl"].entries())
      twin.call("add", { twin: testTwinId(index + 1), name });
    const { people } = twin.call("list", {}) as { people: { name: string }[] };
    expect(people.map(({ name }) => name)).toEqual(["Ada", "bob", "carl", "Zoe"]);
  });

  it.each(["   ", "a\u0000b", "evil\u202etxt", "line\nbreak"])("refuses the name %j", (name) => {
    const twin = openCapabilityTwin(contacts, SELF);
    expect(() => twin.call("add", { twin: ADA, name })).toThrow(/^name-invalid/u);
  });

  it("holds 1,500 people with the longest names and most circles, and lists them all in one answer", () => {
    const twin = openCapabilityTwin(contacts, SELF);
    for (let index = 0; index < 1_500; index++) {
      twin.call("add", { twin: numberedTwinId(index), name: "\u4e2d".repeat(64) });
      for (let circle = 1; circle < 8; circle++)
        twin.call("circle_add", { twin: numberedTwinId(index), circle: `${"c".repeat(31)}${circle}` });
      twin.takeEvents();
    }
    expect(() => twin.call("circle_add", { twin: numberedTwinId(0), circle: "one-more" })).toThrow(/^too-many/u);
    expect(() => twin.call("add", { twin: ADA, name: "Ada" })).toThrow(/^too-many/u);
    const { people } = twin.call("list", {}) as { people: unknown[] };
    expect(people).toHaveLength(1_500);
    expect(utf8Encode(JSON.stringify({ people })).length).toBeLessThan(LIMITS.engine.payloadSizeBytes);
    twin.call("remove", { twin: numberedTwinId(0) });
    twin.call("add", { twin: ADA, name: "Ada" });
  });

  it("refuses its own twin, and what is no twin id", () => {
    const twin = openCapabilityTwin(contacts, SELF);
    expect(() => twin.call("add", { twin: SELF, name: "Me" })).toThrow(/^self/u);
    expect(() => twin.call("add", { twin: "did:key:z6Mk/../x", name: "Eve" })).toThrow(/^params/u);
    expect(() => twin.call("add", { twin: ADA, name: "Ada", extra: 1 })).toThrow(/^params/u);
  });
});
