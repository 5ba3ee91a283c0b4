// A process that does everything a vault can, by seed, until it is killed; its ledger says what it began and what was
// acknowledged. Arguments: the folder, the seed.

import { appendFileSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createChance } from "./campaign.ts";
import { type SmallObject, UPLOAD_TYPE } from "../../host/vault/object.ts";
import { openFolderVault } from "./folder-vault.ts";
import { seededBytes } from "./seeded-bytes.ts";
import { inPieces } from "./test-vault.ts";

const [folder = "", seedText = "1"] = process.argv.slice(2);
const below = createChance(Number(seedText));
const say = (line: string): void => appendFileSync(join(folder, "ledger"), `${line}\n`);
const { vault } = await openFolderVault(folder);
const known = (await vault.find(({ type }) => type === "application/octet-stream")).map(({ id }) => id);

for (;;) {
  switch (below(12)) {
    case 0: {
      const id = known.splice(below(Math.max(1, known.length)), 1)[0];
      if (id === undefined) break;
      say(`forget ${id}`);
      await vault.forget(id);
      say(`forgotten ${id}`);
      break;
    }
    case 1: {
      await loseShards(["a", "b"][below(2)]!);
      await vault.scrub();
      break;
    }
    case 2: {
      await loseShards("a");
      await vault.sample(8);
      await vault.repair();
      break;
    }
    case 3: {
      const store = ["c", "d", "e", "f", "g"][below(5)]!;
      await vault.stores.drain(store);
      await vault.stores.keep(store);
      break;
    }
    case 4: {
      await vault.compact();
      break;
    }
    case 5:
    case 6: {
      const seeds = Array.from({ length: 1 + below(40) }, () => below(1_000));
      const objects = seeds.map((seed) => ({ seed, size: (seed * 7_919) % 30_000 }));
      for (const { seed, size } of objects) say(`put ${seed} ${size}`);
      const stored: string[] = [];
      await vault.putMany(many(objects), {
        onStored: (infos) => {
          for (const { id } of infos) {
            const { seed, size } = objects[stored.push(id) - 1]!;
            say(`done ${seed} ${size} ${id}`);
          }
        },
      });
      known.push(...stored);
      break;
    }
    default: {
      const seed = below(1_000);
      const size = (seed * 7_919) % 200_000;
      say(`put ${seed} ${size}`);
      // As an upload is put that comes in pieces, now and then.
      const cut = below(3) === 0 ? below(size + 1) : 0;
      const bytes = seededBytes(seed, size);
      const part =
        cut === 0 ? undefined : await vault.put(inPieces(bytes.subarray(0, cut), 50_000), { type: UPLOAD_TYPE });
      const { id } = await vault.put(inPieces(bytes.subarray(cut), 50_000), {}, { after: part?.id });
      if (part !== undefined) await vault.forget(part.id);
      say(`done ${seed} ${size} ${id}`);
      known.push(id);
    }
  }
  say("turn");
}

async function* many(objects: readonly { seed: number; size: number }[]): AsyncGenerator<SmallObject, void, undefined> {
  for (const { seed, size } of objects) yield { bytes: seededBytes(seed, size) };
}

/** Deletes a few shards of a store: what the vault survives and makes again. */
async function loseShards(store: string): Promise<void> {
  const files = await readdir(join(folder, "stores", store), { recursive: true });
  for (const file of files.filter((name) => name.endsWith(".shard")).slice(0, 3)) {
    rmSync(join(folder, "stores", store, file));
  }
}
