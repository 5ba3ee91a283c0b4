import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";

import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import { parseByteRange } from "../../../host/web/byte-range.ts";
import { ask, type HttpAnswer } from "../../support/http-request.ts";
import { logIn, openOwner, openTestWeb } from "../../support/web-host.ts";

const CONTENT = Uint8Array.from({ length: 200_000 }, (_, index) => index % 251);

let web: Awaited<ReturnType<typeof openTestWeb>>;
let owner: Awaited<ReturnType<typeof openOwner>>["owner"];
let id: string;

beforeAll(async () => {
  web = await openTestWeb();
  ({ owner } = await openOwner(web, await logIn(web)));
  id = (JSON.parse((await put(await owner.uploadTicket())).text) as { id: string }).id;
});
afterAll(() => web[Symbol.asyncDispose]());

function put(
  ticket: string | undefined,
  more: { query?: string; body?: Uint8Array; headers?: Record<string, string> } = {},
): Promise<HttpAnswer> {
  const authorization: Record<string, string> = ticket === undefined ? {} : { authorization: `Bearer ${ticket}` };
  return ask({
    port: web.port,
    method: "PUT",
    path: `/objects${more.query ?? ""}`,
    headers: { ...authorization, ...more.headers },
    body: more.body ?? CONTENT,
  });
}

const get = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<HttpAnswer> =>
  ask({ port: web.port, path, headers, method });

describe("an upload", () => {
  it("streams into the vault and answers with what is stored", async () => {
    const answer = await put(await owner.uploadTicket(), { query: "?name=a%20b.png&type=image%2Fpng" });
    expect(answer.status).toBe(201);
    const info = JSON.parse(answer.text) as { id: string };
    expect(info).toMatchObject({ sizeBytes: CONTENT.length, name: "a b.png", type: "image/png" });
    expect(await owner.statObject(info.id)).toEqual(info);
  });

  it.each([
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "nonsense",
  ])("takes bytes that claim to be %s as they are", async (type) => {
    const body = new TextEncoder().encode('{"not": parsed');
    const answer = await put(await owner.uploadTicket(), { body, headers: { "content-type": type } });
    expect(answer.status).toBe(201);
    expect((JSON.parse(answer.text) as { sizeBytes: number }).sizeBytes).toBe(body.length);
  });

  it("takes an empty body", async () => {
    const answer = await put(await owner.uploadTicket(), { body: new Uint8Array() });
    expect(JSON.parse(answer.text)).toMatchObject({ sizeBytes: 0 });
  });

  it("is refused without a ticket, with a used, a late, or another kind of one", async () => {
    const used = await owner.uploadTicket();
    expect((await put(used)).status).toBe(201);
    const late = await owner.uploadTicket();
    const download = new URL(await owner.downloadPath(id, "x", ""), web.url).searchParams.get("ticket")!;
    const before = web.parts.vault.objectCount;
    for (const ticket of [undefined, "", used, download, "x".repeat(43), "__proto__"])
      expect((await put(ticket)).status).toBe(401);
    web.parts.clock.advance(LIMITS.web.ticketLifetimeMs);
    expect((await put(late)).status).toBe(401);
    expect(web.parts.vault.objectCount).toBe(before);
  });

  it.each([
    "?type=text",
    "?type=text/html%0d%0aX:1",
    `?name=${"x".repeat(LIMITS.vault.objectNameSizeBytes + 1)}`,
    "?name=a&name=b",
  ])("refuses the description %.40s", async (query) => {
    expect((await put(await owner.uploadTicket(), { query })).status).toBe(400);
  });

  it("is refused at once when it says that it is too large", async () => {
    const ticket = await owner.uploadTicket();
    const socket = connect(web.port, "127.0.0.1");
    socket.write(
      `PUT /objects HTTP/1.1\r\nHost: localhost:${web.port}\r\nAuthorization: Bearer ${ticket}\r\nContent-Length: ${LIMITS.web.uploadSizeBytes + 1}\r\n\r\n`,
    );
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  it("leaves no object when the browser goes away", async () => {
    const ticket = await owner.uploadTicket();
    const before = web.parts.vault.objectCount;
    const sent = request({
      host: "127.0.0.1",
      port: web.port,
      method: "PUT",
      path: "/objects",
      headers: { host: `localhost:${web.port}`, authorization: `Bearer ${ticket}`, "content-length": "1000000" },
    });
    sent.on("error", () => {});
    sent.write(new Uint8Array(100_000));
    // The ticket is spent once the server has begun to read.
    await expect.poll(async () => (await put(ticket)).status).toBe(401);
    sent.destroy();
    expect((await put(await owner.uploadTicket(), { body: new Uint8Array([1]) })).status).toBe(201);
    expect(web.parts.vault.objectCount).toBe(before + 1);
  });

  it("is not for pages of other sites, whatever they know", async () => {
    const ticket = await owner.uploadTicket();
    expect((await put(ticket, { headers: { "sec-fetch-site": "cross-site" } })).status).toBe(403);
    expect((await put(ticket)).status).toBe(201);
  });
});

describe("a download", () => {
  it("sends the object as a file that cannot run, under any name", async () => {
    const path = await owner.downloadPath(id, 'über "mein"\r\n/../Foto\'s.html', "text/html");
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(Buffer.compare(answer.bytes, CONTENT)).toBe(0);
    expect(answer.headers).toMatchObject({
      "content-type": "text/html",
      "content-length": String(CONTENT.length),
      "content-disposition": "attachment; filename*=UTF-8''%C3%BCber%20%22mein%22___.._Foto%27s.html",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
      "x-content-type-options": "nosniff",
      "accept-ranges": "bytes",
      "cache-control": "no-store",
      etag: `"${id}"`,
    });
  });

  it.each<[range: string, from: number, to: number]>([
    ["bytes=0-0", 0, 1],
    ["bytes=100-", 100, CONTENT.length],
    ["bytes=-5", CONTENT.length - 5, CONTENT.length],
    ["bytes=65530-65540", 65_530, 65_541],
    ["bytes=199999-999999", 199_999, 200_000],
    ["bytes=-999999", 0, CONTENT.length],
  ])("sends the range %s", async (range, from, to) => {
    const path = await owner.downloadPath(id, "x", "video/mp4");
    const answer = await get(path, { range });
    expect(answer.status).toBe(206);
    expect(answer.headers).toMatchObject({
      "content-range": `bytes ${from}-${to - 1}/${CONTENT.length}`,
      "content-length": String(to - from),
    });
    expect(Buffer.compare(answer.bytes, CONTENT.subarray(from, to))).toBe(0);
  });

  it.each(["bytes=5-2", "bytes=0-1,3-4", "items=0-1", "bytes=-", "bytes=a-b", "bytes=0-1000000000000000000000"])(
    "sends all when the range is %s",
    async (range) => {
      expect((await get(await owner.downloadPath(id, "x", ""), { range })).status).toBe(200);
    },
  );

  it("says what there is when the range lies outside", async () => {
    for (const range of [`bytes=${CONTENT.length}-`, "bytes=-0"]) {
      const answer = await get(await owner.downloadPath(id, "x", ""), { range });
      expect(answer.status).toBe(416);
      expect(answer.headers["content-range"]).toBe(`bytes */${CONTENT.length}`);
      expect(JSON.parse(answer.text)).toMatchObject({ code: "TWIN_OBJECT_RANGE" });
    }
  });

  it("answers conditions and heads", async () => {
    const path = await owner.downloadPath(id, "x", "");
    expect((await get(path, { "if-none-match": `"${id}"` })).status).toBe(304);
    expect((await get(path, { "if-range": '"another"', range: "bytes=0-1" })).status).toBe(200);
    expect((await get(path, { "if-range": `"${id}"`, range: "bytes=0-1" })).status).toBe(206);
    const head = await get(path, {}, "HEAD");
    expect(head.headers["content-length"]).toBe(String(CONTENT.length));
    expect(head.text).toBe("");
  });

  it("needs a ticket for this object, in time, from a connection that lives", async () => {
    const other = JSON.parse((await put(await owner.uploadTicket(), { body: new Uint8Array([9]) })).text) as {
      id: string;
    };
    const path = await owner.downloadPath(id, "x", "");
    const ticket = path.split("ticket=")[1]!;
    expect((await get(`/objects/${other.id}?ticket=${ticket}`)).status).toBe(401);
    for (const query of [
      "",
      "?ticket=",
      "?ticket=x",
      `?ticket=${await owner.uploadTicket()}`,
      `?ticket=${ticket}&ticket=${ticket}`,
    ])
      expect((await get(`/objects/${id}${query}`)).status).toBe(401);
    expect((await get(path)).status).toBe(200);
    web.parts.clock.advance(LIMITS.web.ticketLifetimeMs);
    expect((await get(path)).status).toBe(401);

    const session = await openOwner(web, await logIn(web));
    const lost = await session.owner.downloadPath(id, "x", "");
    session.socket.close();
    await expect.poll(async () => (await get(lost)).status).toBe(401);
  });

  it("is not offered for what is not stored", async () => {
    await expect(owner.downloadPath("8".repeat(43), "x", "")).rejects.toMatchObject({ code: "TWIN_OBJECT_UNKNOWN" });
    await expect(owner.downloadPath("zzzz", "x", "")).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    await expect(owner.downloadPath("../x", "x", "")).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    expect((await get(`/objects/${"z".repeat(65)}?ticket=x`)).status).toBe(400);
  });

  it("gives an odd media type up", async () => {
    for (const type of ["", "text", "text/html\r\nX: 1", 'a/b; charset="x"'])
      expect((await get(await owner.downloadPath(id, "x", type))).headers["content-type"]).toBe(
        "application/octet-stream",
      );
  });

  it("stops reading when the browser goes away", async () => {
    const path = await owner.downloadPath(id, "x", "");
    const socket = connect(web.port, "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost:${web.port}\r\n\r\n`);
    await once(socket, "data");
    socket.destroy();
    await expect.poll(() => web.parts.vault.openReads).toBe(0);
  });
});

describe("parseByteRange", () => {
  it("yields a part of the whole or says why not, for any header and size", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,17}-\d{0,17}$/)), fc.nat(), (header, size) => {
        const range = parseByteRange(header, size);
        if (typeof range === "string") return;
        expect(range.sizeBytes).toBeGreaterThan(0);
        expect(range.offset).toBeGreaterThanOrEqual(0);
        expect(range.offset + range.sizeBytes).toBeLessThanOrEqual(size);
      }),
    );
  });
});
