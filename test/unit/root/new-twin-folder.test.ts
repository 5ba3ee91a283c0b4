// A data folder is made whole or not at all, whatever an earlier try has left.

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { makeTwinFolder } from "../../../host/new-twin-folder.ts";

const place = await mkdtemp(join(tmpdir(), "new-twin-"));
afterAll(() => rm(place, { recursive: true, force: true }));

describe("a new data folder", () => {
  test("is not there while it is made, and whole when it is", async () => {
    const folder = join(place, "deep", "twin");
    await makeTwinFolder(folder, async (making) => {
      await writeFile(join(making, "a"), "1");
      await expect(readdir(folder)).rejects.toThrow("ENOENT");
    });
    expect(await readdir(folder)).toEqual(["a"]);
    expect(await readdir(join(place, "deep"))).toEqual(["twin"]);
  });

  test("is not there when making it fails, and takes nothing of what a killed one has left", async () => {
    const folder = join(place, "broken");
    await mkdir(`${folder}.making`, { recursive: true });
    await writeFile(join(`${folder}.making`, "keystore.json"), "of a run that was killed");
    const failing = makeTwinFolder(folder, async (making) => {
      expect(await readdir(making)).toEqual([]);
      await writeFile(join(making, "keystore.json"), "half");
      throw new Error("the stores went away");
    });
    await expect(failing).rejects.toThrow("the stores went away");
    expect((await readdir(place)).filter((name) => name.startsWith("broken"))).toEqual([]);
  });

  test("takes the place of an empty one, and of no other", async () => {
    const folder = join(place, "taken");
    await mkdir(folder);
    await makeTwinFolder(folder, (making) => writeFile(join(making, "a"), "1"));
    await expect(makeTwinFolder(folder, async () => {})).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
    expect(await readdir(folder)).toEqual(["a"]);
  });
});
