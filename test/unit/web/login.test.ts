import { newWebSocketRpcSession } from "capnweb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import { ask } from "../../support/http-request.ts";
import {
  closeOf,
  createBrowserKey,
  createTestParts,
  freshToken,
  logIn,
  openOwner,
  openSocket,
  openTestWeb,
  postLogin,
} from "../../support/web-host.ts";

let web: Awaited<ReturnType<typeof openTestWeb>>;

beforeEach(async () => {
  web = await openTestWeb();
});
afterEach(() => web[Symbol.asyncDispose]());

const codeOf = (answer: { text: string }): unknown => (JSON.parse(answer.text) as { code: unknown }).code;

describe("a login link", () => {
  it.each(["Ed25519", "ES256"] as const)(
    "registers a browser with an %s key, which then opens the owner's socket",
    async (algorithm) => {
      const key = await logIn(web, await createBrowserKey(algorithm));
      const { owner } = await openOwner(web, key);
      expect((await owner.status()).name).toBe("Ada");
      expect(await owner.browsers()).toMatchObject([{ id: key.id, label: "Test" }]);
    },
  );

  it("has its token in the fragment, which no server sees", async () => {
    expect(await web.loginLink()).toMatch(new RegExp(`^http://localhost:${web.port}/#login=[\\w-]{43}$`));
  });

  it("works once", async () => {
    const token = await freshToken(web);
    expect((await postLogin(web, await createBrowserKey(), { token })).status).toBe(200);
    const again = await postLogin(web, await createBrowserKey(), { token });
    expect(again.status).toBe(401);
    expect(codeOf(again)).toBe("TWIN_LOGIN_REFUSED");
  });

  it("works for one of two that come at the same time", async () => {
    const token = await freshToken(web);
    const keys = await Promise.all([createBrowserKey(), createBrowserKey()]);
    const statuses = (await Promise.all(keys.map((key) => postLogin(web, key, { token })))).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 401]));
  });

  it("is worth nothing after an hour", async () => {
    const token = await freshToken(web);
    web.parts.clock.advance(LIMITS.web.loginTokenLifetimeMs);
    expect((await postLogin(web, await createBrowserKey(), { token })).status).toBe(401);
  });

  it("is spent by an attempt that fails", async () => {
    const token = await freshToken(web);
    const key = await createBrowserKey();
    expect((await postLogin(web, key, { token, body: { publicKey: "AAAA" } })).status).toBe(401);
    expect((await postLogin(web, key, { token })).status).toBe(401);
  });

  it("leaves other links alone when one is used", async () => {
    const [first, second] = [await freshToken(web), await freshToken(web)];
    expect((await postLogin(web, await createBrowserKey(), { token: second })).status).toBe(200);
    expect((await postLogin(web, await createBrowserKey(), { token: first })).status).toBe(200);
  });

  it.each<[what: string, origin: Record<string, string>]>([
    ["another site", { origin: "https://evil.example" }],
    ["a sandboxed frame", { origin: "null" }],
    ["another port", { origin: "http://localhost:1" }],
    ["an experience", { origin: "http://notes--aaaaaaaaaaaaaaaaaaaaaaaaaa.localhost:1" }],
    ["nowhere", { origin: "" }],
    ["another site, by Fetch Metadata", { "sec-fetch-site": "cross-site" }],
  ])("is refused from %s, unspent", async (_what, headers) => {
    const token = await freshToken(web);
    const refused = await postLogin(web, await createBrowserKey(), { token, headers });
    expect(refused.status).toBe(403);
    expect(codeOf(refused)).toBe("TWIN_ORIGIN_REFUSED");
    expect((await postLogin(web, await createBrowserKey(), { token })).status).toBe(200);
  });

  it.each<[what: string, body: object]>([
    ["an unknown algorithm", { algorithm: "RS256" }],
    ["an algorithm of the prototype", { algorithm: "constructor" }],
    ["a key that is no text", { publicKey: 5 }],
    ["a key that is no base64", { publicKey: "!!!" }],
    ["a label that is too long", { label: "x".repeat(101) }],
    ["a token that is no text", { token: ["x"] }],
  ])("refuses %s as malformed", async (_what, body) => {
    const answer = await postLogin(web, await createBrowserKey(), { body });
    expect(answer.status).toBe(400);
    expect(codeOf(answer)).toBe("TWIN_INPUT_INVALID");
  });

  it("refuses bodies that are large or no JSON", async () => {
    const headers = { origin: web.url, "content-type": "application/json" };
    const post = (body: string): ReturnType<typeof ask> =>
      ask({ port: web.port, path: "/login", method: "POST", headers, body });
    expect((await post("{")).status).toBe(400);
    expect((await post("null")).status).toBe(400);
    expect((await post(JSON.stringify({ token: "x".repeat(5_000) }))).status).toBe(413);
  });

  it("is not guessed: attempts are counted", async () => {
    const key = await createBrowserKey();
    const guess = { token: "x".repeat(43) };
    for (let attempt = 0; attempt < LIMITS.web.loginAttemptsPerMinute; attempt++)
      expect((await postLogin(web, key, guess)).status).toBe(401);
    const token = await freshToken(web);
    expect((await postLogin(web, key, { token })).status).toBe(503);
    web.parts.clock.advance(60_000);
    expect((await postLogin(web, key, { token })).status).toBe(200);
  });

  it("is refused when the twin knows enough browsers, until one is forgotten", async () => {
    const keys = [];
    for (let count = 0; count < LIMITS.web.ownerKeyCount; count++) keys.push(await logIn(web));
    const late = await createBrowserKey();
    const refused = await postLogin(web, late, { token: await freshToken(web) });
    expect(codeOf(refused)).toBe("TWIN_LIMIT_EXCEEDED");
    await web.parts.browsers.forget(keys[0]!.id);
    expect((await logIn(web, late)).id).toMatch(/^[\w-]{22}$/);
  });
});

describe("a socket's challenge", () => {
  it("is not needed to be told: a key stays registered over a restart", async () => {
    const key = await logIn(web);
    const { parts } = web;
    await web[Symbol.asyncDispose]();
    web = await openTestWeb(parts);
    expect(await openSocket(web, key, "/rpc")).toHaveProperty("socket");
  });

  it.each<[what: string, change: Parameters<typeof openSocket>[3], code: number]>([
    ["a signature for another path", { signedPath: "/door/x" }, 4401],
    ["an unknown key", { answer: (text) => text.replace(/"key":"./, '"key":"_') }, 4401],
    ["a key's name of the prototype", { answer: () => JSON.stringify({ key: "__proto__", signature: "AAAA" }) }, 4401],
    [
      "a signature that is too short",
      { answer: (text) => text.replace(/"signature":".*"/, '"signature":"AAAA"') },
      4401,
    ],
    ["no JSON", { answer: () => "hello" }, 4400],
    ["an RPC call instead", { answer: () => '["push",["pipeline",0,["status"],[]]]' }, 4400],
    ["a huge answer", { answer: () => "x".repeat(2_000) }, 4400],
    ["a signature that is no base64", { answer: (text) => text.replace(/"signature":".*"/, '"signature":"%%"') }, 4400],
  ])("is not met by %s", async (_what, change, code) => {
    expect(await openSocket(web, await logIn(web), "/rpc", change)).toMatchObject({ code });
  });

  it("is not met by another registered key's signature", async () => {
    const [mine, other] = [await logIn(web), await logIn(web)];
    expect(await openSocket(web, { ...mine, id: other.id }, "/rpc")).toMatchObject({ code: 4401 });
  });

  it("is not met by a recorded answer", async () => {
    const key = await logIn(web);
    let recorded = "";
    await openSocket(web, key, "/rpc", { answer: (text) => (recorded = text) });
    expect(await openSocket(web, key, "/rpc", { answer: () => recorded })).toMatchObject({ code: 4401 });
  });

  it.each([null, "null", "https://evil.example", "http://localhost", "http://127.0.0.1:1"])(
    "is not even given to the origin %s",
    async (origin) => {
      const refused = await openSocket(web, await logIn(web), "/rpc", { origin });
      expect(refused).toMatchObject({ code: 1006 });
    },
  );

  it("ends when it is not answered in time", async () => {
    const socket = new WebSocket(`ws://localhost:${web.port}/rpc`, {
      headers: { origin: web.url },
    } as unknown as string[]);
    await new Promise((resolve) => (socket.onmessage = resolve));
    const closed = closeOf(socket);
    web.parts.clock.advance(LIMITS.web.challengeLifetimeMs);
    expect([1006, 4408]).toContain(await closed);
  });

  it("serves nothing before it is met", async () => {
    const socket = new WebSocket(`ws://localhost:${web.port}/rpc`, {
      headers: { origin: web.url },
    } as unknown as string[]);
    const { promise, resolve } = Promise.withResolvers<number>();
    socket.onclose = ({ code }) => resolve(code);
    socket.onmessage = ({ data }) => {
      expect(data).toContain("challenge");
      socket.onmessage = null;
      const remote = newWebSocketRpcSession<{ status(): Promise<unknown> }>(socket);
      remote.status().then(
        () => resolve(0),
        () => {},
      );
    };
    expect(await promise).toBe(4400);
  });

  it("leaves room for the owner when others take every place", async () => {
    const key = await logIn(web);
    const strangers = Array.from({ length: LIMITS.web.socketCount }, () => {
      const socket = new WebSocket(`ws://localhost:${web.port}/rpc`, {
        headers: { origin: web.url },
      } as unknown as string[]);
      return new Promise((resolve) => (socket.onmessage = resolve));
    });
    await Promise.all(strangers);
    expect(await openSocket(web, key, "/rpc")).toMatchObject({ code: 1013 });
    web.parts.clock.advance(LIMITS.web.challengeLifetimeMs);
    await expect.poll(() => openSocket(web, key, "/rpc")).toHaveProperty("socket");
  });
});

describe("forgetting a browser", () => {
  it("ends its sockets and its login at once, and no other's", async () => {
    const [gone, kept] = [await logIn(web), await logIn(web)];
    const first = await openOwner(web, gone);
    const second = await openOwner(web, kept);
    const closed = closeOf(first.socket);
    await second.owner.forgetBrowser(gone.id);
    expect(await closed).toBe(4401);
    expect(await openSocket(web, gone, "/rpc")).toMatchObject({ code: 4401 });
    expect(await second.owner.browsers()).toMatchObject([{ id: kept.id }]);
    await expect(second.owner.forgetBrowser(gone.id)).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  });
});

describe("a closing host", () => {
  it("ends its sockets, and its port is free again", async () => {
    const parts = createTestParts();
    const own = await openTestWeb(parts);
    const { socket } = await openOwner(own, await logIn(own));
    const closed = closeOf(socket);
    await own[Symbol.asyncDispose]();
    expect([1001, 1006]).toContain(await closed);
    await expect(ask({ port: own.port, path: "/healthz" })).rejects.toThrow(/ECONNREFUSED/);
  });
});
