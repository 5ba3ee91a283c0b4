// The bytes of docs/formats/vault.md: recorded, and read by a second implementation that is written
// from that page on the noble libraries alone.

import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { blake3 } from "@noble/hashes/blake3.js";
import { base58 } from "@scure/base";
import { describe, expect, test } from "vitest";
import { concatBytes, hexEncode, utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { referenceKernels } from "../../support/reference-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { seededText } from "../../support/seeded-text.ts";
import {
  combinations,
  openTestVault,
  putBytes,
  readBytes,
  TEST_KEY,
  type TestVault,
  testStores,
} from "../../support/test-vault.ts";

const derive = (purpose: string): Uint8Array =>
  blake3(TEST_KEY, { context: utf8Encode(`digital-twin-host 2026-11 vault ${purpose} v1`) });
const keyed = (key: Uint8Array, ...parts: Uint8Array[]): Uint8Array => blake3(concatBytes(...parts), { key });
const u32 = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);

/** The shards of the only segment, by index. */
function shardsOf({ stores }: TestVault): Map<number, { readonly name: string; readonly bytes: Uint8Array }> {
  const all = stores.flatMap(({ inner }) => [...inner.shards]).filter(([name]) => !name.startsWith("mark-"));
  return new Map(all.map(([name, bytes]) => [Number.parseInt(name.slice(33, 35), 16), { name, bytes }]));
}

/** Checks a shard against its own header as the page says, and gives its fields. */
function readShard({ name, bytes }: { readonly name: string; readonly bytes: Uint8Array }) {
  const segment = bytes.subarray(8, 24);
  const [index, dataShards, parityShards] = [bytes[24]!, bytes[25]!, bytes[26]!];
  const [payloadSize, tableSize, shardSize] = [u32(bytes, 28), u32(bytes, 32), u32(bytes, 36)];
  const leaves = Math.ceil(shardSize / 65_536);
  const checked = bytes.subarray(0, 40 + leaves * 32);
  const data = bytes.subarray(40 + leaves * 32 + 32);
  expect(utf8Decode(bytes.subarray(0, 8))).toBe("TWINSHD1");
  expect(bytes[27]).toBe(1);
  expect(data).toHaveLength(shardSize);
  expect(hexEncode(bytes.subarray(checked.length, checked.length + 32))).toBe(
    hexEncode(keyed(derive("shard header check"), checked)),
  );
  for (let leaf = 0; leaf < leaves; leaf++) {
    const hash = blake3(data.subarray(leaf * 65_536, (leaf + 1) * 65_536));
    expect(hexEncode(bytes.subarray(40 + leaf * 32, 72 + leaf * 32))).toBe(hexEncode(hash));
  }
  const tag = keyed(derive("shard name"), segment, Uint8Array.of(index)).subarray(0, 8);
  expect(name).toBe(`${hexEncode(segment)}-${hexEncode(Uint8Array.of(index))}-${hexEncode(tag)}`);
  return { segment, dataShards, parityShards, payloadSize, tableSize, data };
}

/** Opens a sealed block frame by frame. */
function openBlock(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  const frames: Uint8Array[] = [];
  const count = Math.ceil(sealed.length / 65_552);
  for (let frame = 0; frame < count; frame++) {
    const nonce = new Uint8Array(24);
    new DataView(nonce.buffer).setUint32(19, frame, false);
    nonce[23] = frame === count - 1 ? 1 : 0;
    frames.push(xchacha20poly1305(key, nonce).decrypt(sealed.subarray(frame * 65_552, (frame + 1) * 65_552)));
  }
  return concatBytes(...frames);
}

/** Seals in frames, as the page says. */
function sealBlock(key: Uint8Array, plain: Uint8Array): Uint8Array {
  const count = Math.max(1, Math.ceil(plain.length / 65_536));
  return concatBytes(
    ...Array.from({ length: count }, (_, frame) => {
      const nonce = new Uint8Array(24);
      new DataView(nonce.buffer).setUint32(19, frame, false);
      nonce[23] = frame === count - 1 ? 1 : 0;
      return xchacha20poly1305(key, nonce).encrypt(plain.subarray(frame * 65_536, (frame + 1) * 65_536));
    }),
  );
}

function bytesOf32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** Shards of a segment, by index. */
interface Written {
  readonly id: string;
  readonly shards: { readonly name: string; readonly bytes: Uint8Array }[];
}

/** An object in one segment of 4+2, made from the page alone; the parity is that of the reference for erasure-code.md. With `frame` its content is said to be compressed to that. */
function writeShards(content: Uint8Array, frame?: Uint8Array): Written {
  const segment = seededBytes(99, 16);
  const size = concatBytes(bytesOf32(content.length), bytesOf32(0));
  const dataId = keyed(derive("data block id"), content);
  const root = concatBytes(
    Uint8Array.of(1, 0),
    size,
    Uint8Array.of(12, 0, 5, 0),
    utf8Encode("text/x-otherother"),
    dataId,
    size,
  );
  const blocks = [
    { id: dataId, kind: frame === undefined ? 0 : 0x80, plain: content, stored: frame ?? content },
    { id: keyed(derive("manifest block id"), root), kind: 2, plain: root, stored: root },
  ];
  const entries = blocks.map(({ id, kind, plain, stored }) =>
    concatBytes(
      id,
      Uint8Array.of(kind),
      bytesOf32(plain.length),
      kind === 0x80 ? bytesOf32(stored.length) : new Uint8Array(0),
    ),
  );
  const tableKey = keyed(derive("segment table seal"), segment);
  const table = xchacha20poly1305(tableKey, new Uint8Array(24)).encrypt(concatBytes(...entries));
  const sealed = blocks.map(({ id, stored }) => sealBlock(keyed(derive("block seal"), id, segment), stored));
  const payload = concatBytes(...sealed, table);
  const shardSize = Math.ceil(payload.length / 4 / 4_096) * 4_096;
  const padded = concatBytes(payload, new Uint8Array(shardSize * 4 - payload.length));
  const data = [0, 1, 2, 3].map((index) => padded.slice(index * shardSize, (index + 1) * shardSize));
  const shards = [...data, ...referenceKernels.createErasureCode(4, 2).encode(data)].map((bytes, index) => {
    const leaves = Array.from({ length: Math.ceil(shardSize / 65_536) }, (_, leaf) =>
      blake3(bytes.subarray(leaf * 65_536, (leaf + 1) * 65_536)),
    );
    const sizes = [payload.length, table.length, shardSize].map(bytesOf32);
    const checked = concatBytes(utf8Encode("TWINSHD1"), segment, Uint8Array.of(index, 4, 2, 1), ...sizes, ...leaves);
    const tag = keyed(derive("shard name"), segment, Uint8Array.of(index)).subarray(0, 8);
    return {
      name: `${hexEncode(segment)}-0${index}-${hexEncode(tag)}`,
      bytes: concatBytes(checked, keyed(derive("shard header check"), checked), bytes),
    };
  });
  return { id: base58.encode(blocks[1]!.id), shards };
}

describe("the format", () => {
  test("is read by another implementation, from the shards and the key alone", async () => {
    const opened = await openTestVault();
    const content = seededBytes(77, 200_000);
    const info = await putBytes(opened.vault, content, { name: "näme", type: "text/plain" });
    const shards = [0, 1, 2, 3].map((index) => readShard(shardsOf(opened).get(index)!));
    const { segment, payloadSize, tableSize, dataShards, parityShards } = shards[0]!;
    expect([dataShards, parityShards]).toEqual([4, 2]);
    const payload = concatBytes(...shards.map(({ data }) => data));
    expect(payload.subarray(payloadSize).every((byte) => byte === 0)).toBe(true);

    const tableKey = keyed(derive("segment table seal"), segment);
    const table = xchacha20poly1305(tableKey, new Uint8Array(24)).decrypt(
      payload.subarray(payloadSize - tableSize, payloadSize),
    );
    const blocks: { readonly id: Uint8Array; readonly kind: number; readonly plain: Uint8Array }[] = [];
    let offset = 0;
    for (let at = 0; at < table.length; at += 37) {
      const id = table.subarray(at, at + 32);
      const size = u32(table, at + 33);
      const sealedSize = size + 16 * Math.max(1, Math.ceil(size / 65_536));
      const key = keyed(derive("block seal"), id, segment);
      blocks.push({ id, kind: table[at + 32]!, plain: openBlock(key, payload.subarray(offset, offset + sealedSize)) });
      offset += sealedSize;
    }
    expect(offset).toBe(payloadSize - tableSize);
    expect(blocks.map(({ kind }) => kind)).toEqual([0, 2]);
    const [data, root] = [blocks[0]!, blocks[1]!];
    expect(Buffer.compare(data.plain, content)).toBe(0);
    expect(hexEncode(data.id)).toBe(hexEncode(keyed(derive("data block id"), data.plain)));
    expect(hexEncode(root.id)).toBe(hexEncode(keyed(derive("manifest block id"), root.plain)));
    expect(base58.encode(root.id)).toBe(info.id);

    const size = Uint8Array.of(0x40, 0x0d, 0x03, 0, 0, 0, 0, 0);
    const expected = concatBytes(
      Uint8Array.of(1, 0),
      size,
      Uint8Array.of(10, 0, 5, 0),
      utf8Encode("text/plainnäme"),
      data.id,
      size,
    );
    expect(hexEncode(root.plain)).toBe(hexEncode(expected));
  });

  test("is read by another implementation where a block is compressed", async () => {
    const opened = await openTestVault();
    const content = seededText(78, 300_000);
    await putBytes(opened.vault, content);
    const shards = [0, 1, 2, 3].map((index) => readShard(shardsOf(opened).get(index)!));
    const { segment, payloadSize, tableSize } = shards[0]!;
    const payload = concatBytes(...shards.map(({ data }) => data));
    const tableKey = keyed(derive("segment table seal"), segment);
    const sealed = payload.subarray(payloadSize - tableSize, payloadSize);
    const table = xchacha20poly1305(tableKey, new Uint8Array(24)).decrypt(sealed);
    expect([table.length, table[32], table[32 + 41]]).toEqual([41 + 37, 0x80, 2]);
    const [id, size, stored] = [table.subarray(0, 32), u32(table, 33), u32(table, 37)];
    expect(size).toBe(content.length);
    expect(stored).toBeLessThan((size * 7) / 8);
    const end = stored + 16 * Math.ceil(stored / 65_536);
    const frame = openBlock(keyed(derive("block seal"), id, segment), payload.subarray(0, end));
    expect(Buffer.compare(zstdDecompressSync(frame), content)).toBe(0);
    expect(hexEncode(id)).toBe(hexEncode(keyed(derive("data block id"), content)));
  });

  test("is what was recorded: a changed byte would orphan every stored shard", async () => {
    const opened = await openTestVault({ seed: "vector" });
    const info = await putBytes(opened.vault, utf8Encode("hello, vault"), { name: "hello", type: "text/plain" });
    const shards = [...shardsOf(opened)].toSorted(([left], [right]) => left - right);
    expect({
      id: info.id,
      shards: shards.map(([, { name, bytes }]) => `${name} ${bytes.length} ${hexEncode(blake3(bytes))}`),
    }).toMatchInlineSnapshot(`
      {
        "id": "F3dess49VQ23rczfZYasc1xCB9zcxxS4iFzAyof89Jdj",
        "shards": [
          "12d8d93098f43e7174f03f20b546a1eb-00-4fe21733ba537026 4200 ebceeef9c7136a6c8fec4e54ba27b4bfb18e1e770890b3af1beea5d34f9eb549",
          "12d8d93098f43e7174f03f20b546a1eb-01-b05b01cb5233e051 4200 eb4fd026768e7cc8895a8ca0a5b8fd130329ffde93598af633894c9358de2792",
          "12d8d93098f43e7174f03f20b546a1eb-02-4d1b48f5569ef934 4200 a68e8f2c103bb4a2c7ead398a18c2ccf0e8b156805930aff6576122a20be7488",
          "12d8d93098f43e7174f03f20b546a1eb-03-be5c4fd4339ea013 4200 0afd6c775619f57788a290f880c0ec75cfecb1e46eb77c9ede0cb9a09d349412",
          "12d8d93098f43e7174f03f20b546a1eb-04-ac8b17a69e00c00c 4200 2c28656bb250e53664c00edd498d4ae72fd052df41adf8a4a21f5baa57eddb30",
          "12d8d93098f43e7174f03f20b546a1eb-05-aa5511be08f51cd7 4200 7100a1be63a468dffd09685daf13842cf399883cae089797f7090b13590980d5",
        ],
      }
    `);
  });

  test("is understood when another implementation wrote it, with any two of six shards lost", async () => {
    const content = seededBytes(3, 150_000);
    const { id, shards } = writeShards(content);
    for (const lost of combinations([0, 1, 2, 3, 4, 5], 2)) {
      const stores = testStores(6);
      for (const [index, { name, bytes }] of shards.entries()) {
        if (!lost.includes(index)) await stores[index]!.put(name, bytes);
      }
      const { vault } = await openTestVault({ stores });
      expect(await vault.stat(id)).toMatchObject({ name: "other", type: "text/x-other", sizeBytes: content.length });
      expect(Buffer.compare(await readBytes(vault, id), content)).toBe(0);
    }
  });

  test("is understood where another implementation compressed, at any level", async () => {
    const content = seededText(4, 150_000);
    for (const level of [1, 19]) {
      const frame = zstdCompressSync(content, { params: { [constants.ZSTD_c_compressionLevel]: level } });
      const { id, vault } = await openWritten(writeShards(content, frame));
      expect(Buffer.compare(await readBytes(vault, id), content)).toBe(0);
      const range = { offset: 70_001, sizeBytes: 60_000 };
      expect(Buffer.compare(await readBytes(vault, id, range), content.subarray(70_001, 130_001))).toBe(0);
    }
  });

  test.each([
    ["unpacks to more than it says", zstdCompressSync(new Uint8Array(8 * 1_048_576))],
    ["unpacks to less", zstdCompressSync(seededText(4, 149_999))],
    ["unpacks to other bytes", zstdCompressSync(seededText(5, 150_000))],
    ["breaks off", zstdCompressSync(seededText(4, 150_000)).subarray(0, -9)],
    ["is no zstd frame", seededBytes(6, 1_000)],
    // Magic number, no content size, a window of 2 GiB, one empty raw block.
    ["wants a window of 2 GiB", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 1, 0, 0)],
  ])("is refused where a compressed block %s", async (_what, frame) => {
    const { id, vault } = await openWritten(writeShards(seededText(4, 150_000), frame));
    await expect(readBytes(vault, id)).rejects.toMatchObject({ code: "TWIN_OBJECT_LOST", details: { object: id } });
  });

  test.each([
    ["as large as its plaintext", 150_000],
    ["empty", 0],
  ])("is not adopted where a compressed block is %s", async (_what, size) => {
    const { id, vault } = await openWritten(writeShards(seededText(4, 150_000), new Uint8Array(size)));
    expect(await vault.stat(id)).toBeUndefined();
  });
});

/** A vault that knows nothing but what these shards say. */
async function openWritten({ id, shards }: Written): Promise<TestVault & { readonly id: string }> {
  const stores = testStores(6);
  for (const [index, { name, bytes }] of shards.entries()) await stores[index]!.put(name, bytes);
  return { ...(await openTestVault({ stores })), id };
}
