import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemRandom } from "../../../host/base/random.ts";
import { openHostKey } from "../../../host/peers/host-key.ts";

async function temporaryPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "twin-host-key-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, "host.key");
}

test("a host key is created once and stays the same", async () => {
  const path = await temporaryPath();
  const first = await openHostKey(path, systemRandom);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await openHostKey(path, systemRandom)).equals(first)).toBe(true);
});

test("a host key is refused when any byte of it is flipped, or others may read it", async () => {
  const path = await temporaryPath();
  await openHostKey(path, systemRandom);
  const good = await readFile(path);
  for (let index = 0; index < good.length; index++) {
    const broken = Buffer.from(good);
    broken[index]! ^= 1;
    await writeFile(path, broken);
    await expect(openHostKey(path, systemRandom), `byte ${index}`).rejects.toMatchObject({
      code: "TWIN_KEYSTORE_INVALID",
    });
  }
  await writeFile(path, good);
  await chmod(path, 0o644);
  await expect(openHostKey(path, systemRandom)).rejects.toThrow("chmod 600");
});
