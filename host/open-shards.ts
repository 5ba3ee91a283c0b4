// The twin's objects by its keys and its stores alone: without a host, an index or a state file.

import { join } from "node:path";

import { systemClock } from "./base/clock.ts";
import { TwinError } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import { deriveIdentity } from "./identity/key-tree.ts";
import { readKeystore } from "./identity/keystore.ts";
import { parsePhrase } from "./identity/phrase.ts";
import { openKernels } from "./kernels/open-kernels.ts";
import { openStoreLine, readStoreFile, type StoreLine } from "./store-book.ts";
import { awayTwinStores } from "./twin-stores.ts";
import { CODE } from "./twin-vault.ts";
import { openShardLibrary, type ShardLibrary } from "./vault/shard-library.ts";

/** Which keys and which stores. */
export interface ShardsRequest {
  /** Data folder whose keystore and list of stores are used where the others are absent. */
  readonly folder: string;
  /** As typed. Secret. */
  readonly phrase?: string | undefined;
  /** Paths or URLs of stores. */
  readonly locations: readonly string[];
  readonly log: Log;
}

/** Looks through the stores, which are not written. Throws `TWIN_PHRASE_INVALID`, `TWIN_KEYSTORE_INVALID`, `TWIN_CONFIG_INVALID`. */
export async function openTwinShards({ folder, phrase, locations, log }: ShardsRequest): Promise<ShardLibrary> {
  const kernels = await openKernels();
  const entropy =
    phrase === undefined ? await readKeystore(join(folder, "keystore.json"), kernels) : parsePhrase(phrase);
  if (entropy === undefined) {
    throw new TwinError("TWIN_CONFIG_INVALID", `There is no keystore in ${folder}: give the phrase.`);
  }
  const given = locations.map((location, index): StoreLine => ({ name: `given-${index + 1}`, location }));
  const lines = given.length > 0 ? given : await linesOf(folder);
  const stores = await Promise.all(lines.map((line) => openStoreLine(folder, line, awayTwinStores)));
  return openShardLibrary({
    key: deriveIdentity(entropy, kernels).keys.vault,
    stores,
    kernels,
    clock: systemClock,
    log,
  });
}

async function linesOf(folder: string): Promise<readonly StoreLine[]> {
  return (await readStoreFile(folder, CODE.dataShards + CODE.parityShards)).stores;
}
