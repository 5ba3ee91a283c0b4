// A put of a folder of many small text files, each an object of its own, beside restic's first backup of the same files.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { storeFolderAsObjects } from "../../../host/rpc/folder-objects.ts";
import type { Vault } from "../../../host/vault/object.ts";
import type { Case } from "../../measure.ts";
import type { Peers } from "../../peers.ts";
import { secondsOf } from "../../samplers.ts";
import type { SuiteContext } from "../../suite.ts";
import { folderSize } from "./folder-size.ts";
import type { OpenBenchVault } from "./open-bench-vault.ts";
import { resticPut } from "./restic.ts";
import { writeTextFiles } from "./text-files.ts";

const SIZE = { full: 500e6, quick: 2e6 } as const;
const ROUNDS_MAX = { full: 2, quick: 1 } as const;

interface TextParts extends Pick<SuiteContext, "facts" | "quick"> {
  readonly open: OpenBenchVault;
  readonly peers: Peers;
  /** To work in; must exist. */
  readonly folder: string;
}

/** The case `put-texts`. Writes its files, which takes a while. */
export async function createTextsCase({ facts, quick, open, peers, folder }: TextParts): Promise<Case> {
  const source = join(folder, "texts");
  const files = writeTextFiles(source, quick ? SIZE.quick : SIZE.full);
  const note = (who: string, cpuSeconds: number, storedBytes: number): void => {
    const cpu = (cpuSeconds / (files.sizeBytes / 1e9)).toFixed(1);
    const part = ((100 * storedBytes) / files.sizeBytes).toFixed(0);
    facts[`vault: ${who} of ${files.paths.length} texts`] = `${cpu} s of CPU per GB, ${part}% of their size stored`;
  };
  const restic = await resticPut({
    repository: join(folder, "texts-restic"),
    source,
    onRound: ({ cpuSeconds, storedBytes }) => note("restic's backup", cpuSeconds, storedBytes),
  });
  if (restic === undefined) peers.lack("restic (a package of the operating system)");
  const sample = async (): Promise<number> => {
    const own = join(folder, "texts-vault");
    mkdirSync(own);
    try {
      await using opened = await open(own);
      const before = process.cpuUsage();
      const seconds = await secondsOf(() => putAll(opened.vault, source, files.paths.length));
      const { user, system } = process.cpuUsage(before);
      note("put", (user + system) / 1e6, folderSize(own));
      return seconds;
    } finally {
      rmSync(own, { recursive: true });
    }
  };
  return {
    suite: "vault",
    name: "put-texts",
    sizeBytes: files.sizeBytes,
    roundsMax: quick ? ROUNDS_MAX.quick : ROUNDS_MAX.full,
    ours: { name: "vault 4+2", kind: "wasm", version: "ours", sample },
    others: restic === undefined ? [] : [restic],
  };
}

/** As the host does for `twin put FOLDER`. */
async function putAll(vault: Vault, folder: string, fileCount: number): Promise<void> {
  const report = await storeFolderAsObjects(vault, folder, { onStored: () => {}, onProgress: () => {} });
  if (report.objectCount !== fileCount) throw new Error(`The vault took ${report.objectCount} of ${fileCount} files.`);
}
