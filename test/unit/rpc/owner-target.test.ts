import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import type { OwnerApi, OwnerListener } from "../../../host/rpc/api.ts";
import { type FrameSession, openFrameSession, remoteAnswer } from "../../../host/rpc/frame-session.ts";
import { createOwnerTarget } from "../../../host/rpc/owner-target.ts";
import { createLinkPair } from "../../support/link-pair.ts";
import { createTestParts, type TestParts } from "../../support/web-host.ts";

type Remote = { [Name in keyof OwnerApi]: OwnerApi[Name] };

let parts: TestParts;
let near: FrameSession<undefined>;
let far: FrameSession<Remote>;

beforeEach(() => {
  parts = createTestParts();
  const [left, right] = createLinkPair();
  near = openFrameSession<undefined>({ link: left, target: createOwnerTarget(parts), log: silentLog });
  far = openFrameSession<Remote>({ link: right, log: silentLog });
});
afterEach(() => {
  near[Symbol.dispose]();
  far[Symbol.dispose]();
});

/** A listener that writes down what it hears. */
function listen(): { readonly heard: unknown[]; readonly listener: OwnerListener } {
  const heard: unknown[] = [];
  const listener: OwnerListener = {
    onEvent: (event) => void heard.push(event.topic),
    onReceipt: (receipt) => void heard.push(`${receipt.caller} ${receipt.method}`),
    onChange: (what) => void heard.push(what),
    onEnd: (reason) => void heard.push(reason),
  };
  return { heard, listener };
}

describe("the owner's interface", () => {
  it("tells the whole host's state", async () => {
    expect(await remoteAnswer(far.remote.status())).toMatchObject({
      twin: "did:key:z6MkTest",
      name: "Ada",
      peers: [],
      peerAddresses: [],
      vault: { margin: 2 },
      engine: { calls: 0 },
    });
  });

  it("calls with full authority and JSON results of every shape", async () => {
    for (const value of [null, true, 0.5, "ü", [], [[1], {}], { a: { b: [null] } }]) {
      const { result, receipt } = await remoteAnswer(far.remote.call("echo", "echo", value));
      expect(result).toEqual(value);
      expect(receipt.caller).toBe("owner");
    }
  });

  it("gives up what was called when its connection ends", async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    Object.assign(parts.engine, {
      call: (_: unknown, { signal }: { readonly signal: AbortSignal }) => {
        begun.resolve(signal);
        return new Promise(() => {});
      },
    });
    void remoteAnswer(far.remote.call("echo", "wait", null)).catch(() => undefined);
    const signal = await begun.promise;
    expect(signal.aborted).toBe(false);
    far[Symbol.dispose]();
    await near.ended;
    await expect.poll(() => signal.aborted).toBe(true);
  });

  it("answers a failed call with its code and details", async () => {
    await expect(remoteAnswer(far.remote.call("echo", "nothing", null))).rejects.toMatchObject({
      code: "TWIN_CALL_UNKNOWN",
    });
  });

  it("reports progress to the end", async () => {
    const reports: number[] = [];
    const report = await remoteAnswer(far.remote.scrub((done) => void reports.push(done)));
    expect(report.margin).toBe(2);
    expect(reports.at(-1)).toBe(3);
  });

  it("finishes its work when the progress listener throws", async () => {
    const report = remoteAnswer(
      far.remote.scrub(() => {
        throw new Error("no");
      }),
    );
    expect((await report).margin).toBe(2);
  });

  it("says what cannot be done without a network or a browser", async () => {
    const { remote } = far;
    for (const call of [remote.invite(), remote.accept("x"), remote.uploadTicket(), remote.openExperience("notes")])
      await expect(remoteAnswer(call)).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
  });

  it.each<[method: keyof OwnerApi, args: readonly unknown[]]>([
    ["grant", ["owner", "chat", ["post"], "why"]],
    ["grant", ["experience:", "chat", ["post"], "why"]],
    ["grant", ["experience:x", "chat", [], "why"]],
    ["grant", ["experience:x", "chat", ["post", "post"], "why"]],
    ["grant", ["experience:x", "chat", "post", "why"]],
    ["grant", ["experience:x", "chat", ["post"], ""]],
    ["revoke", [1]],
    ["receipts", [{ limit: 0 }]],
    ["receipts", [{ limit: 1e9 }]],
    ["receipts", ["all"]],
    ["receiptSums", [{ sinceDay: 20_260_101 }]],
    ["receiptSums", [{ sinceDay: "since the first of January" }]],
    ["subscribe", [-2, {}]],
    ["subscribe", [0.5, {}]],
    ["subscribe", [0, "listener"]],
    ["subscribe", [0, { onEvent: 5 }]],
    ["installCapability", ["AAAA"]],
    ["upgradeCapability", ["AAAA"]],
    ["upgradeCapability", [new Uint8Array(), { accept: ["everything"] }]],
    ["rollBackCapability", [""]],
    ["rollBackCapability", ["chat", { accept: "breaks" }]],
    ["capabilityFile", [""]],
    ["offerPackage", ["AAAA", ["contacts"]]],
    ["offerPackage", [new Uint8Array(), []]],
    ["offerPackage", [new Uint8Array(), "contacts"]],
    ["withdrawOffer", ["../../etc/passwd"]],
    ["offersOf", ["Ada"]],
    ["takePackage", ["did:key:z6MkTest", "0".repeat(64)]],
    ["setPackagePolicy", [{ reviewers: "ada", required: 0 }]],
    ["setPackagePolicy", [{ reviewers: [], required: -1 }]],
    ["setPackagePolicy", [{ reviewers: [] }]],
    ["setPackagePolicy", [{ reviewers: [], required: 0, refused: "did:key:z6MkTest" }]],
    ["setPackagePolicy", [{ reviewers: [], required: 0 }]],
    ["rollBackCapability", ["chat", { version: 1 }]],
    ["removeCapability", [""]],
    ["restoreCapability", [7]],
    ["accept", [{}]],
    ["statObject", ["not base58: 0OIl"]],
    ["statObject", ["nope"]],
    ["forgetBrowser", [null]],
    ["scrub", ["progress"]],
  ])("refuses %s(%j)", async (method, args) => {
    const call = Reflect.get(far.remote, method) as (...args: readonly unknown[]) => Promise<unknown> & Disposable;
    await expect(remoteAnswer(call(...args))).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    expect(parts.engine.listenerCount).toBe(0);
  });
});

describe("the owner's subscription", () => {
  it("tells events from the asked one on, receipts and changes", async () => {
    parts.engine.emit("chat", "first", {});
    parts.engine.emit("chat", "second", {});
    const { heard, listener } = listen();
    await far.remote.subscribe(1, listener);
    await expect.poll(() => heard).toEqual(["second"]);
    await far.remote.call("echo", "echo", null);
    await expect.poll(() => heard).toEqual(["second", "owner echo"]);
    await far.remote.grant("experience:notes", "echo", ["echo"], "why");
    await expect.poll(() => heard).toEqual(["second", "owner echo", "grants"]);
  });

  it("asks only for what its listener has", async () => {
    await far.remote.subscribe(0, { onChange: () => {} });
    expect(parts.engine.listenerCount).toBe(0);
    await far.remote.subscribe(0, { onReceipt: () => {} });
    expect(parts.engine.listenerCount).toBe(1);
  });

  it.each<[how: string, end: (subscription: Disposable & { end(): unknown }) => unknown]>([
    ["by its method", (subscription) => subscription.end()],
    ["by disposing its stub", (subscription) => subscription[Symbol.dispose]()],
    ["with its connection", () => far[Symbol.dispose]()],
    ["with the host's side", () => near[Symbol.dispose]()],
  ])("ends %s, and leaves nothing behind", async (_how, end) => {
    const { heard, listener } = listen();
    const subscription = await far.remote.subscribe(-1, listener);
    expect(parts.engine.listenerCount).toBe(2);
    end(subscription);
    await expect.poll(() => parts.engine.listenerCount).toBe(0);
    parts.engine.emit("chat", "late", {});
    parts.changes.announce("peers");
    expect(heard).toEqual([]);
  });

  it("ends with a reason when its listener throws", async () => {
    const { heard, listener } = listen();
    const failing: OwnerListener = {
      ...listener,
      onEvent: () => {
        throw new Error("mine");
      },
    };
    await far.remote.subscribe(-1, failing);
    parts.engine.emit("chat", "message", {});
    await expect.poll(() => heard).toMatchObject([{ code: "TWIN_ABORTED" }]);
    expect(parts.engine.listenerCount).toBe(0);
  });

  it("ends with a reason when receipts pile up before a listener that does not answer", async () => {
    const { heard, listener } = listen();
    await far.remote.subscribe(-1, {
      onReceipt: () => new Promise<void>(() => {}) as never,
      onEnd: (reason) => listener.onEnd?.(reason),
    });
    const payload = new Uint8Array([0x31]);
    const holder = { kind: "owner" } as const;
    for (let count = 0; count <= LIMITS.rpc.listenerQueueLength + LIMITS.rpc.deliveriesInFlight; count++)
      await parts.engine.call({ holder, capability: "echo", method: "echo", payload });
    await expect.poll(() => heard).toMatchObject([{ code: "TWIN_LIMIT_EXCEEDED" }]);
  });

  it("hears a repeated change once when it is behind", async () => {
    const heard: string[] = [];
    const first = Promise.withResolvers<void>();
    await far.remote.subscribe(-1, {
      onChange: (what) => {
        heard.push(what);
        return first.promise as never;
      },
    });
    for (let count = 0; count < 100; count++) parts.changes.announce("peers");
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    for (let count = 0; count < 100; count++) parts.changes.announce("peers");
    first.resolve();
    await expect.poll(() => heard).toEqual(["peers", "peers"]);
  });

  it("is one of a bounded number on a connection", async () => {
    const subscriptions = [];
    for (let count = 0; count < LIMITS.rpc.subscriptionCount; count++)
      subscriptions.push(await far.remote.subscribe(-1, {}));
    await expect(remoteAnswer(far.remote.subscribe(-1, {}))).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    subscriptions[0]![Symbol.dispose]();
    await expect
      .poll(
        async () =>
          await far.remote.subscribe(-1, {}).then(
            () => true,
            () => false,
          ),
      )
      .toBe(true);
  });
});
