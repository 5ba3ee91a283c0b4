import { RpcTarget } from "capnweb";
import { afterEach, describe, expect, test } from "vitest";
import { jsonDecode, jsonEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { type Log, silentLog } from "../../../host/base/log.ts";
import { type FrameSession, openFrameSession, remoteAnswer } from "../../../host/rpc/frame-session.ts";
import { createLinkPair, type TestLink } from "../../support/link-pair.ts";

interface DeskApi {
  echo(value: unknown): Promise<unknown>;
  fail(): Promise<void>;
  crash(): Promise<void>;
  large(size: number): Promise<string>;
  hold(): Promise<number>;
  notify(listener: (value: number) => void): Promise<void>;
}

class Desk extends RpcTarget implements DeskApi {
  readonly gates: (() => void)[] = [];
  #running = 0;
  peak = 0;

  get secret(): string {
    return "a getter of the prototype";
  }

  async echo(value: unknown): Promise<unknown> {
    return value;
  }
  async fail(): Promise<void> {
    throw new TwinError("TWIN_CALL_DENIED", "Not yours.", { capability: "chat" }, new Error("inner secret"));
  }
  async crash(): Promise<void> {
    throw new Error("password 1234 in /home/someone");
  }
  async large(size: number): Promise<string> {
    return "x".repeat(size);
  }
  async hold(): Promise<number> {
    this.peak = Math.max(this.peak, ++this.#running);
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return this.#running--;
  }
  async notify(listener: (value: number) => void): Promise<void> {
    listener(1);
  }
}

const opened: Disposable[] = [];
afterEach(() => {
  for (const session of opened.splice(0)) session[Symbol.dispose]();
});

function serve(options: { callsInFlight?: number; frameSizeBytes?: number; log?: Log } = {}): {
  desk: Desk;
  link: TestLink;
  session: FrameSession<never>;
} {
  const [near, far] = createLinkPair();
  const desk = new Desk();
  const session = openFrameSession<never>({ link: near, target: desk, log: silentLog, ...options });
  opened.push(session);
  return { desk, link: far, session };
}

function connect(
  options: Parameters<typeof serve>[0] = {},
): FrameSession<DeskApi> & { desk: Desk; far: FrameSession<never> } {
  const { desk, link, session: far } = serve(options);
  const near = openFrameSession<DeskApi>({ link, log: silentLog });
  opened.push(near);
  return { ...near, desk, far };
}

describe("frame session", () => {
  test("calls methods and carries JSON, bytes and functions", async () => {
    const { remote } = connect();
    const value = { text: "ä", list: [1, null, true, [2]], bytes: Uint8Array.of(0, 255) };
    expect(await remoteAnswer(remote.echo(value))).toMatchObject({ ...value, bytes: expect.any(Uint8Array) });
    const heard = Promise.withResolvers<number>();
    await remoteAnswer(remote.notify((seen) => heard.resolve(seen)));
    expect(await heard.promise).toBe(1);
  });

  test("carries a TwinError whole, and of other errors nothing", async () => {
    const logged: unknown[] = [];
    const { remote } = connect({ log: { ...silentLog, error: (fields) => logged.push(fields) } });
    const denied: unknown = await remoteAnswer(remote.fail()).catch((error: unknown) => error);
    expect(denied).toBeInstanceOf(TwinError);
    expect(denied).toMatchObject({ code: "TWIN_CALL_DENIED", message: "Not yours.", details: { capability: "chat" } });
    expect(denied).not.toHaveProperty("cause");
    const crash: unknown = await remoteAnswer(remote.crash()).catch((error: unknown) => error);
    expect(crash).toMatchObject({ code: "TWIN_HOST_INTERNAL" });
    expect(JSON.stringify(crash) + String(crash)).not.toMatch(/1234|home/u);
    expect(logged).toHaveLength(1);
  });

  test("sends no stack and no path of this machine", async () => {
    const { link } = serve();
    await send(link, ["push", ["pipeline", 0, ["fail"], []]], ["pull", 1]);
    const reply = jsonDecode(await link.receive());
    expect(reply).toEqual([
      "reject",
      1,
      ["error", "Error", "Not yours.", null, { code: "TWIN_CALL_DENIED", details: { capability: "chat" } }],
    ]);
  });

  test("offers methods only: no getters, no fields, no constructor, no prototype", async () => {
    const { link } = serve();
    for (const [index, name] of ["secret", "gates", "constructor", "__proto__", "peak", "toString", "nope"].entries()) {
      await send(link, ["push", ["pipeline", 0, [name]]], ["pull", index + 1]);
      const reply = jsonDecode(await link.receive()) as unknown[];
      expect(
        reply[0] === "reject" || JSON.stringify(reply[2]) === '["undefined"]',
        `${name}: ${JSON.stringify(reply)}`,
      ).toBe(true);
    }
  });

  test("lets frames wait while its calls are in flight, and loses none", async () => {
    const { remote, desk } = connect({ callsInFlight: 3 });
    const answers = Promise.all(Array.from({ length: 20 }, () => remoteAnswer(remote.hold())));
    for (let settled = 0; settled < 20;) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(desk.gates.length).toBeLessThanOrEqual(3);
      const open = desk.gates.shift();
      if (open === undefined) continue;
      open();
      settled++;
    }
    expect(await answers).toHaveLength(20);
    expect(desk.peak).toBe(3);
  });

  test("refuses calls above the bound that one frame smuggles in", async () => {
    const { link, desk } = serve({ callsInFlight: 3 });
    const nested = Array.from({ length: 50 }, () => ["pipeline", 0, ["hold"], []]);
    await send(link, ["push", ["pipeline", 0, ["echo"], [[nested]]]], ["pull", 1]);
    while (desk.gates.length < 3) await new Promise((resolve) => setImmediate(resolve));
    for (const open of desk.gates) open();
    expect(jsonDecode(await link.receive())).toMatchObject([
      "reject",
      1,
      ["error", "Error", expect.any(String), null, { code: "TWIN_CALL_QUEUE" }],
    ]);
    expect(desk.peak).toBeLessThanOrEqual(3);
  });

  test("answers an error when a result is above the frame size, and lives on", async () => {
    const { remote } = connect({ frameSizeBytes: 10_000 });
    await expect(remoteAnswer(remote.large(20_000))).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    expect(await remoteAnswer(remote.large(5_000))).toHaveLength(5_000);
  });

  test.each([
    ["not JSON", utf8Encode("nope")],
    ["not UTF-8", Uint8Array.of(0x5b, 0xff, 0x5d)],
    ["empty", new Uint8Array()],
    ["not an array", jsonEncode({})],
    ["an unknown kind", jsonEncode(["explode"])],
    ["a pipe", jsonEncode(["pipe"])],
    ["a stream", jsonEncode(["stream", ["pipeline", 0, ["echo"], []]])],
    ["a pushed literal", jsonEncode(["push", "x".repeat(100)])],
    ["a pull of nothing", jsonEncode(["pull", 99])],
    ["a release below zero", jsonEncode(["release", 0, 5])],
    ["an export that is not there", jsonEncode(["push", ["pipeline", 77, ["echo"], []]])],
    ["deep nesting", jsonEncode(["push", ["pipeline", 0, ["echo"], nest(500)]])],
    ["an oversized frame", new Uint8Array(LIMITS.rpc.frameSizeBytes + 1).fill(0x20)],
  ])("ends the session, and nothing else, on a frame with %s", async (_, frame) => {
    const { link, session } = serve();
    await link.send(frame);
    expect(await session.ended).toBeInstanceOf(TwinError);
    expect(await link.closed).toBeInstanceOf(TwinError);
    const { remote } = connect();
    expect(await remoteAnswer(remote.echo(1))).toBe(1);
  });

  test("ends the session of a client that never releases its answers", async () => {
    const { link, session } = serve();
    for (let id = 1; id <= LIMITS.rpc.answersHeld + 1; id++)
      await send(link, ["push", ["pipeline", 0, ["echo"], [id]]]);
    expect(await session.ended).toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
  });

  test("forgets what well-behaved clients release", async () => {
    const { remote } = connect();
    for (let round = 0; round < 9; round++)
      await Promise.all(Array.from({ length: 500 }, (__, index) => remoteAnswer(remote.echo(index))));
    expect(await remoteAnswer(remote.echo("alive"))).toBe("alive");
  });

  test("stops reading from a client that does not read", async () => {
    const [near] = createLinkPair();
    const frames = Array.from({ length: 40 }, (__, index) => [
      jsonEncode(["push", ["pipeline", 0, ["large"], [4_000_000]]]),
      jsonEncode(["pull", index + 1]),
      jsonEncode(["release", index + 1, 1]),
    ]).flat();
    let read = 0;
    const session = openFrameSession({
      link: {
        ...near,
        send: () => new Promise<void>(() => {}),
        receive: () => (read < frames.length ? Promise.resolve(frames[read++]!) : near.receive()),
      },
      target: new Desk(),
      log: silentLog,
    });
    opened.push(session);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(read).toBeLessThan(9);
  });

  test("rejects calls in flight when the link ends", async () => {
    const { link } = serve();
    const { remote, ended } = openFrameSession<DeskApi>({ link, log: silentLog });
    const call = remoteAnswer(remote.hold());
    link.close(new TwinError("TWIN_PEER_OFFLINE", "Gone."));
    await expect(call).rejects.toMatchObject({ code: "TWIN_PEER_OFFLINE" });
    expect(await ended).toMatchObject({ code: "TWIN_PEER_OFFLINE" });
    await expect(remoteAnswer(remote.echo(1))).rejects.toBeInstanceOf(TwinError);
  });

  test("stops waiting at a deadline or an abort", async () => {
    const { remote } = connect();
    await expect(remoteAnswer(remote.hold(), { signal: AbortSignal.timeout(5) })).rejects.toMatchObject({
      code: "TWIN_TIMEOUT",
    });
    await expect(remoteAnswer(remote.hold(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "TWIN_ABORTED",
    });
    expect(await remoteAnswer(remote.echo(1))).toBe(1);
  });
});

async function send(link: TestLink, ...messages: unknown[]): Promise<void> {
  for (const message of messages) await link.send(jsonEncode(message));
}

function nest(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = { value };
  return [value];
}
