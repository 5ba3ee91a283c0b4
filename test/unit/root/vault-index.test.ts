// The vault's index on disk, damaged: it is found out, and made again from the stores.

import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { forgetIndex, openTwinVault } from "../../../host/twin-vault.ts";
import { awayTwinStores } from "../../../host/twin-stores.ts";
import type { Vault } from "../../../host/vault/object.ts";
import { createChance } from "../../support/campaign.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { putBytes, readBytes, testKernels } from "../../support/test-vault.ts";

const BROKEN = "TWIN_STATE_BROKEN";
const folder = await mkdtemp(join(tmpdir(), "vault-index-"));
afterAll(() => rm(folder, { recursive: true, force: true }));
const index = join(folder, "vault", "index.sqlite");
const identity = testIdentity(4);
const contents = [1, 2, 3].map((seed) => seededBytes(seed, seed * 40_000));

async function withVault<T>(work: (vault: Vault) => Promise<T>): Promise<T> {
  await using stack = new AsyncDisposableStack();
  const parts = { folder, identity, kernels: await testKernels(), openTwinStore: awayTwinStores, log: silentLog };
  return await work((await openTwinVault(stack, { ...parts, kernelWorkers: 1 })).vault);
}

const ids = await withVault(async (vault) => {
  const put: string[] = [];
  for (const bytes of contents) put.push((await putBytes(vault, bytes)).id);
  return put;
});
const whole = await readFile(index);

/** Reads everything and scrubs; an index that breaks on the way is set aside, as a message says. */
async function expectAllBack(): Promise<void> {
  const scrub = async (vault: Vault): Promise<void> =>
    expect(await vault.scrub()).toMatchObject({ segmentsLost: 0, margin: 2 });
  const readAll = (): Promise<void> =>
    withVault(async (vault) => {
      for (const [at, id] of ids.entries()) expect(Buffer.compare(await readBytes(vault, id), contents[at]!)).toBe(0);
      await scrub(vault);
    });
  await readAll().catch(async (thrown: unknown) => {
    if (!(thrown instanceof TwinError)) throw thrown;
    // A row whose key was changed is none to who reads it: the read names the remedy, or the scrub finds it out.
    if (thrown.code === "TWIN_OBJECT_LOST") expect(thrown.message).toContain("twin vault reindex");
    else if (thrown.code === "TWIN_OBJECT_UNKNOWN")
      await expect(withVault(scrub)).rejects.toMatchObject({ code: BROKEN });
    else {
      expect(thrown.code).toBe(BROKEN);
      expect(thrown.message).toContain("twin vault reindex");
    }
    await forgetIndex(folder, folder);
    await readAll();
  });
}

const below = createChance(11);
test.each([
  ["absent", () => rm(index)],
  ["empty", () => truncate(index, 0)],
  ["cut in the middle", () => truncate(index, whole.length >> 1)],
  ["noise", () => writeFile(index, seededBytes(1, whole.length))],
  ["with another file's head", () => overwrite(0, seededBytes(1, 100))],
  [
    "with an inverted page",
    () =>
      overwrite(
        4_096,
        whole.subarray(4_096, 8_192).map((byte) => byte ^ 0xff),
      ),
  ],
  ["with a flipped bit here", () => flip()],
  ["with a flipped bit there", () => flip()],
  ["with a flipped bit elsewhere", () => flip()],
  ["with a flipped bit in its last page", () => flip(whole.length - 4_096)],
])("an index that is %s costs no object", async (_what, harm) => {
  await forgetIndex(folder, folder);
  await writeFile(index, whole, { mode: 0o600 });
  await harm();
  await expectAllBack();
});

async function overwrite(at: number, bytes: Uint8Array): Promise<void> {
  await using file = await open(index, "r+");
  await file.write(bytes, 0, bytes.length, at);
}

async function flip(from = 0): Promise<void> {
  const { size } = await stat(index);
  const at = from + below(size - from);
  await overwrite(at, Uint8Array.of(whole[at]! ^ (1 << below(8))));
}
