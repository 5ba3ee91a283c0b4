// Cases of BLAKE3: one message, one 32-byte hash.

import { blake3 as nobleBlake3 } from "@noble/hashes/blake3.js";
import { createBLAKE3 } from "hash-wasm";
import type { Kernels } from "../../../host/kernels/kernels.ts";
import { requireAgreement } from "../../agreement.ts";
import { createArena } from "../../arena.ts";
import type { Case, RepeatedContender } from "../../measure.ts";
import { type Peers, versionOf } from "../../peers.ts";

/** One way to hash. */
export interface HashWay extends Omit<RepeatedContender, "run" | "async"> {
  readonly hash: (data: Uint8Array) => Uint8Array;
}

/** BLAKE3 at `sizes`. */
export async function hashCases(kernels: Kernels, peers: Peers, sizes: readonly number[]): Promise<Case[]> {
  const ways = await hashWays(peers);
  const ours: HashWay = { name: "wasm", kind: "wasm", version: "ours", hash: (data) => kernels.hash(data) };
  return sizes.map((sizeBytes) => {
    const data = createArena(sizeBytes).takeFilled(sizeBytes, 4);
    requireAgreement(
      "blake3",
      nobleBlake3(data),
      [ours, ...ways].map(({ name, hash }) => ({ name, result: hash(data) })),
    );
    const contender = ({ hash, ...facts }: HashWay): RepeatedContender => ({
      ...facts,
      run: () => hash(data),
    });
    return { suite: "kernels", name: "blake3", sizeBytes, ours: contender(ours), others: ways.map(contender) };
  });
}

/** The peers that hash, as far as they are installed. */
export async function hashWays(peers: Peers): Promise<HashWay[]> {
  const hashWasm = await createBLAKE3();
  const wasm = peers.load("blake3-wasm") as Blake3Wasm | undefined;
  await wasm?.load?.();
  const jit = peers.load("blake3-jit") as Blake3Jit | undefined;
  const native = peers.load("@napi-rs/blake-hash") as BlakeHash | undefined;
  const ways: (Omit<HashWay, "version"> | undefined)[] = [
    { name: "@noble/hashes", kind: "js", hash: (data) => nobleBlake3(data) },
    { name: "hash-wasm", kind: "wasm", hash: (data) => hashWasm.init().update(data).digest("binary") },
    wasm && { name: "blake3-wasm", kind: "wasm", hash: (data) => wasm.hash(data) },
    jit && { name: "blake3-jit", kind: "wasm", hash: (data) => jit.hash(data) },
    native && { name: "@napi-rs/blake-hash", kind: "native", hash: (data) => native.blake3(data) },
  ];
  return ways.filter((way) => way !== undefined).map((way) => ({ ...way, version: versionOf(way.name) }));
}

interface Blake3Wasm {
  readonly load?: () => Promise<void>;
  readonly hash: (data: Uint8Array) => Uint8Array;
}

interface Blake3Jit {
  readonly hash: (data: Uint8Array) => Uint8Array;
}

interface BlakeHash {
  readonly blake3: (data: Uint8Array) => Uint8Array;
}
