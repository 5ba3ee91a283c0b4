// The S3 adapter: the port's suite against a service that speaks the protocol, and what services do wrong.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import S3rver from "s3rver";
import { afterAll, describe, expect, test } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import { createS3ShardStore, type S3Place } from "../../../host/vault/s3-shard-store.ts";
import { testShardStore } from "../../conformance/shard-store.suite.ts";

const folder = await mkdtemp(join(tmpdir(), "s3-"));
const service = new S3rver({
  address: "127.0.0.1",
  port: 0,
  silent: true,
  directory: folder,
  configureBuckets: [{ name: "twin", configs: [] }],
});
const { port } = await service.run();
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

/** The credentials that s3rver knows. */
const PLACE: S3Place = {
  name: "bucket",
  domain: "s3",
  endpoint: `http://127.0.0.1:${port}`,
  region: "us-east-1",
  bucket: "twin",
  prefix: "",
  accessKeyId: "S3RVER",
  secretAccessKey: "S3RVER",
};
let count = 0;

testShardStore("an S3 bucket", async () => createS3ShardStore({ ...PLACE, prefix: `twin ${count++}/ä&b/` }));

describe("an S3 bucket", () => {
  test("says what to do about a wrong key, a bucket that is not there, and a service that is not", async () => {
    const stranger = createS3ShardStore({ ...PLACE, accessKeyId: "wrong" });
    await expect(stranger.put("aa", Uint8Array.of(1))).rejects.toMatchObject({
      code: "TWIN_STORE_FAILED",
      message: expect.stringContaining("check its key, secret and region") as string,
    });
    const homeless = createS3ShardStore({ ...PLACE, bucket: "nowhere" });
    await expect(homeless.get("aa")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    const silent = createS3ShardStore({ ...PLACE, endpoint: "http://127.0.0.1:1" });
    await expect(silent.get("aa")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });
});

describe("an S3 service", () => {
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) server.close().closeAllConnections();
  });

  async function against(listener: RequestListener): Promise<ReturnType<typeof createS3ShardStore>> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return createS3ShardStore({ ...PLACE, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  }

  test("is listed page by page, by the token that each page gives", async () => {
    const asked: (string | null)[] = [];
    const store = await against((request, response) => {
      const token = new URL(request.url ?? "", "http://s3").searchParams.get("continuation-token");
      asked.push(token);
      const page = Number(token?.slice(2) ?? 0);
      const next = `<NextContinuationToken>a&amp;${page + 1}</NextContinuationToken>`;
      response.end(
        `<ListBucketResult><IsTruncated>${page < 2}</IsTruncated>${page < 2 ? next : ""}` +
          `<Contents><Key>s-x${page}</Key><Size>7</Size></Contents>` +
          `<Contents><Key>s-UPPER</Key><Size>1</Size></Contents><Contents><Key>other</Key><Size>1</Size></Contents>` +
          `</ListBucketResult>`,
      );
    });
    expect(await Array.fromAsync(store.list())).toEqual(["x0", "x1", "x2"].map((name) => ({ name, sizeBytes: 7 })));
    expect(asked).toEqual([null, "a&1", "a&2"]);
  });

  test("that ignores ranges is read all the same", async () => {
    const store = await against((_, response) => response.end(Buffer.from([1, 2, 3, 4, 5])));
    expect(await store.get("aa", { offset: 1, sizeBytes: 2 })).toEqual(Uint8Array.of(2, 3));
  });

  test("that answers without end is given up on", async () => {
    const store = await against((_, response) => {
      const piece = Buffer.alloc(1024 * 1024);
      const pour = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on("drain", pour);
      pour();
    });
    await expect(store.get("aa", { offset: 0, sizeBytes: LIMITS.vault.leafSizeBytes })).rejects.toMatchObject({
      code: "TWIN_STORE_FAILED",
    });
  });

  test("that is full says so as every store does", async () => {
    const store = await against((_, response) => {
      response.writeHead(507);
      response.end("<Error><Code>QuotaExceeded</Code></Error>");
    });
    await expect(store.put("aa", Uint8Array.of(1))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
  });
});
