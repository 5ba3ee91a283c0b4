import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAuthorSource } from "../../../../host/packages/authoring/author-source.ts";
import { addCalls } from "../../../../host/packages/add-calls.ts";
import { type CalledCapability, writeCalls } from "../../../../host/packages/authoring/write-calls.ts";
import type { Manifest } from "../../../../host/packages/manifest.ts";
import { openLab } from "../../../../host/testing.ts";

const FILE = { version: "1.0.0", title: "T", description: "T.", licence: "MIT", permissions: {} };

/** Has a field of every kind, and says back what it gets. */
const SHELF = `
@oneOf("new", "used")
type State = string;

@json class Part { name: string = ""; @optional weight: f64 = 0; }
@json class Thing {
  id: i64 = 0;
  state: State = "";
  isWhole: bool = false;
  note: string | null = null;
  parts: Part[] = [];
  sizes: Map<string, f64> = new Map();
  best: Part | null = null;
}

/** Says a thing back. */
@query export function mirror(thing: Thing): Thing { return thing; }
/** Counts on, by 1 when nothing else is said. */
@command export function add(by: i32 = 1, label: string = "none"): string { return label + by.toString(); }
/** Answers nothing. */
@command export function clear(): void {}
/** A name that the calls themselves use. */
@query export function at(): string[] { return ["at"]; }
`;

const CALLER = `
import { shelf } from "./calls/shelf";

/** All of it, there and back. */
@command
export function all(): string {
  const thing = shelf.mirror({
    id: 7, state: "new", isWhole: true, note: null, best: null,
    parts: [{ name: "lid" }, { name: "leg", weight: 1.5 }], sizes: new Map<string, f64>(),
  });
  shelf.clear();
  const lid = thing.parts[0];
  return [thing.id.toString(), thing.state, thing.isWhole.toString(), lid.name, isNaN(lid.weight) ? "absent" : lid.weight.toString(),
    thing.parts[1].weight.toString(), shelf.add(), shelf.add({ by: 3 }), shelf.add({ label: "x" }), shelf.at_().join()].join(" ");
}
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "calls-"));
});
afterAll(() => rm(root, { recursive: true }));

async function writeFolder(name: string, source: string, more: object = {}): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "capability.json"), JSON.stringify({ name, ...FILE, ...more }, null, 2));
  await writeFile(join(folder, "index.ts"), source);
  return folder;
}

async function manifestOf(folder: string): Promise<Manifest> {
  return (await readAuthorSource(folder)).manifest;
}

/** A source with one method that does `body`. */
const acting = (body: string, head = ""): string =>
  `${head}\n/** Acts. */\n@command export function act(): void {\n  ${body}\n}\n`;

describe("typed calls", () => {
  it("reach every kind of method, whose answers come back typed, and ask for what they call alone", async () => {
    const shelf = await writeFolder("shelf", SHELF);
    const caller = await writeFolder("caller", CALLER);
    const added = await addCalls(caller, await manifestOf(shelf), "Stores things.");
    expect(added).toEqual({ path: join("calls", "shelf.ts"), name: "shelf" });
    expect((await manifestOf(caller)).permissions).toEqual([
      { permission: { call: "shelf", methods: ["mirror", "clear", "add", "at"] }, reason: "Stores things." },
    ]);
    await using lab = await openLab({ capability: caller, others: [shelf] });
    const ada = await lab.twin();
    expect(await ada.call("all")).toBe("7 new true lid 0.0 1.5 none1 none3 x1 at");
  });

  it("do not compile without a field that must be there, or with one of another type", async () => {
    const head = 'import { shelf } from "./calls/shelf";';
    const lost = acting("const thing = shelf.mirror({ id: 1 });", head);
    const folder = await writeFolder("wrong", lost, { calls: { shelf: { reason: "R." } } });
    await addCalls(folder, await manifestOf(join(root, "shelf")), undefined);
    await expect((await readAuthorSource(folder)).compile()).rejects.toThrow(
      "index.ts:4:30: Property 'state' is missing in type '<object>' but required in type 'ShelfMirrorParams'.",
    );
  });

  it("are asked for in capability.json, by name or not at all", async () => {
    const head = 'import { shelf } from "./calls/shelf";\nimport { call as ask } from "twin";';
    const typed = acting("shelf.clear(); // shelf.add();", head);
    await expect(addCalls(await writeFolder("mute", typed), shelfOf(), undefined)).rejects.toThrow(/--reason/u);
    const folder = await writeFolder("asking", typed);
    await mkdir(join(folder, "calls"));
    await writeFile(join(folder, "calls", "shelf.ts"), writeCalls(shelfOf()));
    await expect(manifestOf(folder)).rejects.toThrow(/^index\.ts:5:3: shelf\.clear is called, but capability\.json/u);
    const plain = acting('ask<string, string>("other", "thing", "x");', head);
    await writeFile(join(folder, "index.ts"), plain);
    await expect(manifestOf(folder)).rejects.toThrow(/^index\.ts:5:3: other\.thing is called/u);
    await writeFolder("asking", typed, { calls: { shelf: { methods: ["add"], reason: "R." } } });
    await expect(manifestOf(folder)).rejects.toThrow(
      /^index\.ts:5:3: shelf\.clear is called, but calls\.shelf\.methods/u,
    );
    await writeFolder("asking", typed, { calls: { shelf: { reason: "R." }, idle: { reason: "R." } } });
    await expect(manifestOf(folder)).rejects.toThrow(/calls\.idle: the source never calls idle/u);
  });

  it("replace those of an older version and keep the reason", async () => {
    const folder = await writeFolder("again", acting(""));
    await addCalls(folder, shelfOf(), "First.");
    await addCalls(folder, { ...shelfOf(), name: "shelf@2", version: "2.0.0" }, undefined);
    expect(JSON.parse(await readFile(join(folder, "capability.json"), "utf8"))).toMatchObject({
      name: "again",
      calls: { shelf: { reason: "First." } },
      dependencies: { shelf: "^2.0.0" },
    });
    expect(await readFile(join(folder, "calls", "shelf.ts"), "utf8")).toMatch(/^\/\/ Typed calls of shelf 2\.0\.0/u);
  });

  it("are not written for other languages, which are told the way", async () => {
    const folder = join(root, "c");
    await mkdir(folder);
    await writeFile(join(folder, "main.c"), "");
    await expect(addCalls(folder, shelfOf(), "R.")).rejects.toThrow(/host function "call"/u);
  });

  it("compile from whatever a manifest may hold, and nothing in it becomes code", async () => {
    const strange: CalledCapability = {
      name: "a-1-call",
      version: "1.0.0",
      title: "*/ } export function owned(): void {} /*",
      methods: {
        delete: {
          kind: "command",
          doc: "*/ owned(); /* \n x",
          params: true,
          result: { type: "string" },
          exposeTo: ["x"],
        },
        at: { kind: "query", doc: "At.", params: { type: "string" }, result: { enum: ["a", 1] } },
        call: { kind: "command", doc: "Call.", params: { type: ["integer", "null"] }, result: { const: "x" } },
        list: {
          kind: "query",
          doc: "List.",
          params: {
            type: "object",
            properties: {
              "a-b": { enum: [1, 2] },
              a_b: { enum: ["x", null] },
              class: { type: "boolean", description: "*/ owned(); /*" },
              deep: { type: "array", items: { type: ["number", "null"] } },
              either: { anyOf: [{ type: "string", pattern: "^a$", maxLength: 1 }, { const: "" }, { type: "null" }] },
              any: { anyOf: [{ type: "string" }, { type: "integer" }] },
              free: { type: "object" },
              map: { type: "object", additionalProperties: { type: "integer" } },
            },
            required: ["a-b", "deep", "any"],
          },
          result: { anyOf: [{ type: "object", properties: { x: { type: "integer" } } }, { type: "null" }] },
        },
      },
    };
    const body = `const found = a1Call.list({ a_b: 1, deep: [], any: new JSON.Raw("1"), class_: some(true) });
  if (found !== null && found.x != ABSENT) a1Call.at_("x");
  a1Call.delete_(new JSON.Raw("[]")); a1Call.call_(null);`;
    const head =
      'import { a1Call } from "./calls/a-1-call"; import { ABSENT, some } from "twin"; import { JSON } from "json-as";';
    const folder = await writeFolder("strange", acting(body, head));
    await addCalls(folder, strange, "R.");
    const source = await readAuthorSource(folder);
    expect(source.manifest.permissions).toEqual([
      { permission: { call: "a-1-call", methods: ["list", "at", "delete", "call"] }, reason: "R." },
    ]);
    expect((await source.compile()).length).toBeGreaterThan(1_000);
    expect(writeCalls(strange)).not.toMatch(/^[^/]*owned/mu);
  });
});

const BELL = `
import { kv, nowMs, schedule as later } from "twin";

@json class Note { text: string = ""; }

/** Sets three timers. */
@command
export function begin(): void {
  later(nowMs() + 1_000, "ring", { text: "ding", times: 2 });
  later(nowMs() + 2_000, 'note', { text: "noted" });
  later(nowMs() + 3_000, "tick", {});
}
/** Rings. */
@command export function ring(text: string, times: i32 = 1): void { kv.put("rung", text.repeat(times)); }
/** Notes. */
@command export function note(what: Note): void { kv.put("noted", what.text); }
/** Ticks. */
@command export function tick(): void { kv.put("ticked", "yes"); }
/** What has happened. */
@query export function seen(): string[] { return kv.scan("", 9).map<string>((entry) => entry.text); }
`;

describe("a typed timer", () => {
  it("brings its payload, given as fields, as an object, or as nothing", async () => {
    const folder = await writeFolder("bell", BELL, { permissions: { state: "S.", schedule: "T." } });
    await using lab = await openLab({ capability: folder });
    const ada = await lab.twin();
    await ada.call("begin");
    expect(await ada.call("seen")).toEqual([]);
    await lab.advance(3_000);
    expect(await ada.call("seen")).toEqual(["noted", "dingding", "yes"]);
  });
});

function shelfOf(): CalledCapability {
  const nothing = { type: "object", properties: {}, additionalProperties: false } as const;
  const clear = { kind: "command", doc: "Clears.", params: nothing, result: nothing } as const;
  return { name: "shelf", version: "1.0.0", title: "Shelf", methods: { clear, add: clear } };
}
