// Cases over 16 MiB of random bytes: where chunks end, and the whole way of a put without its disk.

import fastcdc from "@dstanesc/wasm-chunking-fastcdc-node";
import { LIMITS } from "../../../host/base/limits.ts";
import type { Kernels } from "../../../host/kernels/kernels.ts";
import { createArena } from "../../arena.ts";
import type { Case, Contender } from "../../measure.ts";
import { type Peers, versionOf } from "../../peers.ts";
import { hashWays } from "./hashing.ts";
import { loadLibsodium } from "./sodium.ts";
import { openSubspace } from "./subspace.ts";

const INPUT_SIZE = 16 * 1_048_576;
const TAG_SIZE = 16;
/** What the vault puts before each block of a segment is a few bytes: they do not matter here. */
const CODE = { dataCount: 4, parityCount: 2 } as const;
const { chunkSizeBytesMin: MIN, chunkSizeBytesTarget: TARGET, chunkSizeBytesMax: MAX } = LIMITS.vault;

/** `chunk-gear` and `put-pipeline`. */
export async function chunkingCases(kernels: Kernels, peers: Peers): Promise<Case[]> {
  const data = createArena(INPUT_SIZE).takeFilled(INPUT_SIZE, 6);
  const facts = { suite: "kernels", sizeBytes: INPUT_SIZE } as const;
  const rust = {
    name: "fastcdc (Rust)",
    kind: "wasm",
    version: versionOf("@dstanesc/wasm-chunking-fastcdc-node"),
  } as const;
  return [
    {
      ...facts,
      name: "chunk-gear",
      ours: { ...OURS, run: () => boundariesOf(kernels, data).length },
      others: [{ ...rust, run: () => fastcdc.compute_chunks(data, MIN, TARGET, MAX).length }],
    },
    {
      ...facts,
      name: "put-pipeline",
      ours: { ...OURS, name: "wasm, fused", run: createPut(kernels, data) },
      others: await compositions(peers, data),
    },
  ];
}

const OURS = { name: "wasm", kind: "wasm", version: "ours" } as const;

/** Offsets of the chunks' ends. */
function boundariesOf(kernels: Kernels, data: Uint8Array): number[] {
  const ends: number[] = [];
  for (let at = 0; at < data.length;) {
    at += kernels.chunkBoundary(data.subarray(at, at + MAX));
    ends.push(at);
  }
  return ends;
}

const KEY = new Uint8Array(32).fill(1);
const NONCE = new Uint8Array(24).fill(2);
const TERMS = { key: KEY, nonce: NONCE };

/** The fused pipeline of a put, then the code over the segment that it fills. */
function createPut(kernels: Kernels, data: Uint8Array): () => void {
  const segment = createSegment(data.length);
  const pipeline = kernels.createPutPipeline(KEY);
  const code = kernels.createErasureCode(CODE.dataCount, CODE.parityCount);
  const [dataShards, parityShards] = [segment.shards.slice(0, CODE.dataCount), segment.shards.slice(CODE.dataCount)];
  return () => {
    segment.clear();
    for (let at = 0; at < data.length;) {
      at += pipeline.write(data.subarray(at));
      const chunk = pipeline.next(at === data.length)!;
      segment.add(chunk.id);
      chunk.sealInto(TERMS, 0, segment.take(chunk.sizeBytes + TAG_SIZE));
    }
    code.encodeInto(dataShards, parityShards);
  };
}

/** What one composes today of the fastest portable libraries: one contender for each way to hash. Ids are not keyed, which costs the same. */
async function compositions(peers: Peers, data: Uint8Array): Promise<Contender[]> {
  const libsodium = await loadLibsodium();
  const erasure = openSubspace();
  const ways = (await hashWays(peers)).filter(({ kind }) => kind === "wasm");
  return ways.map(({ name, hash }): Contender => {
    const segment = createSegment(data.length);
    const run = (): void => {
      segment.clear();
      let start = 0;
      for (const end of fastcdc.compute_chunks(data, MIN, TARGET, MAX).subarray(1)) {
        const chunk = data.subarray(start, end);
        const sealed = libsodium.crypto_aead_xchacha20poly1305_ietf_encrypt(chunk, null, null, NONCE, KEY);
        segment.add(hash(chunk));
        segment.add(sealed);
        start = end;
      }
      erasure.encode(segment.bytes, CODE.dataCount, CODE.parityCount);
    };
    const version = `${versionOf("libsodium-wrappers")}, ${versionOf(name)}`;
    return { name: `fastcdc + ${name} + libsodium + subspace`, kind: "wasm", version, run };
  });
}

/** Blocks one behind the other in data shards, with parity shards behind them. */
interface Segment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly shards: readonly Uint8Array<ArrayBuffer>[];
  clear(): void;
  add(part: Uint8Array): void;
  /** The next bytes, to be written by the caller. */
  take(size: number): Uint8Array<ArrayBuffer>;
}

function createSegment(dataSize: number): Segment {
  const blocksMax = Math.ceil(dataSize / MIN) + 1;
  const shardSize = Math.ceil((dataSize + blocksMax * (32 + TAG_SIZE)) / CODE.dataCount / 128) * 128;
  const shardCount = CODE.dataCount + CODE.parityCount;
  const bytes = createArena(shardSize * shardCount).take(shardSize * shardCount);
  let size = 0;
  return {
    bytes,
    shards: Array.from({ length: shardCount }, (_, at) => bytes.subarray(at * shardSize, (at + 1) * shardSize)),
    clear() {
      size = 0;
    },
    add(part) {
      bytes.set(part, size);
      size += part.length;
    },
    take(length) {
      size += length;
      return bytes.subarray(size - length, size);
    },
  };
}
