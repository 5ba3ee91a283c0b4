import { describe, expect, it } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import { encodeManifest, methodOf, parseManifest } from "../../../host/packages/manifest-file.ts";

const METHOD = { kind: "query", doc: "Looks.", params: true, result: { type: "object" } };

function manifest(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    abi: 1,
    name: "notes",
    version: "1.2.3",
    title: "Notes",
    description: "Keeps notes.",
    licence: "Apache-2.0",
    methods: { list: METHOD },
    events: {},
    permissions: [{ permission: "state", reason: "Keeps your notes." }],
    dataVersion: 1,
    ...changes,
  };
}

function pathOf(value: unknown): unknown {
  try {
    parseManifest(value);
    return "accepted";
  } catch (error) {
    if (!(error instanceof TwinError) || error.code !== "TWIN_PACKAGE_INVALID") throw error;
    return error.details["path"];
  }
}

describe("parseManifest", () => {
  it("takes a plain one, and one with everything", () => {
    expect(pathOf(manifest())).toBe("accepted");
    const everything = manifest({
      version: "1.0.0-beta.1",
      source: "https://example.org/notes",
      methods: { list: { ...METHOD, exposeTo: ["contacts", "family"] }, note_2: { ...METHOD, kind: "command" } },
      events: { "notes.changed": { type: "object" } },
      permissions: [
        { permission: "emit", reason: "Shows changes." },
        { permission: { call: "contacts", methods: ["get"] }, reason: "Shows names." },
      ],
      limits: { memorySizeBytes: 32 * 1024 * 1024, callFuel: 10 },
      dependencies: { contacts: "^1.2.0", agenda: ">=1 <3 || 4.x" },
    });
    expect(pathOf(everything)).toBe("accepted");
  });

  it.each([
    ["", null],
    ["", []],
    ["extra", manifest({ extra: 1 })],
    ["title", manifest({ title: undefined })],
    ["abi", manifest({ abi: 2 })],
    ["dependencies", manifest({ dependencies: ["contacts"] })],
    ["dependencies", manifest({ dependencies: { Contacts: "^1" } })],
    ["dependencies", manifest({ dependencies: { notes: "^1" } })],
    ["dependencies.contacts", manifest({ dependencies: { contacts: "" } })],
    ["dependencies.contacts", manifest({ dependencies: { contacts: "what" } })],
    ["dependencies.contacts", manifest({ dependencies: { contacts: `^1 ${"|| ^1 ".repeat(20)}` } })],
    [
      "dependencies",
      manifest({ dependencies: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`c${n}`, "1"])) }),
    ],
    ["name", manifest({ name: "Notes" })],
    ["name", manifest({ name: "n".repeat(33) })],
    ["name", manifest({ name: "../x" })],
    ["version", manifest({ version: "1.0" })],
    ["version", manifest({ version: "01.0.0" })],
    ["version", manifest({ version: "1.0.0+build" })],
    ["title", manifest({ title: " " })],
    ["title", manifest({ title: "safe\u202egnp.exe" })],
    ["description", manifest({ description: "two\nlines" })],
    ["source", manifest({ source: "javascript:alert(1)" })],
    ["methods", manifest({ methods: {} })],
    ["methods", manifest({ methods: { "List-All": METHOD } })],
    ["methods", manifest({ methods: JSON.parse('{"__proto__":{}}') as unknown })],
    ["methods.memory", manifest({ methods: { memory: METHOD } })],
    ["methods.twin_alloc", manifest({ methods: { twin_alloc: METHOD } })],
    ["methods.constructor", manifest({ methods: { constructor: METHOD } })],
    ["methods.list.kind", manifest({ methods: { list: { ...METHOD, kind: "macro" } } })],
    ["methods.list.doc", manifest({ methods: { list: { ...METHOD, doc: "" } } })],
    ["methods.list.params", manifest({ methods: { list: { ...METHOD, params: { $ref: "https://evil/x" } } } })],
    ["methods.list.exposeTo[0]", manifest({ methods: { list: { ...METHOD, exposeTo: ["anyone"] } } })],
    ["methods.list.exposeTo", manifest({ methods: { list: { ...METHOD, exposeTo: [] } } })],
    ["events", manifest({ events: { "Not A Topic": true } })],
    ["permissions", manifest({ events: { "notes.changed": true } })],
    ["permissions[0].reason", manifest({ permissions: [{ permission: "state", reason: "" }] })],
    ["permissions[0].permission", manifest({ permissions: [{ permission: "everything", reason: "Why not." }] })],
    [
      "permissions[0].permission.methods",
      manifest({ permissions: [{ permission: { call: "a", methods: [] }, reason: "x" }] }),
    ],
    [
      "permissions",
      manifest({
        permissions: [
          { permission: "state", reason: "a" },
          { permission: "state", reason: "b" },
        ],
      }),
    ],
    ["limits.memorySizeBytes", manifest({ limits: { memorySizeBytes: 2 ** 40 } })],
    ["limits.callFuel", manifest({ limits: { callFuel: 0 } })],
    ["dataVersion", manifest({ dataVersion: 0 })],
  ])("refuses at %j what is malformed there", (path, value) => {
    expect(pathOf(value)).toBe(path);
  });

  it("says what was expected and what was found", () => {
    expect(() => parseManifest(manifest({ version: "one" }))).toThrow(
      'version: expected a semantic version such as 1.0.0, got "one".',
    );
  });

  it("does not repeat long values in its message", () => {
    expect(() => parseManifest(manifest({ title: "x".repeat(5_000) }))).toThrow(/got text of 5000 characters/u);
  });

  it("refuses a manifest above the size limit", () => {
    const docs = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`m${index}`, { ...METHOD, doc: "é".repeat(999) }]),
    );
    expect(() => encodeManifest(parseManifest(manifest({ methods: docs })))).toThrow(/at most 262144/u);
  });
});

describe("methodOf", () => {
  it("finds own methods alone", () => {
    const parsed = parseManifest(manifest());
    expect(methodOf(parsed, "list")).toBeDefined();
    expect(methodOf(parsed, "toString")).toBeUndefined();
    expect(methodOf(parsed, "constructor")).toBeUndefined();
  });
});
