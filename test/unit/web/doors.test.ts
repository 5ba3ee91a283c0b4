import { RpcTarget } from "capnweb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import type { OpenedExperience } from "../../../host/rpc/api.ts";
import { openSilentSocket } from "../../support/silent-socket.ts";
import { ask } from "../../support/http-request.ts";
import {
  type BrowserKey,
  closeOf,
  logIn,
  openDoor,
  openOwner,
  openProven,
  openSocket,
  openTestWeb,
  signChallenge,
} from "../../support/web-host.ts";

let web: Awaited<ReturnType<typeof openTestWeb>>;
let key: BrowserKey;
let owner: Awaited<ReturnType<typeof openOwner>>["owner"];
let socket: WebSocket;
let opened: OpenedExperience;

beforeEach(async () => {
  web = await openTestWeb();
  key = await logIn(web);
  ({ owner, socket } = await openOwner(web, key));
  opened = await owner.openExperience("notes");
  await owner.grant("experience:notes", "echo", ["echo"], "to try");
});
afterEach(() => web[Symbol.asyncDispose]());

/** Calls by hand, past what capnweb's client lets a page name. Returns the answering message. */
async function callRaw(doorPath: string, path: readonly string[], args: readonly unknown[]): Promise<unknown> {
  const raw = await openProven(web, key, doorPath);
  const answered = new Promise<string>((resolve) => (raw.onmessage = ({ data }) => resolve(data as string)));
  raw.send(JSON.stringify(["push", ["pipeline", 0, path, args.map((arg) => (Array.isArray(arg) ? [arg] : arg))]]));
  raw.send(JSON.stringify(["pull", 1]));
  return JSON.parse(await answered);
}

describe("a door", () => {
  it("calls what its experience was granted, and tells what that is", async () => {
    const { door } = await openDoor(web, key, opened.doorPath);
    const { result, receipt } = await door.call("echo", "echo", { text: "hello" });
    expect(result).toEqual({ text: "hello" });
    expect(receipt.caller).toBe("experience:notes");
    expect(await door.about()).toEqual({ experience: "notes", granted: [{ capability: "echo", methods: ["echo"] }] });
  });

  it("loses a revoked grant at once, events included", async () => {
    const { door } = await openDoor(web, key, opened.doorPath);
    const seen: string[] = [];
    await door.subscribe(0, (event) => void seen.push(event.topic));
    web.parts.engine.emit("echo", "before", {});
    web.parts.engine.emit("other", "not granted", {});
    await expect.poll(() => seen).toEqual(["before"]);
    const [grant] = await owner.grants();
    await owner.revoke(grant!.id);
    web.parts.engine.emit("echo", "after", {});
    await expect(door.call("echo", "echo", {})).rejects.toMatchObject({ code: "TWIN_CALL_DENIED" });
    expect(await door.about()).toEqual({ experience: "notes", granted: [] });
    await owner.grant("experience:notes", "echo", ["echo"], "again");
    web.parts.engine.emit("echo", "again", {});
    await expect.poll(() => seen).toEqual(["before", "again"]);
  });

  it("misses no event and repeats none over connections that break, when each goes on after the last one seen", async () => {
    const seen: number[] = [];
    let [emitted, last] = [0, 0];
    const emit = (count: number): void => {
      for (let left = count; left > 0; left--) web.parts.engine.emit("echo", `event ${++emitted}`, {});
    };
    for (let connection = 0; connection < 6; connection++) {
      emit(connection * 30);
      const { door, socket } = await openDoor(web, key, opened.doorPath);
      const subscribed = door.subscribe(last, ({ sequence }) => {
        seen.push(sequence);
        last = sequence;
      });
      emit(5);
      await subscribed;
      emit(40);
      // Cut while events are on their way: what the page has not seen counts as not seen.
      await expect.poll(() => last).toBeGreaterThanOrEqual(emitted - 40);
      const closed = closeOf(socket);
      socket.close();
      await closed;
    }
    const { door } = await openDoor(web, key, opened.doorPath);
    await door.subscribe(last, ({ sequence }) => void seen.push(sequence));
    await expect.poll(() => seen.length).toBe(emitted);
    expect(seen).toEqual(Array.from({ length: emitted }, (_, index) => index + 1));
  });

  it.each([
    "status",
    "grant",
    "grants",
    "invite",
    "uploadTicket",
    "installCapability",
    "upgradeCapability",
    "rollBackCapability",
    "restoreCapability",
    "openExperience",
    "constructor",
    "__proto__",
    "prototype",
    "toString",
    "valueOf",
    "hasOwnProperty",
    "dispose",
    "end",
    "parts",
    "engine",
    "#parts",
    "then",
  ])("has no method %s", async (name) => {
    const answer = await callRaw(opened.doorPath, [name], ["experience:notes", "chat", ["post"], "x"]);
    expect(answer).toMatchObject({ 0: "reject", 1: 1 });
    expect(await owner.grants()).toHaveLength(1);
  });

  it.each([
    [["call", "constructor"]],
    [["call", "bind"]],
    [["call", "call"]],
    [["about", "prototype"]],
    [["subscribe", "apply"]],
    [["__proto__", "call"]],
    [[]],
  ])("cannot be walked along %j", async (path) => {
    const answer = await callRaw(opened.doorPath, path, ["return process"]);
    expect(answer).toMatchObject({ 0: "reject", 1: 1 });
    expect(JSON.stringify(answer)).not.toMatch(/node_modules|host\/| at /);
  });

  it("is one at a time, and can be opened again when it has ended", async () => {
    const first = await openDoor(web, key, opened.doorPath);
    expect(await openSocket(web, key, opened.doorPath)).toMatchObject({ code: 4404 });
    const closed = closeOf(first.socket);
    first.socket.close();
    await closed;
    await expect.poll(() => openSocket(web, key, opened.doorPath)).toHaveProperty("socket");
  });

  it("is not there for a token that is not open", async () => {
    for (const token of ["a".repeat(26), "__proto__", "..%2Frpc"])
      expect(await openSocket(web, key, `/door/${token}`)).toMatchObject({ code: expect.any(Number) as number });
    expect(await openSocket(web, key, `/door/${"a".repeat(26)}`)).toMatchObject({ code: 4404 });
  });

  it("needs the challenge as the owner's socket does", async () => {
    expect(await openSocket(web, key, opened.doorPath, { origin: "null" })).toMatchObject({ code: 1006 });
    expect(await openSocket(web, key, opened.doorPath, { signedPath: "/rpc" })).toMatchObject({ code: 4401 });
  });
});

/** What the experience's origin and its wrapper answer now. */
async function reach(): Promise<number[]> {
  const host = `notes--${opened.token}.localhost:${web.port}`;
  const script = await ask({ port: web.port, path: "/app.js", host });
  const wrapper = await ask({ port: web.port, path: opened.wrapperPath });
  return [script.status, wrapper.status];
}

describe("closing an experience", () => {
  it("ends its door, its wrapper and its origin", async () => {
    const door = await openDoor(web, key, opened.doorPath);
    expect(await reach()).toEqual([200, 200]);
    const closed = closeOf(door.socket);
    await owner.closeExperience(opened.token);
    expect(await closed).toBe(4404);
    expect(await reach()).toEqual([404, 404]);
    await owner.closeExperience(opened.token);
  });

  it("happens when the socket that opened it ends", async () => {
    const door = await openDoor(web, key, opened.doorPath);
    const closed = closeOf(door.socket);
    socket.close();
    expect(await closed).toBe(4404);
    expect(await reach()).toEqual([404, 404]);
  });

  it("is not for another window of the owner", async () => {
    const other = await openOwner(web, key);
    await other.owner.closeExperience(opened.token);
    expect(await reach()).toEqual([200, 200]);
  });

  it("happens when the browser does not answer a ping", async () => {
    using silent = await openSilentSocket(web.port, "/rpc", web.url);
    const { challenge } = JSON.parse(await silent.next()) as { challenge: string };
    silent.send(JSON.stringify(await signChallenge(web, key, { path: "/rpc", nonce: challenge })));
    expect(await silent.next()).toContain("welcome");
    silent.send('["push",["pipeline",0,["openExperience"],["notes"]]]');
    silent.send('["pull",1]');
    [, , opened] = JSON.parse(await silent.next()) as [string, number, OpenedExperience];
    expect(await reach()).toEqual([200, 200]);
    web.parts.clock.advance(LIMITS.web.pingIntervalMs);
    await silent.untilCut();
    await expect.poll(() => reach()).toEqual([404, 404]);
  });

  it("does not happen to a browser that answers pings", async () => {
    for (let interval = 0; interval < 5; interval++) {
      web.parts.clock.advance(LIMITS.web.pingIntervalMs);
      // A round trip behind the ping: its answer has come.
      await owner.status();
    }
    expect(await reach()).toEqual([200, 200]);
  });
});

describe("opening experiences", () => {
  it("gives each an origin of its own, also twice the same", async () => {
    const again = await owner.openExperience("notes");
    expect(again.token).toMatch(/^[a-z2-7]{26}$/);
    expect(again.token).not.toBe(opened.token);
  });

  it("is bounded, and room comes back", async () => {
    const tokens = [];
    for (let count = 1; count < LIMITS.web.openExperienceCount; count++)
      tokens.push((await owner.openExperience("other")).token);
    await expect(owner.openExperience("other")).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    await owner.closeExperience(tokens[0]!);
    expect(await owner.openExperience("other")).toHaveProperty("token");
  });

  it("refuses what is not installed", async () => {
    await expect(owner.openExperience("nobody")).rejects.toMatchObject({ code: "TWIN_EXPERIENCE_UNKNOWN" });
  });

  it("takes the grants of a removed experience away", async () => {
    await owner.removeExperience("notes");
    expect(await owner.grants()).toEqual([]);
  });
});

describe("hostile frames on a door", () => {
  it.each<[what: string, frame: string | Uint8Array<ArrayBuffer>]>([
    ["no JSON", "{{{"],
    ["no array", '"push"'],
    ["an unknown kind", '["explode"]'],
    ["a stream", '["stream",["pipeline",0,["call"],[]]]'],
    ["a pipe", '["pipe"]'],
    ["a release of nothing", '["release",5,1]'],
    ["a pull of nothing", '["pull",99]'],
    ["deep nesting", `["push",["pipeline",0,["call"],${"[".repeat(5_000)}${"]".repeat(5_000)}]]`],
    ["deep nesting of objects", `["push",["pipeline",0,["call"],${'[{"a":'.repeat(2_000)}1${"}]".repeat(2_000)}]]`],
    ["bytes", new Uint8Array([0, 1, 2])],
    ["a message above the limit", "x".repeat(LIMITS.rpc.frameSizeBytes + 1)],
  ])("end that door by %s, and nobody else", async (_what, frame) => {
    const door = await openProven(web, key, opened.doorPath);
    const closed = closeOf(door);
    door.send(frame);
    expect([1009, 4400]).toContain(await closed);
    expect((await owner.status()).name).toBe("Ada");
  });

  it("meet checks, not the engine, when arguments are odd", async () => {
    const { door } = await openDoor(web, key, opened.doorPath);
    const call = door.call as unknown as (...args: unknown[]) => Promise<unknown>;
    class Odd extends RpcTarget {}
    let deep: unknown = 1;
    for (let depth = 0; depth <= LIMITS.rpc.jsonDepth; depth++) deep = [deep];
    for (const args of [
      [],
      [1, "echo", {}],
      ["echo", "", {}],
      ["echo", "x".repeat(65), {}],
      ["echo", "echo", new Date(0)],
      ["echo", "echo", { a: new Uint8Array(1) }],
      ["echo", "echo", { a: () => 1 }],
      ["echo", "echo", new Odd()],
      ["echo", "echo", { a: undefined }],
      ["echo", "echo", { a: 1n }],
      ["echo", "echo", deep],
      ["echo", "echo", {}, { callId: "" }],
      ["echo", "echo", {}, { fuel: -1 }],
      ["echo", "echo", {}, { timeoutMs: 1e9 }],
      ["echo", "echo", {}, "now"],
    ])
      await expect((async () => await call(...args))()).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    expect(web.parts.engine.calls).toBe(0);
    const large = { text: "x".repeat(LIMITS.engine.payloadSizeBytes) };
    await expect((async () => await call("echo", "echo", large))()).rejects.toMatchObject({
      code: "TWIN_LIMIT_EXCEEDED",
    });
  });
});
