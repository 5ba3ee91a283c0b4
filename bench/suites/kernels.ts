// The crypto core against libraries that do the same, one thread each.

import { openKernels } from "../../host/kernels/open-kernels.ts";
import type { Suite, SuiteContext } from "../suite.ts";
import { aeadCases } from "./kernels/aead.ts";
import { chunkingCases } from "./kernels/chunking.ts";
import { erasureCases } from "./kernels/erasure.ts";
import { hashCases } from "./kernels/hashing.ts";
import { laneCases } from "./kernels/lanes.ts";
import { shaCases } from "./kernels/sha.ts";
import { workersCase } from "./kernels/workers.ts";

const KIB = 1_024;
const SIZES = [64, KIB, 16 * KIB, 64 * KIB, KIB * KIB];
const SHARD_SIZES = [4 * KIB, 64 * KIB, KIB * KIB];

/** Opens the suite `kernels`. */
export async function openKernelSuite({ peers, quick, wants }: SuiteContext): Promise<Suite> {
  await using stack = new AsyncDisposableStack();
  const kernels = await openKernels();
  const sizes = quick ? [64, KIB, 64 * KIB] : SIZES;
  const cases = [
    ...(await aeadCases(kernels, peers, sizes)),
    ...(await hashCases(kernels, peers, sizes)),
    ...(await shaCases(kernels, sizes)),
    ...erasureCases(kernels, peers, quick ? [64 * KIB] : SHARD_SIZES),
    ...laneCases(kernels),
    await workersCase(stack),
    ...(["chunk-gear", "put-pipeline"].some(wants) ? await chunkingCases(kernels, peers) : []),
  ];
  // All sizes of a case together, as the table shows them.
  const names = [...new Set(cases.map(({ name }) => name))];
  const ordered = names.flatMap((name) => cases.filter((subject) => subject.name === name));
  const owned = stack.move();
  return { cases: ordered, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
