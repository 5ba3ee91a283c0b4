import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildCapability } from "../../../host/packages/build-capability.ts";
import type { CapabilityPackage } from "../../../host/packages/manifest.ts";
import { readPackage } from "../../../host/packages/package-file.ts";
import { testPublisher } from "../../support/built-capability.ts";
import { openCapabilityTwin, testTwinId } from "../../support/capability-twin.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";

const GUIDE = join(import.meta.dirname, "../../../docs/guides/write-a-capability.md");
let folder: string;
let guestbook: CapabilityPackage;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "guide-"));
  const guide = await readFile(GUIDE, "utf8");
  const block = (language: string): string => guide.split(`\`\`\`${language}\n`)[1]!.split("```")[0]!;
  await writeFile(join(folder, "capability.json"), block("json"));
  await writeFile(join(folder, "index.ts"), block("ts"));
  const { path } = await buildCapability({ folder, out: join(folder, "build"), kernels, publisher: testPublisher });
  guestbook = readPackage(await readFile(path), kernels);
});
afterAll(() => rm(folder, { recursive: true }));

describe("the guide's guestbook", () => {
  it("builds as it is printed, and keeps what contacts write", () => {
    const twin = openCapabilityTwin(guestbook, testTwinId(0));
    const contact = { kind: "peer", twin: testTwinId(1) } as const;
    const [first, second] = ["hello", "again"].map((text) => twin.call("sign", { text }, contact));
    expect(first).toEqual({ number: 1, by: contact.twin, text: "hello", atMs: twin.nowMs });
    expect(twin.call("list", {})).toEqual([second, first]);
    expect(twin.call("list", { limit: 1 })).toEqual([second]);
    expect(() => twin.call("list", { limit: 0 })).toThrow(/limit/u);
    expect(twin.takeEvents()).toHaveLength(2);
  });
});
