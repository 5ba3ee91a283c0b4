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

const OURS = { name: "wasm", kind: "wasm", version: "ours" } as const;
const AS_SHA256 = { name: "@chainsafe/as-sha256", kind: "wasm", version: versionOf("@chainsafe/as-sha256") } as const;
const HASH_WASM = { name: "hash-wasm", kind: "wasm", version: versionOf("hash-wasm") } as const;
const NOBLE = { name: "@noble/hashes", kind: "js", version: versionOf("@noble/hashes") } as const;
const NODE_CRYPTO = { name: "node:crypto", kind: "native", version: process.versions.openssl } as const;

type Way = Omit<RepeatedContender, "run"> & { readonly run: () => Uint8Array };

/** SHA-256 at `sizes`. */
export async function shaCases(kernels: Kernels, sizes: readonly number[]): Promise<Case[]> {
  const hashWasm = await createSHA256();
  return sizes.map((sizeBytes) => {
    const data = createArena(sizeBytes).takeFilled(sizeBytes, 5);
    const ours: Way = { ...OURS, run: () => kernels.sha256(data) };
    const others: Way[] = [
      { ...AS_SHA256, run: () => digest(data) },
      { ...HASH_WASM, run: () => hashWasm.init().update(data).digest("binary") },
      { ...NOBLE, run: () => nobleSha256(data) },
      { ...NODE_CRYPTO, run: () => hash("sha256", data, "buffer") },
    ];
    const results = [ours, ...others].map(({ name, run }) => ({ name, result: run() }));
    requireAgreement("sha256", createHash("sha256").update(data).digest(), results);
    return { suite: "kernels", name: "sha256", sizeBytes, ours, others };
  });
}
