import { once } from "node:events";
import { connect, createServer } from "node:net";

import { afterEach, describe, expect, it } from "vitest";

import { checkPortFree } from "../../../host/web/check-port.ts";
import { openListener } from "../../../host/web/listen.ts";
import { ask } from "../../support/http-request.ts";

const stack: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of stack.splice(0)) await item[Symbol.asyncDispose]();
});

const HANDLERS = {
  request: (_request: unknown, response: { end(text: string): void }): void => response.end("ours"),
  upgrade: (): void => {},
  clientError: (): void => {},
};

async function listen(port: number, address = "localhost"): Promise<number> {
  const listener = await openListener({ address, port }, async () => HANDLERS);
  stack.push(listener);
  return listener.port;
}

/** Another program at `address`, on a port of its choice or the given one. */
async function occupy(address: string, port = 0): Promise<number> {
  const server = createServer().listen({ host: address, port, ipv6Only: true });
  await once(server, "listening");
  stack.push({ [Symbol.asyncDispose]: async () => void server.close() });
  return (server.address() as { port: number }).port;
}

describe("a listener on localhost", () => {
  it("takes both loopback addresses, so that nobody else answers in its place", async () => {
    const port = await listen(0);
    expect((await ask({ port, path: "/" })).text).toBe("ours");
    for (const address of ["127.0.0.1", "::1"]) await expect(occupy(address, port)).rejects.toThrow(/EADDRINUSE/);
  });

  it.each(["127.0.0.1", "::1"])(
    "refuses a port that another program has at %s, and holds nothing then",
    async (address) => {
      const port = await occupy(address);
      const refusal = { code: "TWIN_HOST_PORT", message: expect.stringContaining(`port ${port}`) as string };
      await expect(listen(port)).rejects.toMatchObject(refusal);
      await expect(checkPortFree("localhost", port)).rejects.toMatchObject(refusal);
      const other = address === "::1" ? "127.0.0.1" : "::1";
      expect(await occupy(other, port)).toBe(port);
    },
  );

  it("holds nothing when what should answer cannot be made", async () => {
    let bound = 0;
    const opening = openListener({ address: "localhost", port: 0 }, async (port) => {
      bound = port;
      throw new Error("no shell");
    });
    await expect(opening).rejects.toThrow("no shell");
    expect(await listen(bound)).toBe(bound);
  });

  it("ends every connection, also one that the server no longer counts among its requests", async () => {
    const upgraded = Promise.withResolvers<void>();
    const upgrade = (): void => upgraded.resolve();
    const listener = await openListener({ address: "localhost", port: 0 }, async () => ({ ...HANDLERS, upgrade }));
    const client = connect(listener.port, "127.0.0.1");
    const ended = new Promise((resolve) => client.on("error", () => {}).once("close", resolve));
    client.write("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
    await upgraded.promise;
    await listener[Symbol.asyncDispose]();
    await ended;
  });

  it("says in one sentence that an address is not of this machine", async () => {
    await expect(listen(0, "192.0.2.1")).rejects.toMatchObject({ code: "TWIN_HOST_PORT" });
  });
});

describe("checkPortFree", () => {
  it("leaves a free port free", async () => {
    const port = await occupy("127.0.0.1");
    await stack.pop()![Symbol.asyncDispose]();
    await checkPortFree("localhost", port);
    await checkPortFree("localhost", 0);
    expect(await listen(port)).toBe(port);
  });
});
