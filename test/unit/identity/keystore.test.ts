import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createKeystore, readKeystore } from "../../../host/identity/keystore.ts";
import { referenceKeyDerivation as kernels } from "../../support/test-identity.ts";

const entropy = new Uint8Array(32).fill(7);
const invalid = expect.objectContaining({ code: "TWIN_KEYSTORE_INVALID" });

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twin-keystore-"));
  path = join(folder, "keystore");
});
afterEach(() => rm(folder, { recursive: true }));

describe("keystore", () => {
  test("is undefined when there is none, and gives back what was written", async () => {
    expect(await readKeystore(path, kernels)).toBeUndefined();
    await createKeystore(path, entropy, kernels);
    expect(await readKeystore(path, kernels)).toEqual(entropy);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["keystore"]);
  });

  test("is never overwritten", async () => {
    await createKeystore(path, entropy, kernels);
    await expect(createKeystore(path, new Uint8Array(32), kernels)).rejects.toEqual(invalid);
    expect(await readKeystore(path, kernels)).toEqual(entropy);
  });

  test("is written although a crash left a temporary file that others may read", async () => {
    await writeFile(`${path}.tmp`, "half", { mode: 0o666 });
    await createKeystore(path, entropy, kernels);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("is refused with the remedy when others may read or write it", async () => {
    await createKeystore(path, entropy, kernels);
    for (const mode of [0o640, 0o604, 0o620, 0o602]) {
      await chmod(path, mode);
      await expect(readKeystore(path, kernels)).rejects.toThrow(`chmod 600 ${path}`);
    }
  });

  test("is refused when any one byte is flipped or cut, and no message shows the secret", async () => {
    await createKeystore(path, entropy, kernels);
    const good = await readFile(path);
    for (let index = 0; index < good.length; index++) {
      const broken = Buffer.from(good);
      broken[index]! ^= 1;
      await writeFile(path, broken);
      const error: unknown = await readKeystore(path, kernels).catch((caught: unknown) => caught);
      expect(error, `byte ${index}`).toEqual(invalid);
      expect(String(error)).not.toContain("0707");
    }
    for (const size of [0, 1, good.length - 1]) {
      await writeFile(path, good.subarray(0, size));
      await expect(readKeystore(path, kernels)).rejects.toEqual(invalid);
    }
  });

  test("tells a newer format from a damaged file", async () => {
    await createKeystore(path, entropy, kernels);
    await writeFile(path, (await readFile(path, "utf8")).replace('"version":1', '"version":2'));
    await expect(readKeystore(path, kernels)).rejects.toThrow("use a newer one");
  });

  test("is refused when it is huge, a folder, or not an object", async () => {
    await writeFile(path, "x".repeat(70_000), { mode: 0o600 });
    await expect(readKeystore(path, kernels)).rejects.toThrow("too large");
    await writeFile(path, "null");
    await expect(readKeystore(path, kernels)).rejects.toEqual(invalid);
    await chmod(folder, 0o700);
    await expect(readKeystore(folder, kernels)).rejects.toEqual(invalid);
  });
});
