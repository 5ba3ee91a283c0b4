import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltCapability, buildCapability } from "../../../host/packages/build-capability.ts";
import { readPackage } from "../../../host/packages/package-file.ts";
import { testPublisher } from "../../support/built-capability.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";

const FILE = {
  name: "hello",
  version: "0.1.0",
  title: "Hello",
  description: "Greets.",
  licence: "Apache-2.0",
  permissions: {},
};
const SOURCE = `
/** Greets. */
@query export function greet(): string { return "hello \u{1f44b}"; }
`;
const MANIFEST = {
  ...FILE,
  abi: 1,
  methods: {
    greet: {
      kind: "query",
      doc: "Greets.",
      params: { type: "object", properties: {}, additionalProperties: false },
      result: { type: "string" },
    },
  },
  events: {},
  permissions: [],
  dataVersion: 1,
};

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "build-"));
});
afterAll(() => rm(root, { recursive: true }));

async function build(name: string, source: string, changes: object = {}): Promise<BuiltCapability> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "capability.json"), JSON.stringify({ ...FILE, ...changes }, null, 2));
  await writeFile(join(folder, "index.ts"), source);
  return buildCapability({ folder, out: join(root, name, "out"), kernels, publisher: testPublisher });
}

describe("buildCapability", () => {
  it("builds the same bytes from the same source, wherever it lies, and only when something changed", async () => {
    const first = await build("first", SOURCE);
    expect(first).toMatchObject({ rebuilt: true, path: join(root, "first/out/hello-0.1.0.wasm") });
    const again = await buildCapability({
      folder: join(root, "first"),
      out: join(root, "first/out"),
      kernels,
      publisher: testPublisher,
    });
    expect(again).toMatchObject({ rebuilt: false, hash: first.hash });
    const second = await build("second", SOURCE);
    expect(second.hash).toBe(first.hash);
    // Who builds, and when, leaves no trace.
    await utimes(join(root, "second/index.ts"), 0, 0);
    const umask = process.umask(0o077);
    const third = await build("third", SOURCE).finally(() => process.umask(umask));
    expect(third.hash).toBe(first.hash);
    const read = readPackage(await readFile(second.path), kernels);
    expect(read).toMatchObject({ manifest: MANIFEST, publisher: testPublisher.id, hash: first.hash });
  });

  it("shows the compiler's words at the author's line when the source is wrong, and leaves nothing", async () => {
    await expect(build("wrong", SOURCE.replace('"hello', 'nonsense + "hello'))).rejects.toThrow(
      /^index\.ts:3:\d+: Cannot find name 'nonsense'/u,
    );
    await expect(readdir(join(root, "wrong/out"))).rejects.toThrow(/ENOENT/u);
  });

  it("asks for a permission that the code uses, and against one that it does not", async () => {
    const using = `import { kv } from "twin"; ${SOURCE.replace('return "', 'return kv.get("x")! + "')}`;
    await expect(build("using", using)).rejects.toThrow(/uses kv_get but permissions do not ask for state/u);
    await expect(build("idle", SOURCE, { permissions: { send: "Because." } })).rejects.toThrow(/ask for send, which/u);
    await expect(build("unknown", SOURCE, { permissions: { root: "Because." } })).rejects.toThrow(/permission/u);
  });

  it("refuses what no host has, also when only the compiler knows of it", async () => {
    await expect(build("traced", SOURCE.replace("{ return", '{ trace("x"); return'))).rejects.toThrow(
      /uses env\.trace, which no host has/u,
    );
  });

  it("needs both files", async () => {
    const folder = join(root, "empty");
    await mkdir(folder);
    const parts = { folder, out: folder, kernels, publisher: testPublisher };
    await expect(buildCapability(parts)).rejects.toThrow(/no capability\.json/u);
    await writeFile(join(folder, "capability.json"), JSON.stringify(FILE));
    await expect(buildCapability(parts)).rejects.toThrow(/^index\.ts:1:1: there is no such file/u);
  });

  it("says which field of the manifest is wrong", async () => {
    await expect(build("manifest", SOURCE, { version: "1" })).rejects.toThrow(/^capability\.json: version: expected/u);
  });
});
