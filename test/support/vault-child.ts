// A process that puts objects until it is killed, and says on standard output which were acknowledged.
// Arguments: the folder, and the number to count up from.

import { writeSync } from "node:fs";
import { seededBytes } from "./seeded-bytes.ts";
import { openFolderVault } from "./folder-vault.ts";
import { inPieces } from "./test-vault.ts";

const [folder = "", first = "1"] = process.argv.slice(2);
const { vault } = await openFolderVault(folder);
for (let seed = Number(first); ; seed++) {
  const size = (seed * 7_919) % 400_000;
  const { id } = await vault.put(inPieces(seededBytes(seed, size), 50_000));
  writeSync(1, `${seed} ${size} ${id}\n`);
}
