// What the web tells strangers: host/web/record-route.ts.

import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLog } from "../../../host/base/log.ts";
import type { TwinId } from "../../../host/identity/twin-id.ts";
import { withRecords } from "../../../host/web/record-route.ts";
import { testIdentity } from "../../support/test-identity.ts";

const ada = testIdentity(1).id;
const ben = testIdentity(2).id;
const broken = testIdentity(3).id;
const pathOf = (twin: string): string => `/.well-known/twin-record/${twin.slice("did:key:".length)}`;

let server: Server;
beforeAll(async () => {
  const handlers = withRecords(
    {
      request: (_, response) => response.writeHead(418).end("the others"),
      upgrade: (_, socket) => socket.destroy(),
      clientError: (_, socket) => socket.destroy(),
    },
    async (twin: TwinId) => {
      if (twin === broken) throw new Error("the table is away");
      return twin === ada ? Uint8Array.of(1, 2, 3) : undefined;
    },
    silentLog,
  );
  server = createServer(handlers.request);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function ask(path: string, method = "GET"): Promise<{ status: number; headers: object; body: Buffer }> {
  const { port } = server.address() as AddressInfo;
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; headers: object; body: Buffer }>();
  const headers = { host: "twin.example.org" };
  request({ port, path, method, headers }, (response) => {
    const parts: Buffer[] = [];
    response.on("data", (part: Buffer) => parts.push(part));
    response.on("end", () =>
      resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }),
    );
  })
    .on("error", reject)
    .end();
  return promise;
}

test("a record is served at whatever name the host is asked by, and nothing else is", async () => {
  const { status, headers, body } = await ask(pathOf(ada));
  expect([status, [...body]]).toEqual([200, [1, 2, 3]]);
  expect(headers).toMatchObject({
    "content-type": "application/cbor",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
  });
  expect(headers).not.toHaveProperty("access-control-allow-origin");
  expect(await ask(pathOf(ada), "HEAD")).toMatchObject({ status: 200, body: Buffer.alloc(0) });
  expect((await ask(pathOf(ben))).status).toBe(404);
});

test("what is no such path, or not read, goes where it went before", async () => {
  for (const [path, method] of [
    ["/", "GET"],
    [pathOf(ada), "POST"],
    [`${pathOf(ada)}/`, "GET"],
    [`${pathOf(ada)}?x`, "GET"],
    [pathOf(ada).slice(0, -1), "GET"],
    [`/.well-known/twin-record/z6Mk${"1".repeat(44)}`, "GET"],
  ] as const)
    expect((await ask(path, method)).status).toBe(418);
});

test("a trouble of ours ends the connection and tells nothing", async () => {
  await expect(ask(pathOf(broken))).rejects.toThrow("socket hang up");
});
