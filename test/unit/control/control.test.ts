import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { concatBytes } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { silentLog } from "../../../host/base/log.ts";
import { systemRandom } from "../../../host/base/random.ts";
import { connectControl, type ControlConnection } from "../../../host/control/control-client.ts";
import { openControlServer } from "../../../host/control/control-server.ts";
import { encodeFrame, FrameSplitter } from "../../../host/control/frame-splitter.ts";
import { createControlTarget } from "../../../host/rpc/control-target.ts";
import type { PhonebookPart, StoresPart } from "../../../host/rpc/owner-parts.ts";
import type { ObjectInfo } from "../../../host/vault/object.ts";
import { createTestParts, type TestParts } from "../../support/web-host.ts";
import { putBytes } from "../../support/test-vault.ts";

let folder: string;
let parts: TestParts;
const stack: AsyncDisposable[] = [];
const told: string[] = [];

/** Remembers what it was told, in words. */
/** Says what it was asked. */
function createFakePhonebook(): PhonebookPart {
  const cost = { chain: "TFChain", account: "5Account", balance: "1.0000000", fee: "0.0000001" };
  return {
    status: async () => ({ account: cost.account, path: "/.well-known/twin-record/z6Mk" }),
    find: async () => undefined,
    plan: async (request) => ({ ...cost, steps: [{ call: JSON.stringify(request), fee: cost.fee }] }),
    announce: async (_, onProgress) => onProgress(1, 1),
    ownRecord: async () => Uint8Array.of(1, 2, 3),
    servedRecord: async () => undefined,
  };
}

function createFakeStores(): StoresPart {
  return {
    list: async () => [],
    add: async ({ name, location, domain }) => void told.push(`add ${name} ${location} ${domain}`),
    drain: async (name, { onProgress }) => {
      onProgress?.(1, 2);
      told.push(`drain ${name}`);
      return { moved: 2, left: 0 };
    },
    keep: async (name) => void told.push(`keep ${name}`),
    setQuota: async (bytes) => void told.push(`quota ${bytes}`),
    remove: async (name, { lost }) => void told.push(`remove ${name} ${lost}`),
  };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "control-"));
  parts = createTestParts();
});
afterEach(async () => {
  for (const item of stack.splice(0).toReversed()) await item[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function serve(at = folder): Promise<{ readonly path: string; readonly released: () => number }> {
  let released = 0;
  const control = {
    ...parts,
    random: systemRandom,
    log: silentLog,
    loginLink: async () => "http://localhost/#login=x",
    stores: createFakeStores(),
    holder: { lend: async () => {}, lent: async () => [] },
    phonebook: createFakePhonebook(),
    exportTo: async (): Promise<never> => {
      throw new TwinError("TWIN_INPUT_INVALID", "This folder cannot be written.");
    },
  };
  const server = await openControlServer({
    folder: at,
    log: silentLog,
    serve: () => ({ target: createControlTarget(control), release: () => released++ }),
  });
  stack.push(server);
  return { path: server.path, released: () => released };
}

async function open(at = folder): Promise<ControlConnection> {
  const connection = await connectControl(at);
  if (connection === undefined) throw new Error("Nobody answers.");
  stack.push(connection);
  return connection;
}

describe("the local socket", () => {
  it("reaches the running host, errors with their codes included", async () => {
    await serve();
    const { control } = await open();
    expect((await control.status()).name).toBe("Ada");
    expect(await control.loginLink()).toContain("#login=");
    expect(await control.call("echo", "echo", { a: [1] })).toMatchObject({ result: { a: [1] } });
    await expect(control.call("echo", "nothing", null)).rejects.toThrow(TwinError);
    await expect(control.call("echo", "nothing", null)).rejects.toMatchObject({ code: "TWIN_CALL_UNKNOWN" });
  });

  it("is not there when no host runs, or when one was killed", async () => {
    expect(await connectControl(folder)).toBeUndefined();
    await writeFile(join(folder, "control.sock"), "");
    expect(await connectControl(folder)).toBeUndefined();
    await serve();
    expect((await (await open()).control.status()).name).toBe("Ada");
  });

  it("takes announcements of one form only", async () => {
    await serve();
    const { control } = await open();
    const terms = { link: "https://x/terms", hash: "abc" };
    const { steps } = await control.planAnnouncement({ relay: "twin.example.org", terms, more: 1 } as never);
    expect(steps[0]?.call).toBe(JSON.stringify({ relay: "twin.example.org", terms }));
    const heard: unknown[] = [];
    await control.announce({ relay: null }, (...progress) => void heard.push(progress));
    expect(heard).toEqual([[1, 1]]);
    expect([...(await control.ownRecord())]).toEqual([1, 2, 3]);
    for (const request of [undefined, {}, { relay: "" }, { relay: 1 }, { relay: "a.b", terms: {} }, "a.b"])
      await expect(control.planAnnouncement(request as never)).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    await expect(control.findTwin("did:key:z6MkNobody")).rejects.toMatchObject({ code: "TWIN_ID_INVALID" });
  });

  it("can be opened by its user alone", async () => {
    const { path } = await serve();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("is one for each folder", async () => {
    await serve();
    await expect(serve()).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
    expect((await (await open()).control.status()).name).toBe("Ada");
  });

  it("stands elsewhere when the folder's path is too long, in a folder of its user alone, and is found and removed", async () => {
    const deep = join(folder, "d".repeat(120));
    await mkdir(deep);
    const { path } = await serve(deep);
    expect(path.length).toBeLessThan(108);
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    expect(await readFile(join(deep, "control.path"), "utf8")).toBe(path);
    expect((await (await open(deep)).control.status()).name).toBe("Ada");
    for (const item of stack.splice(0).toReversed()) await item[Symbol.asyncDispose]();
    expect(await readdir(deep)).toEqual([]);
    await expect(stat(dirname(path))).rejects.toThrow(/ENOENT/);
  });

  it("does not follow a planted path to remove what is not its own", async () => {
    const victim = join(folder, "victim");
    await mkdir(victim);
    await writeFile(join(folder, "control.path"), join(victim, "control.sock"));
    await serve();
    expect(await readdir(folder)).toEqual(expect.arrayContaining(["victim", "control.sock"]));
  });

  it("releases what a connection held when it ends, whoever ends it", async () => {
    const { released } = await serve();
    const connection = await open();
    await connection.control.subscribe(-1, { onEvent: () => {} });
    expect(parts.engine.listenerCount).toBe(1);
    await connection[Symbol.asyncDispose]();
    await expect.poll(released).toBe(1);
    expect(parts.engine.listenerCount).toBe(0);
  });

  it("tells a waiting client when the host goes away", async () => {
    await serve();
    const { control } = await open();
    const gate = Promise.withResolvers<never>();
    parts.experiences.list = () => gate.promise;
    const failed = control.experiences().catch((reason: unknown) => reason);
    await stack.shift()![Symbol.asyncDispose]();
    expect(await failed).toBeInstanceOf(TwinError);
  });

  it.each<[what: string, bytes: Uint8Array]>([
    ["a length above the limit", Uint8Array.of(255, 255, 255, 255)],
    ["a frame of garbage", encodeFrame(Uint8Array.of(1, 2, 3))],
    ["half a frame", encodeFrame(new Uint8Array(100)).subarray(0, 50)],
    ["nothing", new Uint8Array()],
  ])("survives a client that sends %s", async (_what, bytes) => {
    const { path, released } = await serve();
    const socket = connect(path);
    await once(socket, "connect");
    socket.end(bytes);
    socket.resume();
    await once(socket, "close");
    await expect.poll(released).toBe(1);
    expect((await (await open()).control.status()).name).toBe("Ada");
  });

  it("takes a capability's file of the largest size in one message", async () => {
    await serve();
    const { control } = await open();
    let installed = 0;
    parts.engine.install = async (bytes) => {
      installed = bytes.length;
      return { name: "big" } as never;
    };
    await control.installCapability(new Uint8Array(LIMITS.sandbox.moduleSizeBytes));
    expect(installed).toBe(LIMITS.sandbox.moduleSizeBytes);
  });

  it("is not mistaken for another program's socket that answers nothing", async () => {
    const server = createServer().listen(join(folder, "control.sock"));
    await once(server, "listening");
    await expect(serve()).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
    server.close();
  });
});

async function* readAndFail(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(10);
  throw new TwinError("TWIN_OBJECT_LOST", "Three stores are gone.");
}

describe("files through the local socket", () => {
  it("go into the vault and come back, with progress", async () => {
    await serve();
    const { control } = await open();
    const source = join(folder, "Über uns.TXT");
    await writeFile(source, "x".repeat(300_000));
    const reports: number[] = [];
    const info = await control.putFile(source, (done) => void reports.push(done));
    expect(info).toMatchObject({ name: "Über uns.TXT", type: "text/plain", sizeBytes: 300_000 });
    expect(reports.at(-1)).toBe(300_000);
    const target = join(folder, "out.txt");
    await writeFile(target, "old");
    expect(await control.getFile(info.id, target, () => {})).toEqual(info);
    expect(await readFile(target, "utf8")).toBe("x".repeat(300_000));
    expect((await readdir(folder)).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("go many at a time as a folder, and are told of on the way", async () => {
    await serve();
    const { control } = await open();
    await mkdir(join(folder, "letters"));
    for (const name of ["a", "b", "c"]) await writeFile(join(folder, "letters", name), name);
    const names: string[] = [];
    const onStored = (objects: readonly ObjectInfo[]): void => void names.push(...objects.map(({ name }) => name));
    expect(await control.putFolder(join(folder, "letters"), onStored)).toMatchObject({ objectCount: 3, sizeBytes: 3 });
    expect(names).toEqual(["letters/a", "letters/b", "letters/c"]);
  });

  it("leave the old file when the object is lost on the way, and no piece of the new one", async () => {
    await serve();
    const { control } = await open();
    const target = join(folder, "out.bin");
    await writeFile(target, "old");
    const info = await putBytes(parts.vault, new Uint8Array(100));
    parts.vault.read = readAndFail;
    await expect(control.getFile(info.id, target)).rejects.toMatchObject({ code: "TWIN_OBJECT_LOST" });
    expect(await readFile(target, "utf8")).toBe("old");
    expect(await readdir(folder)).not.toContainEqual(expect.stringContaining(".part"));
  });

  it("are named by absolute paths of what is there", async () => {
    await serve();
    const { control } = await open();
    const { id } = await putBytes(parts.vault, new Uint8Array(1));
    for (const call of [
      () => control.putFile("relative.txt"),
      () => control.putFile(folder),
      () => control.putFolder("relative"),
      () => control.putFolder(join(folder, "nothing")),
      () => control.putFolder(folder, 7 as unknown as () => void),
      () => control.putFile(join(folder, "nothing")),
      () => control.putFile(`${folder}/a\0b`),
      () => control.getFile(id, "relative.txt"),
      () => control.getFile(id, join(folder, "no/such/folder/x")),
      () => control.getFile("0", join(folder, "x")),
      () => control.installExperienceFolder("here"),
    ])
      await expect(call()).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    await expect(control.getFile("8".repeat(43), join(folder, "x"))).rejects.toMatchObject({
      code: "TWIN_OBJECT_UNKNOWN",
    });
  });
});

describe("stores over the local socket", () => {
  it("are added, drained, kept and removed by checked names, with progress", async () => {
    await serve();
    const { control } = await open();
    told.length = 0;
    const steps: [number, number | undefined][] = [];
    await control.addStore({ name: "usb", location: "/mnt/usb" });
    expect(await control.drainStore("usb", (done, total) => void steps.push([done, total]))).toEqual({
      moved: 2,
      left: 0,
    });
    await control.keepStore("usb");
    await control.removeStore("usb", { lost: true });
    expect(told).toEqual(["add usb /mnt/usb undefined", "drain usb", "keep usb", "remove usb true"]);
    expect(steps).toEqual([[1, 2]]);
    for (const call of [
      () => control.addStore({ name: "", location: "/x" }),
      () => control.addStore({ name: "x", location: 7 as unknown as string }),
      () => control.drainStore("x".repeat(99)),
    ])
      await expect(call()).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  });
});

describe("a frame splitter", () => {
  it("gives the frames that were put in, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 })),
        fc.array(fc.integer({ min: 1, max: 20 })),
        (frames, cuts) => {
          const stream = concatBytes(...frames.map(encodeFrame));
          const splitter = new FrameSplitter(50);
          const out: Uint8Array[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = cuts[turn % Math.max(1, cuts.length)] ?? stream.length;
            splitter.push(stream.subarray(at, at + size));
            at += size;
            for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) out.push(frame);
          }
          expect(out.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]));
        },
      ),
    );
  });

  it("refuses a frame by its length, before its bytes are there", () => {
    const splitter = new FrameSplitter(50);
    splitter.push(Uint8Array.of(51, 0, 0, 0));
    expect(() => splitter.next()).toThrow(TwinError);
  });
});
