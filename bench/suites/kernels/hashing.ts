// Cases of BLAKE3: one message, one 32-byte hash.

import { blake3 as nobleBlake3 } from "@noble/hashes/blake3.js";
import { createBLAKE3 } from "hash-wasm";
import type { Blake3 } from "../../../host/kernels/blake3.ts";
import type { Kernels } from "../../../host/kernels/kernels.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { requireAgreement } from "../../agreement.ts";
import { createArena } from "../../arena.ts";
import type { Case, RepeatedContender } from "../../measure.ts";
import { type Peers, versionOf } from "../../peers.ts";

const BATCH_COUNT = 64;
const BATCH_SIZES = new Set([64, 1_024]);
const HASH_SIZE = 32;
/** The longest input that a lease holds. */
const LEASE_SIZE = 65_536;
const OURS = { name: "wasm", kind: "wasm", version: "ours" } as const;

/** One way to hash. */
export interface HashWay extends Pick<RepeatedContender, "name" | "kind" | "version"> {
  readonly hash: (data: Uint8Array) => Uint8Array;
}

/** A contender that answers its first result, so that it can be judged. */
type Way = RepeatedContender & { readonly first: () => Uint8Array };

/** BLAKE3 at `sizes`. */
export async function hashCases({ blake3 }: Kernels, peers: Peers, sizes: readonly number[]): Promise<Case[]> {
  const ways = await hashWays(peers);
  const cases: Case[] = [];
  for (const sizeBytes of sizes) {
    const data = createArena(sizeBytes).takeFilled(sizeBytes, 4);
    const caseOf = (name: string, ours: Way): Case => {
      const others = ways.map(({ hash, ...facts }): Way => ({
        ...facts,
        first: () => hash(data),
        run: () => hash(data),
      }));
      const results = [ours, ...others].map((way) => ({ name: way.name, result: way.first() }));
      requireAgreement(name, nobleBlake3(data), results);
      return { suite: "kernels", name, sizeBytes, ours, others };
    };
    cases.push(caseOf("blake3", await hashInPlace(data)), caseOf("blake3-into", hashInto(blake3, data)));
    if (BATCH_SIZES.has(sizeBytes)) cases.push(caseOf("blake3-batch", hashBatch(blake3, data)));
  }
  return cases;
}

/** In the kernels' own memory: an instance of its own, which leases one place only. */
async function hashInPlace(data: Uint8Array): Promise<Way> {
  const { blake3 } = await openKernels();
  if (data.length > LEASE_SIZE) return hashInto(blake3, data);
  const lease = blake3.lease();
  lease.input.set(data);
  const run = (): void => lease.hash(data.length);
  const first = (): Uint8Array => {
    run();
    return lease.digest;
  };
  return { ...OURS, name: "wasm, in place", first, run };
}

function hashInto(blake3: Blake3, data: Uint8Array): Way {
  const out = new Uint8Array(HASH_SIZE);
  const run = (): Uint8Array => {
    blake3.hashInto(data, out);
    return out;
  };
  return { ...OURS, first: run, run };
}

function hashBatch(blake3: Blake3, data: Uint8Array): Way {
  const inputs = createArena(BATCH_COUNT * data.length).take(BATCH_COUNT * data.length);
  for (let index = 0; index < BATCH_COUNT; index++) inputs.set(data, index * data.length);
  const sizes = new Uint32Array(BATCH_COUNT).fill(data.length);
  const batch = { sizes, inputs, hashes: new Uint8Array(BATCH_COUNT * HASH_SIZE) };
  const run = (): void => blake3.hashBatch(batch);
  const first = (): Uint8Array => {
    run();
    return batch.hashes.subarray(-HASH_SIZE);
  };
  return { ...OURS, name: "wasm, 64 in one call", count: BATCH_COUNT, first, run };
}

/** The peers that hash, as far as they are installed. */
export async function hashWays(peers: Peers): Promise<HashWay[]> {
  const hashWasm = await createBLAKE3();
  const wasm = peers.load("blake3-wasm") as Blake3Wasm | undefined;
  await wasm?.load?.();
  const jit = peers.load("blake3-jit") as Blake3Jit | undefined;
  const jitOut = new Uint8Array(HASH_SIZE);
  const native = peers.load("@napi-rs/blake-hash") as BlakeHash | undefined;
  const ways: (Omit<HashWay, "version"> | undefined)[] = [
    { name: "@noble/hashes", kind: "js", hash: (data) => nobleBlake3(data) },
    { name: "hash-wasm", kind: "wasm", hash: (data) => hashWasm.init().update(data).digest("binary") },
    wasm && { name: "blake3-wasm", kind: "wasm", hash: (data) => wasm.hash(data) },
    jit && {
      name: "blake3-jit",
      kind: "wasm",
      hash: (data) => {
        jit.hashInto(data, jitOut);
        return jitOut;
      },
    },
    native && { name: "@napi-rs/blake-hash", kind: "native", hash: (data) => native.blake3(data) },
  ];
  return ways.filter((way) => way !== undefined).map((way) => ({ ...way, version: versionOf(way.name) }));
}

interface Blake3Wasm {
  readonly load?: () => Promise<void>;
  readonly hash: (data: Uint8Array) => Uint8Array;
}

interface Blake3Jit {
  readonly hashInto: (data: Uint8Array, out: Uint8Array) => void;
}

interface BlakeHash {
  readonly blake3: (data: Uint8Array) => Uint8Array;
}
