// Uploads in pieces, as a client of tus sends them: over connections that break, and against rules.

import { request } from "node:http";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import { UPLOAD_TYPE } from "../../../host/vault/object.ts";
import { ask, type HttpAnswer } from "../../support/http-request.ts";
import { logIn, openOwner, openTestWeb } from "../../support/web-host.ts";

const CONTENT = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) % 251);
const NAME = Buffer.from("a b.png").toString("base64");
const TYPE = Buffer.from("image/png").toString("base64");

let web: Awaited<ReturnType<typeof openTestWeb>>;
let owner: Awaited<ReturnType<typeof openOwner>>["owner"];

beforeAll(async () => {
  web = await openTestWeb();
  ({ owner } = await openOwner(web, await logIn(web)));
});
afterAll(() => web[Symbol.asyncDispose]());

type Headers = Record<string, string>;
const TUS: Headers = { "tus-resumable": "1.0.0" };
const PIECE: Headers = { ...TUS, "content-type": "application/offset+octet-stream" };

function send(method: string, path: string, headers: Headers = TUS, body?: Uint8Array): Promise<HttpAnswer> {
  return ask({ port: web.port, method, path, headers, body });
}

async function begin(headers: Headers = {}, body?: Uint8Array): Promise<HttpAnswer> {
  const bearer = `Bearer ${await owner.uploadTicket()}`;
  const described = { "upload-length": `${CONTENT.length}`, "upload-metadata": `filename ${NAME},filetype ${TYPE}` };
  return send("POST", "/uploads", { ...TUS, ...described, authorization: bearer, ...headers }, body);
}

function patch(path: string, offset: number, body: Uint8Array): Promise<HttpAnswer> {
  return send("PATCH", path, { ...PIECE, "upload-offset": `${offset}` }, body);
}

async function offsetOf(path: string): Promise<number> {
  return Number((await send("HEAD", path)).headers["upload-offset"]);
}

async function keptCount(): Promise<number> {
  return (await web.parts.vault.find(({ type }) => type === UPLOAD_TYPE)).length;
}

async function open(): Promise<string> {
  const answer = await begin();
  expect(answer.status).toBe(201);
  return answer.headers["location"]!;
}

describe("a resumable upload", () => {
  it("comes in pieces, and ends with what is stored; who missed the answer asks again", async () => {
    const path = await open();
    expect(path).toMatch(/^\/uploads\/[\w-]{32}$/);
    expect((await patch(path, 0, CONTENT.subarray(0, 100_000))).headers["upload-offset"]).toBe("100000");
    expect(await offsetOf(path)).toBe(100_000);
    const last = await patch(path, 100_000, CONTENT.subarray(100_000));
    expect(last.status).toBe(200);
    expect(JSON.parse(last.text)).toMatchObject({ sizeBytes: CONTENT.length, name: "a b.png", type: "image/png" });
    const again = await patch(path, CONTENT.length, new Uint8Array());
    expect([again.status, again.text]).toEqual([200, last.text]);
    const { id } = JSON.parse(last.text) as { id: string };
    const down = await send("GET", await owner.downloadPath(id, "x", ""));
    expect(Buffer.compare(down.bytes, CONTENT)).toBe(0);
  });

  it("comes whole with its beginning, also when it is empty", async () => {
    const whole = await begin({ ...PIECE }, CONTENT);
    expect(whole.status).toBe(201);
    expect(JSON.parse(whole.text)).toMatchObject({ sizeBytes: CONTENT.length });
    const empty = await begin({ "upload-length": "0" });
    expect(JSON.parse(empty.text)).toMatchObject({ sizeBytes: 0 });
  });

  it("goes on where a broken connection left it", async () => {
    const path = await open();
    const headers = { host: `localhost:${web.port}`, ...PIECE, "upload-offset": "0", "content-length": "300000" };
    const sent = request({ host: "127.0.0.1", port: web.port, method: "PATCH", path, headers });
    sent.on("error", () => {});
    sent.write(CONTENT.subarray(0, 120_000), () => sent.destroy());
    await expect.poll(() => offsetOf(path)).toBeGreaterThan(0);
    const taken = await offsetOf(path);
    const last = await patch(path, taken, CONTENT.subarray(taken));
    const { id } = JSON.parse(last.text) as { id: string };
    expect(Buffer.compare((await send("GET", await owner.downloadPath(id, "x", ""))).bytes, CONTENT)).toBe(0);
  });

  it("is refused without a ticket, without a size, and with a description that is none", async () => {
    expect((await begin({ authorization: "Bearer x" })).status).toBe(401);
    expect((await begin({ "upload-length": `${LIMITS.web.uploadSizeBytes + 1}` })).status).toBe(413);
    for (const type of ["text", UPLOAD_TYPE]) {
      const described = { "upload-metadata": `filetype ${Buffer.from(type).toString("base64")}` };
      expect((await begin(described)).status).toBe(400);
    }
    const bearer = `Bearer ${await owner.uploadTicket()}`;
    const deferred = { ...TUS, authorization: bearer, "upload-defer-length": "1" };
    expect((await send("POST", "/uploads", deferred)).status).toBeGreaterThanOrEqual(400);
    expect((await send("PUT", "/uploads")).status).toBe(404);
  });

  it("takes no piece at another place, none beyond its end, and none that is unknown", async () => {
    const path = await open();
    expect((await patch(path, 5, CONTENT)).status).toBe(409);
    expect((await patch(path, 0, new Uint8Array(CONTENT.length + 1))).status).toBeGreaterThanOrEqual(400);
    expect(await offsetOf(path)).toBe(0);
    expect((await patch("/uploads/unknown", 0, CONTENT)).status).toBe(404);
    expect((await send("DELETE", path)).status).toBe(204);
    expect((await patch(path, 0, CONTENT)).status).toBe(404);
  });

  it("is given up when nothing comes for it, leaves no object, and frees its place", async () => {
    // Those that other tests have left.
    web.parts.clock.advance(LIMITS.web.uploadIdleMs);
    await expect.poll(() => keptCount()).toBe(0);
    const paths = await Promise.all(Array.from({ length: LIMITS.web.openUploadCount }, open));
    await patch(paths[0]!, 0, CONTENT.subarray(0, 70_000));
    expect((await begin()).status).toBe(413);
    web.parts.clock.advance(LIMITS.web.uploadIdleMs);
    await expect.poll(async () => (await send("HEAD", paths[0]!)).status).toBe(404);
    await expect.poll(() => keptCount()).toBe(0);
    const path = await open();
    expect((await send("DELETE", path)).status).toBe(204);
  });

  it("is no business of other sites", async () => {
    const foreign = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
    expect((await begin(foreign)).status).toBe(403);
    expect((await begin()).headers["access-control-allow-origin"]).toBe(new URL(web.url).origin);
  });
});
