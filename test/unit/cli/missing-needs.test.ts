import { expect, it } from "vitest";
import { missingNeeds } from "../../../host/cli/missing-needs.ts";

const method = { kind: "query", doc: "Tells.", params: true, result: true } as const;
const installed = [
  { name: "echo", version: "1.0.0", methods: { echo: method, count: method } },
  { name: "notes", version: "1.4.0", methods: { list: method } },
  { name: "notes@2", version: "2.0.0", methods: { list: method, find: method } },
];
const needing = (capability: string, ...methods: readonly string[]): string[] =>
  missingNeeds({ needs: [{ capability, methods, reason: "For the test." }] }, installed);

it("says nothing of what is there, in whichever version", () => {
  expect(needing("echo", "count")).toEqual([]);
  expect(needing("notes", "find")).toEqual([]);
  expect(needing("notes@1", "list")).toEqual([]);
  expect(needing("notes@2", "find", "list")).toEqual([]);
});

it("names a capability that is not installed", () => {
  expect(needing("ecko", "count")).toEqual(["It needs the capability ecko, which is not installed."]);
  expect(needing("notes@3", "list")).toEqual(["It needs the capability notes@3, which is not installed."]);
});

it("names methods that are not there, with those that are", () => {
  expect(needing("echo", "cnt", "echo")).toEqual(["It needs cnt of echo, which has: count, echo."]);
  expect(needing("notes@1", "find")).toEqual(["It needs find of notes@1, which has: list."]);
});
