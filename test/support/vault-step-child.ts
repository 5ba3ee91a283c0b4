// A process that does one thing with a vault and, at one of the steps in which that changes the disk, is killed
// (SIGKILL) or meets a disk that fails; with no such step it prints the names of all of them.
// Arguments: folder, operation, kill | fail, step or -1.

import fs from "node:fs";
import { join } from "node:path";

import type { SmallObject } from "../../host/vault/object.ts";
import { watchDisk } from "./disk-steps.ts";

const [folder, operation, fate, at] = process.argv.slice(2) as [string, string, "kill" | "fail", string];
const disk = await watchDisk({ fate, at: Number(at) });

const { openFolderVault } = await import("./folder-vault.ts");
const { seededBytes } = await import("./seeded-bytes.ts");
const { putBytes } = await import("./test-vault.ts");
const { LARGE_SIZE, MANY } = await import("./many-contents.ts");
const { vault } = await openFolderVault(folder);
const first = (await vault.find(({ type }) => type === "application/octet-stream"))[0]!.id;
const WORK: Readonly<Record<string, () => Promise<unknown>>> = {
  put: () => putBytes(vault, seededBytes(77, 50_000)),
  putLarge: () => putBytes(vault, seededBytes(77, LARGE_SIZE)),
  putMany: () => vault.putMany(many()),
  forget: () => vault.forget(first),
  scrub: async () => {
    for (const name of fs
      .readdirSync(join(folder, "stores", "a"), { recursive: true })
      .map(String)
      .slice(0, 4)) {
      if (name.endsWith(".shard")) fs.rmSync(join(folder, "stores", "a", name));
    }
    await vault.scrub();
  },
  drain: () => vault.stores.drain("c"),
  compact: () => vault.compact(),
};
async function* many(): AsyncGenerator<SmallObject, void, undefined> {
  for (const [at, bytes] of MANY.entries()) yield { bytes, meta: { name: `${at}` } };
}

process.stdout.write(JSON.stringify(await disk.run(WORK[operation]!)));
process.exit(0);
