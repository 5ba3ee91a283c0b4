// A twin's engine core on this thread over a real folder: what a killed process has left can be looked at.

import { join } from "node:path";
import { concatBytes, hexEncode, utf8Encode } from "../../host/base/bytes.ts";
import { silentLog } from "../../host/base/log.ts";
import { EngineCore } from "../../host/engine/engine-core.ts";
import { createPackageFolder } from "../../host/engine/package-folder.ts";
import { openTestStore } from "./journal-store.ts";
import { createManualClock } from "./manual-clock.ts";
import { referenceKernels } from "./reference-kernels.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { testIdentity } from "./test-identity.ts";

/** Opens it; the same folder gives the same twin, in standing time. */
export async function openFolderTwin(folder: string): Promise<EngineCore> {
  const twin = testIdentity(1).id;
  const clock = createManualClock();
  const store = await openTestStore(join(folder, "state.sqlite"), { twin, clock });
  return new EngineCore({
    twin,
    store,
    packages: createPackageFolder(join(folder, "packages"), referenceKernels),
    kernels: referenceKernels,
    clock,
    random: createSeededRandom(twin),
    log: silentLog,
    onNews: () => {},
  });
}

/** A hash of each table that is not empty, receipts aside. */
export function hashTables({ store }: Pick<EngineCore, "store">): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const namespace of store.namespaces().toSorted()) {
    const rows = store.scan({ namespace, start: new Uint8Array(), limit: 1_000 });
    if (rows.length === 0 || /^\$(?:receipt|totals)/u.test(namespace)) continue;
    const bytes = rows.flatMap(({ key, value }) => [
      Uint8Array.of(key.length),
      key,
      utf8Encode(`${value.length} `),
      value,
    ]);
    hashes[namespace] = hexEncode(referenceKernels.hash(concatBytes(...bytes))).slice(0, 16);
  }
  return hashes;
}
