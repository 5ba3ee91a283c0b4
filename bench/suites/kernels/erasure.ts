// Cases of Reed-Solomon. Constructions differ between contenders, so parity is not compared; that a
// contender gives lost shards back is.

import { promisify } from "node:util";
import type { Kernels, ShardSet } from "../../../host/kernels/kernels.ts";
import { requireAgreement } from "../../agreement.ts";
import { createArena } from "../../arena.ts";
import type { Case, Contender, RepeatedContender } from "../../measure.ts";
import { type Peers, versionOf } from "../../peers.ts";
import { openSubspace, SUBSPACE, type Subspace } from "./subspace.ts";

/** A code and its shards, one behind the other: data, then parity. */
interface Stripe {
  readonly dataCount: number;
  readonly parityCount: number;
  readonly shardSize: number;
  readonly all: Uint8Array<ArrayBuffer>;
}

interface Implementations {
  readonly kernels: Kernels;
  readonly subspace: Subspace;
  readonly ronomon: Ronomon | undefined;
}

/** All cases at `shardSizes`. */
export function erasureCases(kernels: Kernels, peers: Peers, shardSizes: readonly number[]): Case[] {
  const ronomon = peers.load("@ronomon/reed-solomon") as Ronomon | undefined;
  const all: Implementations = { kernels, subspace: openSubspace(), ronomon };
  return shardSizes.flatMap((shardSize) => [
    encodeCase("rs-encode-16+4", createStripe(16, 4, shardSize), all),
    encodeCase("rs-encode-10+4", createStripe(10, 4, shardSize), all),
    reconstructCase("rs-reconstruct-16+4", createStripe(16, 4, shardSize), all),
  ]);
}

function createStripe(dataCount: number, parityCount: number, shardSize: number): Stripe {
  const size = (dataCount + parityCount) * shardSize;
  return { dataCount, parityCount, shardSize, all: createArena(size).takeFilled(size, 5) };
}

function encodeCase(name: string, stripe: Stripe, { kernels, subspace, ronomon }: Implementations): Case {
  const { dataCount, parityCount, shardSize, all } = stripe;
  const set = createFilledSet(kernels, stripe);
  const others: Contender[] = [
    { ...SUBSPACE, run: () => subspace.encode(all, dataCount, parityCount) },
    ...(ronomon === undefined ? [] : [ronomonContender(ronomon, stripe, [])]),
  ];
  const ours = { ...OURS, run: () => set.encode() };
  return { suite: "kernels", name, sizeBytes: shardSize, workBytes: dataCount * shardSize, ours, others };
}

function reconstructCase(name: string, stripe: Stripe, { kernels, subspace, ronomon }: Implementations): Case {
  const { dataCount, parityCount, shardSize, all } = stripe;
  const lost = Array.from({ length: parityCount }, (_, index) => index * 4 + 1);
  const shards = shardsOf(stripe);
  const set = createFilledSet(kernels, stripe);
  set.encode();
  for (const index of lost) set.shards[index]!.fill(0);
  set.reconstruct(lost);
  const available = Uint8Array.from(shards, (_, index) => (lost.includes(index) ? 0 : 1));
  const theirs = { ...stripe, all: all.slice() };
  subspace.encode(theirs.all, dataCount, parityCount);
  const rebuild = (): void => subspace.reconstruct(theirs.all, dataCount, parityCount, available);
  for (const index of lost) shardsOf(theirs)[index]!.fill(0);
  rebuild();
  for (const index of lost) {
    requireAgreement(name, shards[index]!, [
      { name: OURS.name, result: set.shards[index]! },
      { name: SUBSPACE.name, result: shardsOf(theirs)[index]! },
    ]);
  }
  const others: Contender[] = [
    { ...SUBSPACE, run: rebuild },
    ...(ronomon === undefined ? [] : [ronomonContender(ronomon, { ...stripe, all: all.slice() }, lost)]),
  ];
  const ours = { ...OURS, run: () => set.reconstruct(lost) };
  return { suite: "kernels", name, sizeBytes: shardSize, workBytes: dataCount * shardSize, ours, others };
}

function shardsOf({ dataCount, parityCount, shardSize, all }: Stripe): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: dataCount + parityCount }, (_, index) =>
    all.subarray(index * shardSize, (index + 1) * shardSize),
  );
}

/** Our shards in the memory where they are coded, with the stripe's data in them. */
function createFilledSet(kernels: Kernels, stripe: Stripe): ShardSet {
  const { dataCount, parityCount, shardSize } = stripe;
  const set = kernels.createErasureCode(dataCount, parityCount).createShardSet(shardSize);
  for (const [index, shard] of shardsOf(stripe).slice(0, dataCount).entries()) set.shards[index]!.set(shard);
  return set;
}

const OURS = { name: "wasm, in place", kind: "wasm", version: "ours" } as const;

/** Makes the parity shards, or with `lost` these data shards. It works in libuv's pool: one call at a time, so one thread. */
function ronomonContender(ronomon: Ronomon, stripe: Stripe, lost: readonly number[]): RepeatedContender {
  const { dataCount, parityCount, shardSize, all } = stripe;
  const context = ronomon.create(dataCount, parityCount);
  const indices = Array.from({ length: dataCount + parityCount }, (_, index) => index);
  const targets = lost.length > 0 ? lost : indices.slice(dataCount);
  const sources = indices.filter((index) => !targets.includes(index));
  const [data, parity] = [all.subarray(0, dataCount * shardSize), all.subarray(dataCount * shardSize)].map((part) =>
    Buffer.from(part.buffer, part.byteOffset, part.length),
  ) as [Buffer, Buffer];
  const encode = promisify(ronomon.encode);
  return {
    name: "@ronomon/reed-solomon",
    kind: "native",
    version: versionOf("@ronomon/reed-solomon"),
    async: true,
    run: () => encode(context, bits(sources), bits(targets), data, 0, data.length, parity, 0, parity.length),
  };
}

function bits(indices: readonly number[]): number {
  return indices.reduce((flags, index) => flags | (1 << index), 0);
}

interface Ronomon {
  readonly create: (dataCount: number, parityCount: number) => Buffer;
  readonly encode: (
    ...args: [
      context: Buffer,
      sources: number,
      targets: number,
      data: Buffer,
      dataOffset: number,
      dataSize: number,
      parity: Buffer,
      parityOffset: number,
      paritySize: number,
      done: (error: Error | null) => void,
    ]
  ) => void;
}
