import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltCapability, buildCapability } from "../../../host/packages/build-capability.ts";
import { readPackage } from "../../../host/packages/package-file.ts";
import { testPublisher } from "../../support/built-capability.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";

const MANIFEST = {
  abi: 1,
  name: "hello",
  version: "0.1.0",
  title: "Hello",
  description: "Greets.",
  licence: "Apache-2.0",
  methods: { greet: { kind: "query", doc: "Greets.", params: true, result: { type: "string" } } },
  events: {},
  permissions: [],
  dataVersion: 1,
};
const SOURCE = `import { reply } from "twin";
export function greet(_address: i32, _size: i32): i64 { return reply("hello \u{1f44b}"); }
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "build-"));
});
afterAll(() => rm(root, { recursive: true }));

async function build(name: string, source: string, changes: object = {}): Promise<BuiltCapability> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...MANIFEST, ...changes }, null, 2));
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
    const read = readPackage(await readFile(second.path), kernels);
    expect(read).toMatchObject({ manifest: MANIFEST, publisher: testPublisher.id, hash: first.hash });
  });

  it("shows the compiler's words when the source is wrong, and leaves nothing", async () => {
    await expect(build("wrong", "export function greet(a: i32, b: i32): i64 { return nonsense; }")).rejects.toThrow(
      /Cannot find name 'nonsense'[\s\S]*index\.ts\(1,/u,
    );
    await expect(readdir(join(root, "wrong/out"))).rejects.toThrow(/ENOENT/u);
  });

  it("asks for a method that is missing, and for one that is not described", async () => {
    await expect(build("missing", "export const x: i32 = 1;")).rejects.toThrow(
      /method greet that index.ts does not export/u,
    );
    await expect(build("extra", `${SOURCE}export function other(): void {}`)).rejects.toThrow(
      /exports other, which the manifest/u,
    );
  });

  it("says which field of the manifest is wrong", async () => {
    await expect(build("manifest", SOURCE, { version: "1" })).rejects.toThrow(/^version: expected/u);
  });
});
