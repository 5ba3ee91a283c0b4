import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { CapabilityPackage } from "../../../host/packages/manifest.ts";
import { builtCapability } from "../../support/built-capability.ts";
import {
  CapabilityFailure,
  type CapabilityTwin,
  openCapabilityTwin,
  testTwinId,
} from "../../support/capability-twin.ts";

let files: CapabilityPackage;
beforeAll(async () => {
  files = await builtCapability("files");
});

const OBJECT = "CktRuQ2mttgRGkXJtyksdKHjUdc2C4TgDzyB98oEzy8";
const [SHARED, ONLY] = ["8".repeat(43), "9".repeat(43)];

type File = {
  readonly id: string;
  readonly name: string;
  readonly parent: string;
};

const open = (): CapabilityTwin => openCapabilityTwin(files, testTwinId(0));
const folder = (twin: CapabilityTwin, parent: string, name: string): string =>
  (twin.call("create_folder", { parent, name }) as File).id;
const file = (twin: CapabilityTwin, parent: string, name: string, object = OBJECT): string =>
  (twin.call("add", { parent, name, object, sizeBytes: 10, type: "text/plain" }) as File).id;
const names = (twin: CapabilityTwin, id: string): string[] =>
  (twin.call("list", { folder: id }) as { entries: File[] }).entries.map(({ name }) => name);

describe("files", () => {
  it("lists folders first, then files, each by name", () => {
    const twin = open();
    for (const name of ["b.txt", "a.txt", "Ä.txt"]) file(twin, "root", name);
    for (const name of ["zoo", "art"]) folder(twin, "root", name);
    expect(names(twin, "root")).toEqual(["art", "zoo", "a.txt", "b.txt", "Ä.txt"]);
    expect(twin.call("usage", {})).toEqual({ files: 3, folders: 2, sizeBytes: 30 });
  });

  it("pages a folder without gaps or repeats", () => {
    const twin = open();
    for (let index = 0; index < 23; index++) (index % 3 === 0 ? folder : file)(twin, "root", `n${index}`);
    const found: string[] = [];
    let after: string | undefined;
    do {
      const params = { folder: "root", limit: 5, ...(after === undefined ? {} : { after }) };
      const page = twin.call("list", params) as { entries: File[]; next: string | null };
      found.push(...page.entries.map(({ name }) => name));
      after = page.next ?? undefined;
    } while (after !== undefined);
    expect(found).toEqual(names(twin, "root"));
    expect(found).toHaveLength(23);
  });

  it("refuses a name that is taken, by a file or a folder, but not in another case", () => {
    const twin = open();
    folder(twin, "root", "a");
    expect(() => file(twin, "root", "a")).toThrow(/^name-taken/u);
    expect(() => folder(twin, "root", "a")).toThrow(/^name-taken/u);
    file(twin, "root", "A");
    expect(twin.blobs()).toEqual({ [OBJECT]: 1 });
  });

  it.each([".", "..", "a/b", "a\0b", "é".repeat(128)])("refuses the name %j", (name) => {
    const twin = open();
    expect(() => folder(twin, "root", name)).toThrow(/^name-invalid/u);
    const id = file(twin, "root", "fine");
    expect(() => twin.call("rename", { id, name })).toThrow(/^name-invalid/u);
  });

  it("keeps the id and content of what is renamed and moved", () => {
    const twin = open();
    const [from, to] = [folder(twin, "root", "from"), folder(twin, "root", "to")];
    const id = file(twin, from, "x.txt");
    twin.nowMs += 5;
    twin.call("rename", { id, name: "y.txt" });
    twin.takeEvents();
    expect(twin.call("move", { id, parent: to })).toMatchObject({
      id,
      name: "y.txt",
      parent: to,
      object: OBJECT,
      modifiedAtMs: twin.nowMs,
    });
    expect(twin.takeEvents().map(({ payload }) => payload)).toEqual([{ folder: from }, { folder: to }]);
    expect(names(twin, from)).toEqual([]);
    expect(names(twin, to)).toEqual(["y.txt"]);
    expect(twin.call("path", { id })).toEqual({
      path: [
        { id: "root", name: "" },
        { id: to, name: "to" },
        { id, name: "y.txt" },
      ],
    });
    expect(twin.blobs()).toEqual({ [OBJECT]: 1 });
  });

  it("refuses to move a folder into itself, into its own folders, or into a file", () => {
    const twin = open();
    const top = folder(twin, "root", "top");
    const inner = folder(twin, folder(twin, top, "middle"), "inner");
    const leaf = file(twin, "root", "leaf");
    expect(() => twin.call("move", { id: top, parent: top })).toThrow(/^cycle/u);
    expect(() => twin.call("move", { id: top, parent: inner })).toThrow(/^cycle/u);
    expect(() => twin.call("move", { id: top, parent: leaf })).toThrow(/^not-a-folder/u);
    expect(() => file(twin, leaf, "x")).toThrow(/^not-a-folder/u);
  });

  it("refuses to move or rename onto a taken name, and changes nothing", () => {
    const twin = open();
    const box = folder(twin, "root", "box");
    file(twin, box, "a");
    const id = file(twin, "root", "a");
    expect(() => twin.call("move", { id, parent: box })).toThrow(/^name-taken/u);
    file(twin, "root", "b");
    expect(() => twin.call("rename", { id, name: "b" })).toThrow(/^name-taken/u);
    expect(names(twin, "root")).toEqual(["box", "a", "b"]);
  });

  it("deletes a folder with all in it and lets go of each object once", () => {
    const twin = open();
    const top = folder(twin, "root", "top");
    file(twin, folder(twin, top, "in"), "x", SHARED);
    file(twin, top, "y", ONLY);
    file(twin, "root", "keep", SHARED);
    expect(twin.blobs()).toEqual({ [SHARED]: 2, [ONLY]: 1 });
    expect(twin.call("remove", { id: top })).toEqual({ removed: 4 });
    expect(twin.blobs()).toEqual({ [SHARED]: 1 });
    expect(twin.call("usage", {})).toEqual({ files: 1, folders: 0, sizeBytes: 10 });
    expect(twin.call("stat", { id: top })).toEqual({ entry: null });
    expect(() => twin.call("remove", { id: top })).toThrow(/^not-found/u);
  });

  it("refuses to delete more than 1,000 entries at once, and deletes none of them", { timeout: 60_000 }, () => {
    const twin = open();
    const top = folder(twin, "root", "top");
    const long = "\u0001".repeat(250);
    for (let index = 0; index < 1_000; index++) file(twin, top, `${long}${index}`);
    const page = twin.call("list", { folder: top, limit: 500 });
    expect(JSON.stringify(page).length).toBeLessThan(1024 * 1024);
    expect(page["next"]).not.toBeNull();
    expect(() => twin.call("remove", { id: top })).toThrow(/^too-many/u);
    expect(twin.call("usage", {})).toMatchObject({ files: 1_000 });
    twin.call("remove", { id: (twin.call("list", { folder: top, limit: 1 }) as { entries: File[] }).entries[0]!.id });
    expect(twin.call("remove", { id: top })).toEqual({ removed: 1_000 });
    expect(twin.blobs()).toEqual({});
  });

  it("lets nothing lie deeper than in 64 nested folders", () => {
    const twin = open();
    let deepest = "root";
    for (let depth = 0; depth < 64; depth++) deepest = folder(twin, deepest, "d");
    const last = folder(twin, deepest, "d");
    expect(() => file(twin, last, "x")).toThrow(/^too-deep/u);
    expect((twin.call("path", { id: deepest }) as { path: unknown[] }).path).toHaveLength(65);
  });

  it("is a tree after any row of operations", () => {
    const operation = fc.tuple(
      fc.constantFrom("folder", "file", "move", "rename", "remove"),
      fc.nat(20),
      fc.nat(20),
      fc.nat(4),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const twin = open();
        const ids = ["root"];
        const refusals = new Set<string>();
        for (const [kind, first, second, name] of operations) {
          const [parent, id] = [ids[first % ids.length]!, ids[second % ids.length]!];
          try {
            if (kind === "folder") ids.push(folder(twin, parent, `${name}`));
            else if (kind === "file") ids.push(file(twin, parent, `${name}`, `o${name + 1}`));
            else if (kind === "move") twin.call("move", { id, parent });
            else if (kind === "rename") twin.call("rename", { id, name: `${name}` });
            else twin.call("remove", { id });
          } catch (error) {
            refusals.add(error instanceof CapabilityFailure ? error.code : String(error));
          }
        }
        expect(["not-found", "name-taken", "cycle", "not-a-folder", "params"]).toEqual(
          expect.arrayContaining(Array.from(refusals)),
        );
        expectTree(twin);
      }),
      { numRuns: 60 },
    );
  });
});

function expectTree(twin: CapabilityTwin): void {
  const usage = { files: 0, folders: 0 };
  const visit = (id: string): void => {
    const { entries } = twin.call("list", { folder: id }) as { entries: (File & { kind: string })[] };
    expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
    for (const entry of entries) {
      expect(entry.parent).toBe(id);
      if (entry.kind === "folder") {
        usage.folders++;
        visit(entry.id);
      } else usage.files++;
    }
  };
  visit("root");
  expect(twin.call("usage", {})).toMatchObject({ files: usage.files, folders: usage.folders });
  expect(Object.values(twin.blobs()).reduce((sum, count) => sum + count, 0)).toBe(usage.files);
}
