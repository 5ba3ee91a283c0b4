// What keeps the kernels small and trusted: the size of the module, and that no door is without an
// independent implementation that it is compared with.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { openKernels } from "../../../host/kernels/open-kernels.ts";

const ROOT = join(import.meta.dirname, "../../..");
const TESTS = join(ROOT, "test/unit/kernels");

/** Browsers and capabilities load it: growth is a decision. */
const MODULE_SIZE_MAX = 64 * 1024;

/** Who says what is right: other implementations, and published vectors. */
const ORACLE = /@noble\/|node:crypto|reference-kernels|test\/vectors|\/vectors\//u;

describe("the module of the kernels", () => {
  it("stays within its budget", () => {
    expect(statSync(join(ROOT, "assembly/build/kernels.wasm")).size).toBeLessThanOrEqual(MODULE_SIZE_MAX);
  });
});

describe("every door of the kernels", () => {
  const tests = readdirSync(TESTS, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(TESTS, name), "utf8"))
    .filter((text) => ORACLE.test(text));

  it("is compared with an independent implementation", async () => {
    const kernels = await openKernels();
    const code = kernels.createErasureCode(2, 2);
    const key = new Uint8Array(32);
    const objects = [
      kernels,
      code,
      code.createShardSet(128),
      kernels.createHasher(),
      kernels.createPutPipeline(key),
      kernels.blake3.lease(),
      kernels.chacha20poly1305.lease(),
    ];
    const doors = new Set(objects.flatMap(doorsOf));
    expect(doors.size).toBeGreaterThan(25);
    expect([...doors].filter((door) => !tests.some((text) => text.includes(`.${door}(`)))).toEqual([]);
  });

  it("has both lanes of what a host can choose tested against each other", () => {
    const text = readFileSync(join(TESTS, "lanes.test.ts"), "utf8");
    expect(text).toContain("createWasmLane");
    expect(text).toContain("nativeLane");
    for (const operation of ["seal", "open", "sha256"]) expect(text).toContain(`.${operation}(`);
  });
});

/** Names of the functions of an object, of those below it, and of its class. */
function doorsOf(value: object): string[] {
  const own = Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    if (typeof member === "function") return [name];
    const isPart =
      typeof member === "object" && member !== null && !ArrayBuffer.isView(member) && !Array.isArray(member);
    return isPart ? doorsOf(member) : [];
  });
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== "object" || prototype === null || prototype === Object.prototype) return own;
  return [...own, ...Object.getOwnPropertyNames(prototype).filter((name) => isMethod(prototype, name))];
}

function isMethod(prototype: object, name: string): boolean {
  return name !== "constructor" && typeof Object.getOwnPropertyDescriptor(prototype, name)?.value === "function";
}
