import { createHash } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ask, type HttpAnswer, sendRaw } from "../../support/http-request.ts";
import { logIn, openOwner, openTestWeb } from "../../support/web-host.ts";

let web: Awaited<ReturnType<typeof openTestWeb>>;
let token: string;
let origin: string;

beforeAll(async () => {
  web = await openTestWeb();
  const { owner } = await openOwner(web, await logIn(web));
  token = (await owner.openExperience("notes")).token;
  origin = `notes--${token}.localhost:${web.port}`;
});

afterAll(() => web[Symbol.asyncDispose]());

const get = (
  path: string,
  more: { host?: string; method?: string; headers?: Record<string, string> } = {},
): Promise<HttpAnswer> => ask({ port: web.port, path, ...more });

const policy = (hashes = ""): string =>
  `sandbox allow-scripts; default-src 'none'; script-src 'self' 'wasm-unsafe-eval'${hashes}; style-src 'self' 'unsafe-inline'; ` +
  "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; connect-src 'self' blob: data:; worker-src blob:; " +
  `frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors http://localhost:${web.port}`;

const expectIsolated = (answer: HttpAnswer, hashes = ""): void => {
  expect(answer.headers).toMatchObject({
    "content-security-policy": policy(hashes),
    "connection-allowlist": "(response-origin)",
    "access-control-allow-origin": "*",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
    "cache-control": "no-store",
  });
  expect(answer.headers["permissions-policy"]).toMatch(/camera=\(\).*geolocation=\(\).*usb=\(\)/);
  expect(answer.headers["permissions-policy"]).not.toContain("self");
  expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  expect(answer.headers["set-cookie"]).toBeUndefined();
};

const expectPrivate = (answer: HttpAnswer): void => {
  expect(answer.headers).toMatchObject({
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
  expect(answer.headers["content-security-policy"]).toContain("default-src 'none'");
  expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  expect(answer.headers["set-cookie"]).toBeUndefined();
};

const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

describe("an experience's host", () => {
  it.each<[what: string, path: string, status: number, more?: { method?: string; headers?: Record<string, string> }]>([
    ["a script", "/app.js", 200],
    ["a library", "/-/preact.js", 200],
    ["an image", "/icon.svg", 200],
    ["data", "/data.json", 200],
    ["a page without import maps", "/sub/page.html", 200],
    ["an unknown path", "/nothing", 404],
    ["an unknown library", "/-/nothing.js", 404],
    ["a reserved path", "/-/../app.js", 404],
    ["a path out of the folder", "/../../etc/passwd", 404],
    ["an encoded path out of the folder", "/%2e%2e%2f%2e%2e%2fetc/passwd", 404],
    ["a broken encoding", "/%ff", 400],
    ["a zero byte", "/app.js%00", 404],
    ["a file that cannot be read", "/broken.js", 500],
    ["a twice encoded path", "/%61pp.js%2500", 404],
    ["a prototype's name", "/constructor", 404],
    ["a route of the shell", "/rpc", 404],
    ["the shell's login", "/login", 405, { method: "POST" }],
    ["a change", "/app.js", 405, { method: "PUT" }],
    ["options", "/app.js", 405, { method: "OPTIONS" }],
    ["an odd method", "/app.js", 405, { method: "PROPFIND" }],
    ["a page of its own", "/", 403, { headers: { "sec-fetch-dest": "document" } }],
    ["a head", "/app.js", 200, { method: "HEAD" }],
    ["health", "/healthz", 404],
  ])("isolates its answer to %s", async (_what, path, status, more) => {
    const answer = await get(path, { host: origin, ...more });
    expect(answer.status).toBe(status);
    expectIsolated(answer);
  });

  it("isolates the answers of origins that are not open, and of names that are not the token's", async () => {
    for (const host of [`notes--${"a".repeat(26)}.localhost:${web.port}`, `other--${token}.localhost:${web.port}`]) {
      const answer = await get("/app.js", { host });
      expect(answer.status).toBe(404);
      expectIsolated(answer);
    }
  });

  it("isolates its answer to what is no HTTP request, or a too long one", async () => {
    for (const text of ["nonsense\r\n\r\n", `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: ${origin}\r\n\r\n`]) {
      const answer = await sendRaw(web.port, text);
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(answer).toContain(policy());
      expect(answer).toContain("Connection-Allowlist: (response-origin)");
    }
  });

  it("tells nothing of an error of ours", async () => {
    const answer = await get("/broken.js", { host: origin });
    expect(JSON.parse(answer.text)).toMatchObject({ code: "TWIN_HOST_INTERNAL" });
    expect(answer.text).not.toContain("fire");
  });

  it("writes import maps anew and lets only them run inline", async () => {
    const answer = await get("/", { host: origin });
    const map = '{"imports":{"preact":"/-/preact.js"}}';
    expect(answer.text).toContain(`<script type="importmap">${map}</script><script>alert(1)</script>`);
    expectIsolated(answer, ` 'sha256-${createHash("sha256").update(map).digest("base64")}'`);
  });

  it("takes WebRTC away on the first line of every script, and keeps line numbers", async () => {
    for (const path of ["/app.js", "/-/preact.js", "/-/twin.js"]) {
      const { text } = await get(path, { host: origin });
      const scope = {
        RTCPeerConnection: 1,
        webkitRTCPeerConnection: 1,
        RTCDataChannel: 1,
        mozRTCPeerConnection: 1,
        Array: 1,
      };
      const [prefix] = /^try\{.*?\}catch\{\};/.exec(text) ?? [];
      // oxlint-disable-next-line typescript/no-implied-eval -- runs our own prefix against a stand-in for the realm
      new Function("globalThis", prefix!)(scope);
      expect(Object.keys(scope)).toEqual(["Array"]);
    }
    expect((await get("/app.js", { host: origin })).text).toMatch(/^try\{.*export const line = 1;\n$/);
  });

  it("does not upgrade to a WebSocket", async () => {
    const upgrade = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "sec-websocket-version": "13",
    };
    for (const path of ["/rpc", `/door/${token}`, "/"]) {
      const answer = await get(path, { host: origin, headers: { ...upgrade, origin: web.url } });
      expect(answer.status).toBe(403);
      expectIsolated(answer);
    }
  });
});

describe("the shell's host", () => {
  it("sends the page with a policy that names its import maps and nothing inline beside them", async () => {
    const answer = await get("/", { headers: { "sec-fetch-site": "cross-site", "sec-fetch-dest": "document" } });
    expect(answer.status).toBe(200);
    expectPrivate(answer);
    const map = /<script type="importmap">(.*?)<\/script>/.exec(answer.text)![1]!;
    expect(answer.headers["content-security-policy"]).toBe(
      `default-src 'none'; script-src 'self' 'sha256-${createHash("sha256").update(map).digest("base64")}'; style-src 'self'; img-src 'self' data: blob:; ` +
        `font-src 'self'; media-src 'self' blob:; connect-src 'self' ws://localhost:${web.port}; frame-src 'self'; manifest-src 'self'; object-src 'none'; ` +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
  });

  it("answers a repeated question for a file with its unchanged tag", async () => {
    const first = await get("/main.js");
    expect(first.status).toBe(200);
    const again = await get("/main.js", { headers: { "if-none-match": first.headers["etag"]! } });
    expect(again.status).toBe(304);
    expectPrivate(again);
  });

  it("repeats the page's policy when the page is unchanged, since a browser takes it from the repeated answer", async () => {
    const first = await get("/");
    const again = await get("/", { headers: { "if-none-match": first.headers["etag"]! } });
    expect(again.status).toBe(304);
    expect(again.headers["content-security-policy"]).toBe(first.headers["content-security-policy"]);
  });

  it("wraps an open experience in a page that can frame its origin only", async () => {
    const answer = await get(`/wrapper/${token}`, {
      headers: { "sec-fetch-dest": "iframe", "sec-fetch-site": "same-origin" },
    });
    expect(answer.status).toBe(200);
    expectPrivate(answer);
    const own = `http://notes--${token}.localhost:${web.port}`;
    expect(answer.text).toContain(
      `<iframe sandbox="allow-scripts" allow="" referrerpolicy="no-referrer" src="${own}/index.html">`,
    );
    const script = /<script>([\s\S]*)<\/script>/.exec(answer.text)![1]!;
    const style = /<style>([\s\S]*)<\/style>/.exec(answer.text)![1]!;
    expect(answer.headers["content-security-policy"]).toBe(
      `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; frame-src ${own}; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`,
    );
  });

  it.each<[what: string, path: string, status: number, more?: { method?: string; headers?: Record<string, string> }]>([
    ["an unknown path", "/nothing", 404],
    ["a path out of the folder", "/../site-switch.ts", 404],
    ["an encoded path out of the folder", "/%2e%2e/site-switch.ts", 404],
    ["a file of an experience", "/app-of-notes.js", 404],
    ["an unknown wrapper", `/wrapper/${"a".repeat(26)}`, 404],
    ["the icon of an unknown experience", "/icons/nobody", 404],
    ["a login without a body", "/login", 403, { method: "POST" }],
    [
      "another site's script tag",
      "/main.js",
      403,
      { headers: { "sec-fetch-site": "cross-site", "sec-fetch-dest": "script" } },
    ],
    [
      "a sibling host's image",
      "/icons/notes",
      403,
      { headers: { "sec-fetch-site": "same-site", "sec-fetch-dest": "image" } },
    ],
    [
      "another site's visit of a deeper path",
      "/main.js",
      403,
      { headers: { "sec-fetch-site": "cross-site", "sec-fetch-dest": "document" } },
    ],
    ["another site's frame", "/", 403, { headers: { "sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe" } }],
  ])("refuses %s without losing its headers", async (_what, path, status, more) => {
    const answer = await get(path, more);
    expect(answer.status).toBe(status);
    expectPrivate(answer);
    expect(JSON.parse(answer.text)).toMatchObject({ code: expect.stringMatching(/^TWIN_/) as string });
  });

  it("does not give the wrapper as a page of its own", async () => {
    expect((await get(`/wrapper/${token}`, { headers: { "sec-fetch-dest": "document" } })).status).toBe(404);
  });

  it("sends icons as inert images", async () => {
    const answer = await get("/icons/notes");
    expect(answer.headers).toMatchObject({
      "content-type": "image/svg+xml",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
    });
  });

  it("offers the libraries that pages import", async () => {
    for (const file of ["capnweb.js", "hooks.js", "htm.js", "preact.js", "twin.js"]) {
      const answer = await get(`/-/${file}`);
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    }
  });
});

describe("the Host header", () => {
  it("sends the other loopback names to the one origin, with path and query", async () => {
    for (const host of [`127.0.0.1:${web.port}`, `[::1]:${web.port}`]) {
      const answer = await get("/x?y=1", { host });
      expect(answer.status).toBe(308);
      expect(answer.headers["location"]).toBe(`http://localhost:${web.port}/x?y=1`);
      expect((await get("/login", { host, method: "POST" })).status).toBe(421);
    }
  });

  it.each([
    "evil.example",
    "localhost.evil.example",
    "evil.localhost",
    "notes--short.localhost",
    "localhost.",
    "[::2]",
    "xn--a.localhost",
  ])("refuses %s, with and without our port", async (name) => {
    for (const host of [name, `${name}:${web.port}`]) expect((await get("/", { host })).status).toBe(421);
  });

  it("refuses our names with another port, or none", async () => {
    for (const host of ["localhost", `localhost:${web.port}1`, `127.0.0.1`, origin.split(":")[0]!])
      expect((await get("/", { host })).status).toBe(421);
  });

  it("tells health at every name of the host, and nothing else there", async () => {
    for (const host of [`localhost:${web.port}`, `127.0.0.1:${web.port}`]) {
      expect((await get("/healthz", { host })).text).toBe('{"ok":true}');
    }
    expect((await get("/healthz", { host: "evil.example" })).status).toBe(421);
  });
});
