// Whose the buffers are that stores read into.

import { beforeEach, describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { guardStore } from "../../../host/vault/guarded-store.ts";
import { createReadBuffers, type ReadBuffers } from "../../../host/vault/read-buffers.ts";
import { type Blame, createShardReader, type ShardReader } from "../../../host/vault/shard-reader.ts";
import { headerSize, shardName } from "../../../host/vault/shard.ts";
import type { ShardRange } from "../../../host/vault/shard-store.ts";
import { deriveVaultKeys } from "../../../host/vault/vault-keys.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { createMemoryShardStore } from "../../support/memory-shard-store.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { TEST_KEY, testKernels, whileTimePasses } from "../../support/test-vault.ts";

const SEGMENT = {
  id: "00112233445566778899aabbccddeeff",
  dataShards: 1,
  parityShards: 1,
  payloadSize: 8_192,
  tableSize: 53,
  shardSize: 8_192,
  stores: ["a", "a"],
  absent: [],
};
const PIECE = { index: 0, offset: 100, sizeBytes: 1_000 };

/** What the store does with the next read, in place of answering it. */
type Behaviour = (range: ShardRange) => Promise<Uint8Array | undefined>;

describe("a shard reader with buffers", () => {
  const clock = createManualClock();
  let behave: Behaviour | undefined;
  let buffers: ReadBuffers;
  let reader: ShardReader;
  let data: Uint8Array;
  /** The buffers that the store was given, in order. */
  let given: (ArrayBufferLike | undefined)[];
  let blames: Blame[];

  beforeEach(async () => {
    const kernels = await testKernels();
    const seal = { keys: deriveVaultKeys(TEST_KEY, kernels), kernels };
    const inner = createMemoryShardStore("a");
    const shard = seededBytes(1, headerSize(SEGMENT.shardSize) + SEGMENT.shardSize);
    await inner.put(shardName(seal, SEGMENT.id, 0), shard);
    data = shard.subarray(headerSize(SEGMENT.shardSize));
    [behave, buffers, given, blames] = [undefined, createReadBuffers(), [], []];
    const store = guardStore(
      {
        ...inner,
        get(name, range = {}) {
          given.push(range.into?.buffer);
          return behave === undefined ? inner.get(name, range) : behave(range);
        },
      },
      clock,
    );
    reader = createShardReader({ seal, store: () => store, onBlame: (_segment, _index, blame) => blames.push(blame) });
  });

  const read = (): Promise<Uint8Array | undefined> =>
    whileTimePasses(clock, reader.fetchPiece(SEGMENT, PIECE, buffers));
  const expected = (): Uint8Array => data.slice(PIECE.offset, PIECE.offset + PIECE.sizeBytes);

  test("reads into one of them, and again into it when it was given back", async () => {
    const first = await read();
    expect(first?.slice()).toEqual(expected());
    expect(first?.buffer).toBe(given[0]);
    buffers.give(first!);
    await read();
    expect(given[1]).toBe(given[0]);
  });

  test("never uses again what a store that is late, or has failed, may still write to", async () => {
    const late: Behaviour = () => new Promise(() => {});
    const failing: Behaviour = async () => {
      throw new Error("the disk is on fire");
    };
    const greedy: Behaviour = async () => new Uint8Array(PIECE.sizeBytes + 1);
    for (const behaviour of [late, failing, greedy]) {
      behave = behaviour;
      expect(await read()).toBeUndefined();
    }
    behave = undefined;
    const good = await read();
    for (const buffer of given.slice(0, 3)) new Uint8Array(buffer!).fill(0xee);
    expect(good?.slice()).toEqual(expected());
    expect(new Set(given).size).toBe(4);
    expect(blames).toEqual([]);
  });

  test("brings what a store answers elsewhere into its own, and never lends the store's", async () => {
    const answer = new Uint8Array(LIMITS.vault.leafSizeBytes).fill(5);
    behave = async () => answer.subarray(7, 7 + PIECE.sizeBytes);
    const got = await read();
    expect(got?.slice()).toEqual(new Uint8Array(PIECE.sizeBytes).fill(5));
    buffers.give(got!);
    buffers.take(PIECE.sizeBytes).fill(9);
    expect(answer.every((byte) => byte === 5)).toBe(true);
  });

  test("gives one back at once for what is absent, and says so", async () => {
    behave = async () => undefined;
    expect(await read()).toBeUndefined();
    behave = undefined;
    await read();
    expect(given[1]).toBe(given[0]);
    expect(blames).toEqual(["missing"]);
  });
});
