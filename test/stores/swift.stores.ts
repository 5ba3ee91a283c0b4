// The S3 adapter against a real distributed engine: OpenStack Swift with its s3api.

import { AwsClient } from "aws4fetch";
import { afterAll, describe, expect, test } from "vitest";
import { createS3ShardStore, type S3Place } from "../../host/vault/s3-shard-store.ts";
import { testShardStore } from "../conformance/shard-store.suite.ts";
import { seededBytes } from "../support/seeded-bytes.ts";
import { openSwiftCluster } from "../support/swift-cluster.ts";
import { inPieces, openVaultOver, readBytes } from "../support/test-vault.ts";

const swift = await openSwiftCluster();
afterAll(() => swift[Symbol.asyncDispose]());
const { endpoint, accessKeyId, secretAccessKey } = swift;
const PLACE: S3Place = {
  name: "swift",
  domain: "swift",
  region: "us-east-1",
  bucket: "twin",
  prefix: "",
  endpoint,
  accessKeyId,
  secretAccessKey,
};

const client = new AwsClient({ accessKeyId, secretAccessKey, region: "us-east-1", service: "s3" });
const made = await client.fetch(`${endpoint}/twin`, { method: "PUT" });
if (!made.ok) throw new Error(`No bucket: ${made.status} ${await made.text()}`);
let count = 0;

testShardStore("a bucket of Swift", async () => createS3ShardStore({ ...PLACE, prefix: `twin ${count++}/ä&b/` }));

describe("a bucket of Swift", () => {
  test("says what to do about a wrong key and a bucket that is not there", async () => {
    const stranger = createS3ShardStore({ ...PLACE, secretAccessKey: "wrong" });
    await expect(stranger.put("aa", Uint8Array.of(1))).rejects.toMatchObject({
      code: "TWIN_STORE_FAILED",
      message: expect.stringContaining("check its key, secret and region") as string,
    });
    const homeless = createS3ShardStore({ ...PLACE, bucket: "nowhere" });
    await expect(homeless.get("aa")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    await expect(homeless.put("aa", Uint8Array.of(1))).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });

  test("is listed over more pages than one", async () => {
    const store = createS3ShardStore({ ...PLACE, prefix: "many/" });
    const names = Array.from({ length: 1_010 }, (_, at) => `x-${at}`);
    for (let at = 0; at < names.length; at += 16) {
      await Promise.all(names.slice(at, at + 16).map((name) => store.put(name, Uint8Array.of(1))));
    }
    const listed = await Array.fromAsync(store.list());
    expect(listed.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  }, 120_000);

  test("holds a vault, also while one of the engine's own servers is down", async () => {
    const stores = Array.from({ length: 6 }, (_, at) =>
      createS3ShardStore({ ...PLACE, name: `s${at}`, domain: `s${at}`, prefix: `vault-${at}/` }),
    );
    const { vault } = await openVaultOver(stores);
    const bytes = seededBytes(1, 5_000_000);
    const { id } = await vault.put(inPieces(bytes, 500_000));
    {
      await using stack = new AsyncDisposableStack();
      stack.use(await swift.stopObjectServer(1));
      expect(Buffer.compare(await readBytes(vault, id), bytes)).toBe(0);
      const other = await vault.put(inPieces(bytes.toReversed(), 500_000));
      expect(Buffer.compare(await readBytes(vault, other.id), bytes.toReversed())).toBe(0);
    }
    expect(await vault.scrub()).toMatchObject({ shardsMissing: 0, shardsCorrupt: 0, segmentsLost: 0, margin: 2 });
    const { vault: rebuilt } = await openVaultOver(stores, { seed: "other" });
    expect(Buffer.compare(await readBytes(rebuilt, id), bytes)).toBe(0);
  });
});
