import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inspectPackageFile } from "../../../host/author.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "inspect-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

it("looks into a file of any size without reading all of it", async () => {
  const path = join(folder, "large");
  writeFileSync(path, Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  truncateSync(path, 2 ** 40);
  expect(await inspectPackageFile(path)).toMatchObject({ sizeBytes: 2 ** 40, hash: undefined, sections: [] });
  writeFileSync(path, "");
  expect(await inspectPackageFile(path)).toMatchObject({ sizeBytes: 0, problems: [expect.any(String)] });
});

it("does not read on in what is no file", async () => {
  for (const path of [folder, "/dev/zero"]) {
    await expect(inspectPackageFile(path)).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  }
});
