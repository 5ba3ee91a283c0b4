// Cases of SHA-256: one message, one 32-byte hash, each contender by its plainest call.

import { createHash, hash } from "node:crypto";
import { digest } from "@chainsafe/as-sha256";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { createSHA256 } from "hash-wasm";
import type { Kernels } from "../../../host/kernels/kernels.ts";
import { requireAgreement } from "../../agreement.ts";
import { createArena } from "../../arena.ts";
import type { Case, RepeatedContender } from "../../measure.ts";
import { versionOf } from "../../peers.ts";

/** SHA-256 at `sizes`. */
export async function shaCases(kernels: Kernels, sizes: readonly number[]): Promise<Case[]> {
  const hashWasm = await createSHA256();
  return sizes.map((sizeBytes) => {
    const data = createArena(sizeBytes).takeFilled(sizeBytes, 5);
    const way = (
      name: string,
      kind: RepeatedContender["kind"],
      run: () => Uint8Array,
      version = versionOf(name),
    ): RepeatedContender & { readonly run: () => Uint8Array } => ({ name, kind, version, run });
    const ours = way("wasm", "wasm", () => kernels.sha256(data), "ours");
    const others = [
      way("@chainsafe/as-sha256", "wasm", () => digest(data)),
      way("hash-wasm", "wasm", () => hashWasm.init().update(data).digest("binary")),
      way("@noble/hashes", "js", () => nobleSha256(data)),
      way("node:crypto", "native", () => hash("sha256", data, "buffer"), process.versions.openssl),
    ];
    const results = [ours, ...others].map(({ name, run }) => ({ name, result: run() }));
    requireAgreement("sha256", createHash("sha256").update(data).digest(), results);
    return { suite: "kernels", name: "sha256", sizeBytes, ours, others };
  });
}
