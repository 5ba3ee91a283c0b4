import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildCapability } from "../../../../host/packages/build-capability.ts";
import type { CapabilityPackage } from "../../../../host/packages/manifest.ts";
import { readPackage } from "../../../../host/packages/package-file.ts";
import { testPublisher } from "../../../support/built-capability.ts";
import { openCapabilityTwin, testTwinId } from "../../../support/capability-twin.ts";
import { referenceKernels as kernels } from "../../../support/reference-kernels.ts";

const SOURCE = `
import { JSON } from "json-as";
import { Table, ordered } from "twin";

@json class Row { key: i64 = 0; group: string = ""; }
@json class Asked { @optional tags: string[] | null = null; names: Map<string, i32> = new Map(); flag: bool = false; }

const rows = new Table<Row>("row", (row) => ordered(row.key)).index("group", (row) => row.group);
const rowsToo = new Table<Row>("rows", (row) => row.group);

/** Writes. */
@command export function put(row: Row): void { rows.put(row); }
/** Deletes. */
@command export function remove(key: i64): bool { return rows.remove(ordered(key)); }
/** By key. */
@query export function all(reverse: bool = false): Row[] { return rows.list(1000, "", reverse); }
/** By group. */
@query export function where(group: string): Row[] { return rows.where("group", group, 1000); }
/** In the order of groups. */
@query export function groups(): Row[] { return rows.by("group", 1000); }
/** Around a key. */
@query export function around(key: i64): Row[] { return rows.before(ordered(key), 1).concat(rows.after(ordered(key), 1)); }
/** Another table. */
@query export function others(): Row[] { return rowsToo.list(10); }
/** No such index. */
@query export function nowhere(): Row[] { return rows.by("nope", 1); }
/** Says it back. */
@query export function mirror(asked: Asked): Asked { return asked; }
/** Says the parts back. */
@query export function parts(tags: string[], names: Map<string, i32>, row: Row, none: Row | null, more: JSON.Box<i32> | null, size: i32 = 3): string {
  return [tags.join(), names.get("a").toString(), row.group, none === null ? "null" : none.group,
    more === null ? "null" : more.value.toString(), size.toString()].join(" ");
}
`;

let folder: string;
let pack: CapabilityPackage;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  const file = {
    name: "tables",
    version: "1.0.0",
    title: "T",
    description: "T.",
    licence: "MIT",
    permissions: { state: "Rows." },
  };
  await writeFile(join(folder, "capability.json"), JSON.stringify(file));
  await writeFile(join(folder, "index.ts"), SOURCE);
  const { path } = await buildCapability({ folder, out: folder, kernels, publisher: testPublisher });
  pack = readPackage(await readFile(path), kernels);
});
afterAll(() => rm(folder, { recursive: true }));

interface Row {
  readonly key: number;
  readonly group: string;
}

describe("a table", () => {
  it("does what a sorted list with a filter does, whatever is written and deleted", () => {
    const key = fc.integer({ min: -3, max: 3 }).map((small) => small * 2 ** 40);
    const group = fc.constantFrom("", "a", "a/", "ab", "\u{1f600}");
    const step = fc.oneof(fc.record({ key, group }), key);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const twin = openCapabilityTwin(pack, testTwinId(0));
        const model = new Map<number, Row>();
        for (const change of steps) {
          if (typeof change === "number") {
            expect(twin.call("remove", { key: change })).toBe(model.delete(change));
          } else {
            twin.call("put", change);
            model.set(change.key, change);
          }
        }
        const sorted = [...model.values()].toSorted((left, right) => left.key - right.key);
        expect(twin.call("all", {})).toEqual(sorted);
        expect(twin.call("all", { reverse: true })).toEqual(sorted.toReversed());
        for (const wanted of ["", "a", "ab"]) {
          expect(twin.call("where", { group: wanted })).toEqual(sorted.filter(({ group }) => group === wanted));
        }
        expect((twin.call("groups", {}) as unknown as Row[]).map(({ group }) => group)).toEqual(
          sorted
            .map(({ group }) => group)
            .toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right))),
        );
        expect(twin.call("around", { key: 1 })).toEqual([
          ...sorted.filter(({ key }) => key < 1).slice(-1),
          ...sorted.filter(({ key }) => key > 1).slice(0, 1),
        ]);
        expect(twin.call("others", {})).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it("refuses a NUL in a value that is indexed, and an index that does not exist", () => {
    const twin = openCapabilityTwin(pack, testTwinId(0));
    expect(() => twin.call("put", { key: 1, group: "a\0b" })).toThrow(/key-invalid/u);
    expect(twin.call("all", {})).toEqual([]);
    expect(() => twin.call("nowhere", {})).toThrow(/index-unknown/u);
  });
});

describe("payloads", () => {
  it("carry objects, maps, lists and nulls unchanged", () => {
    const twin = openCapabilityTwin(pack, testTwinId(0));
    for (const asked of [
      { tags: null, names: {}, flag: true },
      { tags: ["a", '"\u{1f600}'], names: { b: -1, a: 2 }, flag: false },
    ]) {
      expect(twin.call("mirror", asked)).toEqual(asked);
    }
    expect(twin.call("mirror", { names: {}, flag: true })).toEqual({ tags: null, names: {}, flag: true });
  });

  it("bring parameters of every kind", () => {
    const twin = openCapabilityTwin(pack, testTwinId(0));
    const asked = { tags: ["x", "y"], names: { a: 7 }, row: { key: 1, group: "g" }, none: null, more: null };
    expect(twin.call("parts", asked)).toBe("x,y 7 g null null 3");
    const more = { ...asked, tags: [], none: { key: 2, group: "h" }, more: 5, size: 4 };
    expect(twin.call("parts", more)).toBe(" 7 g h 5 4");
  });

  it("are refused when a number does not fit its type", () => {
    const twin = openCapabilityTwin(pack, testTwinId(0));
    expect(() => twin.call("mirror", { names: { a: 2 ** 31 }, flag: true })).toThrow(/a/u);
    expect(() => twin.call("put", { key: 2 ** 60, group: "" })).toThrow(/key/u);
  });
});
