import { afterEach, beforeEach, expect, test } from "vitest";
import { base58Encode } from "../../../host/identity/base58.ts";
import { writePackage } from "../../../host/packages/package-file.ts";
import { assemble } from "../../support/assemble.ts";
import { type EngineBench, openEngineBench } from "../../support/engine-bench.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { testIdentity } from "../../support/test-identity.ts";

/** Its payload is a JSON text: what stands between the quotes is the id. */
const ID = "(i32.add (local.get 0) (i32.const 1)) (i32.sub (local.get 1) (i32.const 2))";
const ECHO = "(i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))";
const METHOD = { kind: "command", doc: "Takes an id.", params: { type: "string" }, result: true } as const;

const album = writePackage({
  wasm: assemble(`(module
    (import "twin" "blob_link" (func $blob_link (param i32 i32)))
    (import "twin" "blob_unlink" (func $blob_unlink (param i32 i32)))
    (memory (export "memory") 2)
    (func (export "twin_alloc") (param i32) (result i32) (i32.const 4096))
    (func (export "link") (param i32 i32) (result i64) (call $blob_link ${ID}) ${ECHO})
    (func (export "unlink") (param i32 i32) (result i64) (call $blob_unlink ${ID}) ${ECHO})
  )`),
  manifest: {
    abi: 1,
    name: "album",
    version: "1.0.0",
    title: "Album",
    description: "Holds objects.",
    licence: "Apache-2.0",
    methods: { link: METHOD, unlink: METHOD },
    events: {},
    permissions: [{ permission: "blobs", reason: "For the test." }],
    dataVersion: 1,
  },
  publisher: testIdentity(50),
  kernels: referenceKernels,
});
const OBJECT = base58Encode(new Uint8Array(32).fill(7));

let bench: EngineBench;
beforeEach(async () => {
  bench = await openEngineBench();
  await bench.do("install", album);
});
afterEach(() => bench[Symbol.asyncDispose]());

const links = async (): Promise<number> =>
  (await bench.do("readTable", { namespace: "$links:album", start: new Uint8Array(), limit: 10 })).length;

test("holds an object as long as it is linked more often than unlinked", async () => {
  const album = { capability: "album" };
  for (const method of ["link", "link", "unlink"]) await bench.call(method, OBJECT, album);
  expect(await links()).toBe(1);
  await bench.call("unlink", OBJECT, album);
  expect(await links()).toBe(0);
});

test.each([
  "nope",
  "",
  "0".repeat(44),
  "1".repeat(33),
  "z".repeat(45),
  base58Encode(new Uint8Array(31).fill(7)),
  base58Encode(new Uint8Array(33).fill(7)),
])("what can be no object's id, such as %j, is neither linked nor unlinked", async (id) => {
  for (const method of ["link", "unlink"]) {
    const refused = bench.call(method, id, { capability: "album" });
    await expect(refused).rejects.toMatchObject({
      code: "TWIN_GUEST_ABI",
      message: expect.stringContaining("an object is named by its id"),
    });
  }
  expect(await links()).toBe(0);
});
