import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAuthorSource } from "../../../host/packages/authoring/author-source.ts";
import { LANGUAGES, newCapability } from "../../../host/packages/new-capability.ts";
import type { Manifest } from "../../../host/packages/manifest.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "new-"));
});
afterAll(() => rm(root, { recursive: true }));

/** Without texts for people inside of schemas. */
function contractOf({ methods, events, permissions }: Manifest): unknown {
  return { methods, events, permissions };
}

describe("newCapability", () => {
  it("begins the same capability in every language, under the name that was asked for", async () => {
    const contracts: unknown[] = [];
    for (const language of LANGUAGES) {
      const folder = join(root, language);
      await newCapability(folder, { name: "visitors-book", language });
      const { manifest } = await readAuthorSource(folder);
      expect(manifest).toMatchObject({ name: "visitors-book", title: "Visitors book", version: "1.0.0" });
      contracts.push(contractOf(manifest));
      const names = await readdir(folder, { recursive: true });
      expect(names).toEqual(expect.arrayContaining([".gitignore", "README.md", join("test", "visitors-book.test.ts")]));
      for (const name of names.filter((name) => name.includes("."))) {
        expect(await readFile(join(folder, name), "utf8")).not.toMatch(/guestbook/iu);
      }
    }
    expect(contracts[1]).toEqual(contracts[0]);
    expect(contracts[2]).toEqual(contracts[0]);
  });

  it("touches nothing that is there, and refuses names that no capability can have", async () => {
    const folder = join(root, "taken");
    await newCapability(folder, { name: "taken", language: "c" });
    await writeFile(join(folder, "main.c"), "mine");
    await expect(newCapability(folder, { name: "taken", language: "c" })).rejects.toThrow(/is not empty/u);
    expect(await readFile(join(folder, "main.c"), "utf8")).toBe("mine");
    for (const name of ["", "Upper", "../escape", "1st"]) {
      const refused = newCapability(join(root, "refused"), { name, language: "c" });
      await expect(refused).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    }
    await expect(readdir(join(root, "refused"))).rejects.toThrow(/ENOENT/u);
  });
});
