import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../host/base/clock.ts";
import { readRegistryLogin } from "../../../host/packages/oci-login.ts";
import { parseOciReference } from "../../../host/packages/oci-reference.ts";
import { pullPackage, pushPackage } from "../../../host/packages/oci-registry.ts";
import { PACKAGE_SIZE_MAX, readPackage, reviewPackage } from "../../../host/packages/package-file.ts";
import { openTestRegistry, type TestRegistry } from "../../support/oci-registry.ts";
import { probePackage } from "../../support/probe-package.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";
import { testIdentity } from "../../support/test-identity.ts";

const file = reviewPackage(probePackage(), { reviewer: testIdentity(61), kernels });
const pack = readPackage(file, kernels);
const failed = expect.objectContaining({ code: "TWIN_REGISTRY_FAILED" });

describe("a reference", () => {
  it.each([
    ["oci://ghcr.io/ada/guestbook:1.0.0", "ghcr.io", "ada/guestbook", "1.0.0"],
    ["oci://127.0.0.1:5000/x", "127.0.0.1:5000", "x", undefined],
    ["oci://[::1]:5000/a/b_c/d__e-f.g:v1", "[::1]:5000", "a/b_c/d__e-f.g", "v1"],
    [`oci://r.example/x@sha256:${"a".repeat(64)}`, "r.example", "x", `sha256:${"a".repeat(64)}`],
  ])("%s is read", (source, registry, repository, reference) => {
    expect(parseOciReference(source)).toEqual({ registry, repository, reference });
  });

  it.each([
    "oci://",
    "oci://ghcr.io",
    "oci://ghcr.io/",
    "oci://ghcr.io/Ada/x",
    "oci://ghcr.io/../x",
    "oci://ada@ghcr.io/x",
    "oci://ghcr.io/x?y",
    "oci://ghcr.io/x:a/b",
    "oci://ghcr.io/x@sha256:abc",
    "oci://ghcr.io:99999/x",
    "oci://1.2.3.4.5/x",
    "oci://[::::]/x",
    "oci://ghcr.io/x@md5:aaaa",
    `oci://ghcr.io/${"a/".repeat(2_000)}b`,
  ])("%s is refused", (source) => {
    expect(() => parseOciReference(source)).toThrow(expect.objectContaining({ code: "TWIN_INPUT_INVALID" }));
  });
});

describe("a registry", () => {
  let registry: TestRegistry;
  beforeEach(async () => {
    registry = await openTestRegistry();
  });
  afterEach(() => registry[Symbol.asyncDispose]());
  const place = (rest = "") => parseOciReference(`oci://${registry.host}/ada/probe${rest}`);

  it("takes a package and gives it back, by its version and by its digest", async () => {
    const { reference, digest } = await pushPackage(place(), pack, { kernels });
    expect(reference).toBe(`${registry.host}/ada/probe:1.0.0`);
    expect(await pullPackage(place(":1.0.0"))).toEqual(file);
    expect(await pullPackage(place(`@${digest}`))).toEqual(file);
    const manifest = JSON.parse(registry.manifests.get("ada/probe:1.0.0")!.toString()) as Record<string, unknown>;
    expect(manifest).toMatchObject({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.wasm.config.v0+json" },
      layers: [{ mediaType: "application/wasm", size: file.length }],
      annotations: { "org.opencontainers.image.version": "1.0.0" },
    });
    const config = registry.blobs.get((manifest["config"] as { digest: string }).digest)!;
    const [{ digest: layer }] = manifest["layers"] as [{ digest: string }];
    expect(JSON.parse(config.toString())).toMatchObject({ architecture: "wasm", os: "wasip1", layerDigests: [layer] });
  });

  it("keeps one package for a version, and takes the same again", async () => {
    const first = await pushPackage(place(), pack, { kernels });
    expect(await pushPackage(place(), pack, { kernels })).toEqual(first);
    const other = readPackage(probePackage({ more: { extra: "(i64.const 0)" } }), kernels);
    await expect(pushPackage(place(), other, { kernels })).rejects.toMatchObject({ code: "TWIN_PACKAGE_CONFLICT" });
    expect(await pullPackage(place(":1.0.0"))).toEqual(file);
    // A tag that is no version may move.
    await pushPackage(place(":latest"), pack, { kernels });
    await pushPackage(place(":latest"), other, { kernels });
    expect(await pullPackage(place(":latest"))).toEqual(other.bytes);
  });

  it("lets a version gain reviews, and lose none", async () => {
    const reviewed = readPackage(reviewPackage(pack.bytes, { reviewer: testIdentity(62), kernels }), kernels);
    await pushPackage(place(), pack, { kernels });
    await pushPackage(place(), reviewed, { kernels });
    await pushPackage(place(), { ...pack, reviews: [] }, { kernels });
    const { hash, reviews } = readPackage(await pullPackage(place(":1.0.0")), kernels);
    expect(hash).toBe(pack.hash);
    expect(new Set(reviews.map(({ reviewer }) => reviewer))).toEqual(
      new Set([testIdentity(61).id, testIdentity(62).id]),
    );
  });

  it("that wants to know who asks is told, by a token and by name", async () => {
    const login = { user: "ada", password: "pa:ss" };
    registry.manners = { login };
    await expect(pushPackage(place(), pack, { kernels })).rejects.toThrow(/wants to know who asks/u);
    await pushPackage(place(), pack, { kernels, credentials: login });
    expect(await pullPackage(place(":1.0.0"), login)).toEqual(file);
    await expect(pullPackage(place(":1.0.0"), { ...login, password: "wrong" })).rejects.toEqual(failed);
    registry.manners = { login, basic: true };
    expect(await pullPackage(place(":1.0.0"), login)).toEqual(file);
    await expect(pullPackage(place(":1.0.0"))).rejects.toEqual(failed);
  });

  it("that leads downloads elsewhere does not lead its token there", async () => {
    await using elsewhere = await openTestRegistry();
    const login = { user: "ada", password: "secret" };
    await pushPackage(place(), pack, { kernels });
    for (const [digest, blob] of registry.blobs) elsewhere.blobs.set(digest, blob);
    const digest = [...registry.blobs.keys()].find((key) => registry.blobs.get(key)!.length === file.length);
    registry.manners = { login, blobsAt: `http://${elsewhere.host}/v2/x/blobs/${digest!}` };
    expect(await pullPackage(place(":1.0.0"), login)).toEqual(file);
    expect(elsewhere.requests).toHaveLength(1);
    expect(elsewhere.lastAuthorization).toBeUndefined();
  });

  it.each<[what: string, manners: (registry: TestRegistry) => TestRegistry["manners"]]>([
    ["another file", () => ({ blob: Buffer.from(probePackage()) })],
    ["a file of the right size with a flipped bit", () => ({ blob: Buffer.from(file.with(500, file[500]! ^ 1)) })],
    ["a file without end", () => ({ blob: Buffer.alloc(3 * PACKAGE_SIZE_MAX) })],
    ["a loop", ({ host }) => ({ blobsAt: `http://${host}/v2/ada/probe/blobs/again` })],
    ["a way to another scheme", () => ({ blobsAt: "file:///etc/passwd" })],
    ["a way to an unencrypted place", () => ({ blobsAt: "http://192.0.2.1/x" })],
    ["no JSON", () => ({ manifest: "{" })],
    ["a huge manifest", () => ({ manifest: JSON.stringify({ x: "y".repeat(100_000) }) })],
    ["an image index", () => ({ manifest: JSON.stringify({ schemaVersion: 2, manifests: [] }) })],
    [
      "a container image",
      () => ({ manifest: manifestWith({ configType: "application/vnd.oci.image.config.v1+json" }) }),
    ],
    ["two layers", () => ({ manifest: manifestWith({ layers: 2 }) })],
    ["a layer of another type", () => ({ manifest: manifestWith({ layerType: "application/octet-stream" }) })],
    ["a layer that is too large", () => ({ manifest: manifestWith({ size: PACKAGE_SIZE_MAX + 1 }) })],
    ["a digest that is a path", () => ({ manifest: manifestWith({ digest: "../../../etc/passwd" }) })],
  ])("that answers with %s is refused", async (_, manners) => {
    await pushPackage(place(), pack, { kernels });
    registry.manners = manners(registry);
    await expect(pullPackage(place(":1.0.0"))).rejects.toEqual(failed);
  });

  it("that answers a digest with another manifest is refused", async () => {
    const { digest } = await pushPackage(place(), pack, { kernels });
    registry.manners = { manifest: manifestWith({}) };
    await expect(pullPackage(place(`@${digest}`))).rejects.toThrow(/not the one of this digest/u);
  });

  it("that is not there, or has not got it, says so", async () => {
    await expect(pullPackage(place(":9.9.9"))).rejects.toThrow(/there is no such package/u);
    await expect(pullPackage(place())).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    await expect(pullPackage(parseOciReference("oci://127.0.0.1:1/x:1"))).rejects.toThrow(/cannot be reached/u);
  });
});

function manifestWith(change: {
  readonly configType?: string;
  readonly layers?: number;
  readonly layerType?: string;
  readonly size?: number;
  readonly digest?: string;
}): string {
  const digest = change.digest ?? `sha256:${"0".repeat(64)}`;
  const layer = { mediaType: change.layerType ?? "application/wasm", digest, size: change.size ?? 10 };
  const config = { mediaType: change.configType ?? "application/vnd.wasm.config.v0+json", digest, size: 2 };
  return JSON.stringify({ schemaVersion: 2, config, layers: Array.from({ length: change.layers ?? 1 }, () => layer) });
}

const REGISTRY = "/usr/bin/docker-registry";

it.skipIf(!existsSync(REGISTRY))("Debian's docker-registry takes a package and gives it back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "config.yml");
  const storage = `storage:\n  filesystem:\n    rootdirectory: ${join(folder, "data")}\n`;
  await writeFile(config, `version: 0.1\nlog:\n  level: error\n${storage}http:\n  addr: ${host}\n`);
  const child = spawn(REGISTRY, ["serve", config], { stdio: "ignore" });
  try {
    const isUp = (): Promise<boolean> =>
      fetch(`http://${host}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isUp())) await systemClock.sleep(20);
    const { digest } = await pushPackage(parseOciReference(`oci://${host}/ada/probe`), pack, { kernels });
    expect(await pullPackage(parseOciReference(`oci://${host}/ada/probe:1.0.0`))).toEqual(file);
    expect(await pullPackage(parseOciReference(`oci://${host}/ada/probe@${digest}`))).toEqual(file);
    expect(await pushPackage(parseOciReference(`oci://${host}/ada/probe`), pack, { kernels })).toMatchObject({
      digest,
    });
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
    await rm(folder, { recursive: true });
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe("logins", () => {
  const login = async (text: string): Promise<unknown> => {
    const folder = await mkdtemp(join(tmpdir(), "login-"));
    try {
      await writeFile(join(folder, "config.json"), text);
      return await readRegistryLogin(join(folder, "config.json"), "ghcr.io");
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  it("are those that docker keeps for that registry alone", async () => {
    const auths = { "ghcr.io": { auth: btoa("ada:pa:ss") }, "example.org": { auth: "broken" } };
    expect(await login(JSON.stringify({ auths }))).toEqual({ user: "ada", password: "pa:ss" });
    expect(await login(JSON.stringify({ auths: { "x.ghcr.io": { auth: btoa("ada:x") } } }))).toBeUndefined();
    expect(await login(JSON.stringify({ credsStore: "desktop", auths: { "ghcr.io": {} } }))).toBeUndefined();
    expect(await readRegistryLogin("/nowhere/config.json", "ghcr.io")).toBeUndefined();
  });

  it.each([
    "{",
    JSON.stringify({ auths: { "ghcr.io": { auth: 7 } } }),
    JSON.stringify({ auths: { "ghcr.io": { auth: "eA==" } } }),
  ])("in %s are refused", async (text) => {
    await expect(login(text)).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
  });
});
