import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { utf8Decode, utf8Encode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import type { HttpAnswer, HttpRequest } from "../../../host/engine/outside.ts";
import { createHttpDoor, type ResolveName } from "../../../host/outside/http-door.ts";
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from "../../support/localhost-certificate.ts";
import { isPublicAddress } from "../../../host/outside/public-address.ts";

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

const seen: Seen[] = [];
let server: Server;
let port = 0;

const ROUTES: Readonly<Record<string, (response: ServerResponse) => void>> = {
  "/hello": (response) => response.setHeader("content-type", "text/plain").end("hello"),
  "/missing": (response) => response.writeHead(404).end("not here"),
  "/large": (response) => response.end(Buffer.alloc(LIMITS.outside.answerSizeBytes + 1)),
  "/to-hello": (response) => response.writeHead(302, { location: "/hello" }).end(),
  "/keep": (response) => response.writeHead(307, { location: "/hello" }).end(),
  "/to-localhost": (response) => response.writeHead(302, { location: `http://localhost:${port}/hello` }).end(),
  "/to-elsewhere": (response) => response.writeHead(302, { location: "https://evil.example/" }).end(),
  "/to-file": (response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
  "/round": (response) => response.writeHead(302, { location: "/round" }).end(),
  "/silent": () => {},
  "/half": (response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half");
    setImmediate(() => response.destroy());
  },
  "/cookies": (response) => response.setHeader("set-cookie", ["a=1", "b=2"]).end(),
};

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, path: url, headers, body: Buffer.concat(parts).toString() });
      ROUTES[url]?.(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function last(): Seen {
  return seen[seen.length - 1]!;
}

const idle = new AbortController().signal;

function ask(path: string, over: Partial<HttpRequest> = {}, resolve?: ResolveName): Promise<HttpAnswer> {
  const url = path.startsWith("/") ? `http://127.0.0.1:${port}${path}` : path;
  const places = [`http://127.0.0.1:${port}`];
  const request = { url, method: "GET", headers: {}, body: new Uint8Array(), places, ...over };
  return createHttpDoor({ resolve })(request, { signal: idle });
}

describe("the door", () => {
  test("brings what the server says, whatever its status", async () => {
    const { status, headers, body } = await ask("/hello");
    expect([status, headers["content-type"], utf8Decode(body)]).toEqual([200, "text/plain", "hello"]);
    expect((await ask("/missing")).status).toBe(404);
    expect((await ask("/cookies")).headers["set-cookie"]).toBe("a=1, b=2");
  });

  test("sends method, headers and body, and says nothing of the host", async () => {
    await ask("/hello", { method: "POST", headers: { "x-key": "secret" }, body: utf8Encode("body") });
    const { method, headers, body } = last();
    expect([method, headers["x-key"], body]).toEqual(["POST", "secret", "body"]);
    expect(Object.keys(headers).toSorted()).toEqual(
      ["accept-encoding", "connection", "content-length", "host", "user-agent", "x-key"].toSorted(),
    );
  });

  test("follows redirects within its places, as GET where the standard says so", async () => {
    expect(utf8Decode((await ask("/to-hello", { method: "POST", body: utf8Encode("x") })).body)).toBe("hello");
    expect(seen.at(-1)).toMatchObject({ method: "GET", body: "" });
    await ask("/keep", { method: "POST", body: utf8Encode("x") });
    expect(seen.at(-1)).toMatchObject({ method: "POST", body: "x" });
  });

  test("leaves what is of one site behind when a redirect leads to another", async () => {
    const places = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
    const headers = { authorization: "Bearer secret", cookie: "a=1", "x-kept": "yes" };
    await ask("/to-localhost", { places, headers });
    const { authorization, cookie, "x-kept": kept } = last().headers;
    expect([authorization, cookie, kept]).toEqual([undefined, undefined, "yes"]);
  });

  test.each([
    ["/to-elsewhere", "TWIN_FETCH_DENIED"],
    ["/to-file", "TWIN_FETCH_DENIED"],
    ["/to-localhost", "TWIN_FETCH_DENIED"],
    ["https://example.com/", "TWIN_FETCH_DENIED"],
    ["/round", "TWIN_FETCH_FAILED"],
    ["/large", "TWIN_FETCH_FAILED"],
    ["/half", "TWIN_FETCH_FAILED"],
  ])("ends %s with %s", async (path, code) => {
    await expect(ask(path)).rejects.toMatchObject({ code });
  });

  test("ends with its caller, and the server sees it go", async () => {
    const caller = new AbortController();
    const gone = new Promise<void>((resolve) => server.once("connection", (socket) => socket.once("close", resolve)));
    const request = { url: `http://127.0.0.1:${port}/silent`, method: "GET", headers: {}, body: new Uint8Array() };
    const answer = createHttpDoor()({ ...request, places: [`http://127.0.0.1:${port}`] }, { signal: caller.signal });
    answer.catch(() => undefined);
    while (seen.at(-1)?.path !== "/silent") await new Promise((resolve) => setImmediate(resolve));
    caller.abort();
    await expect(answer).rejects.toMatchObject({ code: "TWIN_ABORTED" });
    await gone;
  });

  test.each(["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"])(
    "refuses a name that leads to %s, whoever owns the name",
    async (address) => {
      const asked: string[] = [];
      const resolve: ResolveName = (hostname, tell) => {
        asked.push(hostname);
        tell(null, [{ address, family: address.includes(":") ? 6 : 4 }]);
      };
      const places = [`http://rebound.example:${port}`];
      const answer = ask(`http://rebound.example:${port}/hello`, { places }, resolve);
      await expect(answer).rejects.toMatchObject({ code: "TWIN_FETCH_DENIED" });
      // Once for each connection: what was checked is what would have been used.
      expect(asked).toEqual(["rebound.example"]);
    },
  );

  test("takes the public ones of a name's addresses, and no others", async () => {
    const before = seen.length;
    const resolve: ResolveName = (_, tell) => {
      tell(null, [
        { address: "127.0.0.1", family: 4 },
        { address: "2001:db8::1", family: 6 },
      ]);
    };
    const places = [`http://mixed.example:${port}`];
    await expect(ask(`http://mixed.example:${port}/hello`, { places }, resolve)).rejects.toMatchObject({
      code: "TWIN_FETCH_DENIED",
    });
    expect(seen).toHaveLength(before);
  });

  test("says that a name is unknown, or that nobody listens", async () => {
    const resolve: ResolveName = (_, tell) => tell(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), []);
    await expect(ask("http://gone.example/", { places: ["http://gone.example"] }, resolve)).rejects.toMatchObject({
      code: "TWIN_FETCH_FAILED",
      message: expect.stringContaining("ENOTFOUND"),
    });
    await expect(ask("http://127.0.0.1:1/", { places: ["http://127.0.0.1:1"] })).rejects.toMatchObject({
      code: "TWIN_FETCH_FAILED",
    });
  });
});

describe("the door to encrypted servers", () => {
  let secure: HttpsServer;
  let securePort = 0;
  const known = getCACertificates("default");
  beforeAll(async () => {
    const pair = { key: LOCALHOST_KEY, cert: LOCALHOST_CERTIFICATE };
    secure = createSecureServer(pair, (_, response) => response.end("sealed"));
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    securePort = (secure.address() as AddressInfo).port;
  });
  afterAll(() => {
    setDefaultCACertificates(known);
    secure.close();
  });
  const open = (host: string): Promise<HttpAnswer> => {
    const resolve: ResolveName = (_, tell) => tell(null, [{ address: "127.0.0.1", family: 4 }]);
    return ask(`https://${host}:${securePort}/`, { places: [`${host}:${securePort}`] }, resolve);
  };

  test("refuses a certificate that nobody vouches for, and one of another name", async () => {
    await expect(open("localhost")).rejects.toMatchObject({
      code: "TWIN_FETCH_FAILED",
      message: expect.stringContaining("SELF_SIGNED"),
    });
    setDefaultCACertificates([...known, LOCALHOST_CERTIFICATE]);
    expect(utf8Decode((await open("localhost")).body)).toBe("sealed");
    await expect(open("127.0.0.1")).rejects.toMatchObject({
      code: "TWIN_FETCH_FAILED",
      message: expect.stringContaining("ALTNAME"),
    });
  });

  test("speaks no plain HTTP there", async () => {
    const places = [`http://localhost:${securePort}`];
    await expect(ask(`https://localhost:${securePort}/`, { places })).rejects.toMatchObject({
      code: "TWIN_FETCH_DENIED",
    });
    await expect(ask(`https://127.0.0.1:${port}/`, { places: [`127.0.0.1:${port}`] })).rejects.toMatchObject({
      code: "TWIN_FETCH_FAILED",
    });
  });
});

describe("an address", () => {
  test.each(["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"])(
    "%s is public",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
  test.each([
    "0.0.0.0",
    "10.255.255.255",
    "100.64.0.1",
    "127.255.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "198.19.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "64:ff9b::a00:1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "2002:a00:1::",
    "2001::1",
  ])("%s is not", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
