import { describe, expect, it } from "vitest";
import { brokenDependents, findByAddress, type Installed, providerOf } from "../../../host/packages/dependencies.ts";

const at = (name: string, version: string, dependencies: Record<string, string> = {}): Installed => ({
  name,
  manifest: { name: name.split("@")[0]!, version, permissions: [], dependencies },
});
const nameOf = (found: Installed | undefined): string | undefined => found?.name;

describe("an address", () => {
  const installed = [at("chat", "2.1.0"), at("chat@1", "1.4.0"), at("files", "3.0.0-rc.1")];

  it.each([
    ["chat", "chat"],
    ["chat@1", "chat@1"],
    ["chat@2", "chat"],
    ["files@3", "files"],
    ["chat@3", undefined],
    ["chat@", undefined],
    ["chat@2.1.0", undefined],
    ["chat@02", "chat"],
    ["@1", undefined],
    ["notes", undefined],
    ["constructor", undefined],
  ])("%s finds %s", (address, found) => {
    expect(nameOf(findByAddress(installed, address))).toBe(found);
  });
});

describe("who depends on a range", () => {
  const installed = [at("chat", "2.1.0"), at("chat@1", "1.4.0"), at("chat@3", "3.0.0")];

  it.each([
    ["^2", "chat"],
    ["^1", "chat@1"],
    [">=1", "chat"],
    [">=1 <2 || >=3", "chat@3"],
    ["^1.5", undefined],
    ["*", "chat"],
  ])("%s is answered by %s", (range, found) => {
    expect(nameOf(providerOf(installed, { dependencies: { chat: range } }, "chat"))).toBe(found);
  });

  it("without a range gets what the name means", () => {
    expect(nameOf(providerOf(installed, {}, "chat"))).toBe("chat");
    expect(nameOf(providerOf(installed, {}, "chat@1"))).toBe("chat@1");
    // What every object inherits is no dependency.
    expect(nameOf(providerOf(installed, { dependencies: {} }, "constructor"))).toBeUndefined();
  });

  it("does not get a pre-release that it did not ask for", () => {
    expect(nameOf(providerOf([at("chat", "2.0.0-rc.1")], { dependencies: { chat: "^2" } }, "chat"))).toBeUndefined();
    expect(nameOf(providerOf([at("chat", "2.0.0-rc.1")], { dependencies: { chat: "^2.0.0-0" } }, "chat"))).toBe("chat");
  });

  it("is named when it would lose what it needs, and only then", () => {
    const user = at("agenda", "1.0.0", { chat: "^2", notes: "^1" });
    const before = [...installed, user];
    expect(brokenDependents(before, before)).toEqual([]);
    // It lacks the notes already: that is not the doing of this change.
    expect(brokenDependents(before, [at("chat", "3.0.0"), user])).toEqual([{ user: "agenda", needs: "chat ^2" }]);
    expect(brokenDependents(before, [at("chat", "3.0.0"), at("chat@2", "2.0.0"), user])).toEqual([]);
    expect(brokenDependents(before, installed)).toEqual([]);
  });
});
