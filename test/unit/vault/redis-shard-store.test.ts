// The Redis adapter: the port's suite in both dialects, and against a real redis-server where TWIN_REDIS_URL
// names one (an empty database of its own).

import { connect } from "node:net";

import { afterAll, describe, expect, test } from "vitest";

import { createRedisShardStore, type RedisPlace } from "../../../host/vault/redis-shard-store.ts";
import type { ShardStore } from "../../../host/vault/shard-store.ts";
import { testShardStore } from "../../conformance/shard-store.suite.ts";
import { openRespService, type RespService } from "../../support/resp-service.ts";

const services: RespService[] = [];
afterAll(() => Promise.all(services.map((service) => service[Symbol.asyncDispose]())));

async function openService(dialect: RedisPlace["dialect"], password?: string): Promise<RespService> {
  const service = await openRespService(dialect, password);
  services.push(service);
  return service;
}

function storeAt(port: number, place: Partial<RedisPlace> = {}): ShardStore {
  return createRedisShardStore({
    name: "redis",
    domain: "redis",
    host: "127.0.0.1",
    port,
    tls: false,
    dialect: "redis",
    database: "0",
    ...place,
  });
}

testShardStore("Redis", async () => storeAt((await openService("redis", "secret")).port, { password: "secret" }));
testShardStore("0-db", async () => {
  const { port } = await openService("0-db", "secret");
  return storeAt(port, { dialect: "0-db", database: "shards", password: "secret" });
});

const real = process.env["TWIN_REDIS_URL"];
if (real !== undefined) {
  const { hostname, port } = new URL(real);
  testShardStore("a real redis-server", async () => {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write("FLUSHDB\r\n"));
      socket.once("data", () => socket.end(resolve)).once("error", reject);
    });
    return storeAt(Number(port), { host: hostname });
  });
}

describe("a Redis service", () => {
  test("that was restarted is asked again over a fresh connection", async () => {
    const service = await openService("redis", "secret");
    const store = storeAt(service.port, { password: "secret" });
    await store.put("aa", Uint8Array.of(1));
    service.drop();
    await store.get("aa").catch(() => {});
    expect(await store.get("aa")).toEqual(Uint8Array.of(1));
  });

  test("that does not know the password fails with a typed error", async () => {
    const { port } = await openService("redis", "secret");
    await expect(storeAt(port, { password: "wrong" }).get("aa")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    const zeroDb = await openService("0-db", "secret");
    await expect(storeAt(zeroDb.port, { dialect: "0-db", password: "x" }).get("aa")).rejects.toMatchObject({
      code: "TWIN_STORE_FAILED",
    });
  });

  test("that is not there fails with a typed error", async () => {
    await expect(storeAt(1).get("aa")).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
  });

  test("that is full says so as every store does", async () => {
    const service = await openService("redis");
    service.answer = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    await expect(storeAt(service.port).put("aa", Uint8Array.of(1))).rejects.toMatchObject({ code: "TWIN_STORE_FULL" });
  });

  test("that answers with nonsense is not believed", async () => {
    const service = await openService("redis");
    for (const answer of [
      "HTTP/1.1 200 OK\r\n",
      "$x\r\n",
      "$99999999999\r\n",
      "*1\r\n".repeat(9),
      ":7\r\n",
      "*-1\r\n",
    ]) {
      service.answer = "+OK\r\n";
      const store = storeAt(service.port);
      await store.put("aa", Uint8Array.of(1));
      service.answer = answer;
      const asked = store.get("aa");
      // An answer that never becomes whole ends with the connection.
      if (answer.startsWith("$9")) setTimeout(() => service.drop(), 20);
      if (answer === "*-1\r\n") await expect(asked).resolves.toBeUndefined();
      else await expect(asked).rejects.toMatchObject({ code: "TWIN_STORE_FAILED" });
    }
  });
});
