// A capability spreads: from an author's twin to a friend's by its hash, with what it depends on, and by
// way of a registry; reviewed, locked, and in two major versions side by side.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectHost } from "../../host/connect.ts";
import { readPackage } from "../../host/packages/package-file.ts";
import { dependentProbe } from "../support/changed-probe.ts";
import { HostProcess } from "../support/host-process.ts";
import { openTestRegistry } from "../support/oci-registry.ts";
import { probePackage } from "../support/probe-package.ts";
import { referenceKernels as kernels } from "../support/reference-kernels.ts";

let root: string;
const file = (name: string): string => join(root, `${name}.wasm`);
const PACKAGES = {
  "probe-1": probePackage(),
  "probe-2": probePackage({ version: "2.0.0" }),
  needy: dependentProbe({ name: "needy", calls: "probe" }, { probe: "^1" }),
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "spread-"));
  for (const [name, bytes] of Object.entries(PACKAGES)) await writeFile(file(name), bytes);
});
afterAll(() => rm(root, { recursive: true }));

const errorOf = async (host: HostProcess, ...words: readonly string[]): Promise<{ code: string; message: string }> => {
  const { stdout } = await host.twin(...words, "--json");
  return (JSON.parse(stdout) as { error: { code: string; message: string } }).error;
};

describe("a capability", () => {
  it("spreads from twin to twin with what it depends on, by name and by hash", async () => {
    await using ada = await HostProcess.create();
    await using ben = await HostProcess.create();
    await Promise.all([ada.start(["--name", "Ada"]), ben.start(["--name", "Ben"])]);
    await using adaHost = (await connectHost(ada.folder))!;
    await using benHost = (await connectHost(ben.folder))!;
    await benHost.control.accept((await adaHost.control.invite()).code);
    for (const name of ["probe-1", "needy"] as const) {
      await adaHost.control.offerPackage(PACKAGES[name], ["contacts"]);
    }
    const { hash } = (await ada.json("capability", "publish", file("probe-2"))) as { hash: string };
    const offers = (await ben.json("capability", "offers", "ada")) as { name: string; version: string }[];
    expect(offers.map(({ name, version }) => `${name} ${version}`).toSorted()).toEqual([
      "needy 1.0.0",
      "probe 1.0.0",
      "probe 2.0.0",
    ]);

    // The newest probe would not do for what needs ^1.
    expect(await ben.json("capability", "install", "twin:Ada/needy")).toMatchObject({ name: "needy" });
    expect((await errorOf(ben, "capability", "install", `twin:Ada/${hash}`)).message).toMatch(
      /would break capability:needy \(needs probe \^1\)/u,
    );
    await ben.json("capability", "install", `twin:Ada/${hash}`, "--beside");
    await benHost.control.call("needy", "call_put", "through the first");
    await benHost.control.call("probe@2", "put", "into the second");
    expect((await benHost.control.call("probe", "get", "")).result).toBe("through the first");
    expect((await benHost.control.call("probe@2", "get", "")).result).toBe("into the second");

    const lock = join(root, "twin.lock");
    const locked = (await ben.json("capability", "lock", "--out", lock)) as Record<string, { hash: string }>;
    expect(locked["probe@2"]!.hash).toBe(hash);
    await writeFile(lock, (await readFile(lock, "utf8")).replace(hash, "0".repeat(64)));
    expect((await errorOf(ben, "capability", "lock", "--check", lock)).message).toMatch(/probe@2: expected/u);
  });

  it("goes through a registry, with the reviews that its owner requires", async () => {
    await using registry = await openTestRegistry();
    await using ada = await HostProcess.create();
    await ada.start(["--name", "Ada"]);
    await using host = (await connectHost(ada.folder))!;
    const place = `oci://${registry.host}/ada/probe`;
    const { digest } = (await ada.json("capability", "publish", file("probe-1"), place)) as { digest: string };
    const review = ["capability", "review", file("probe-1"), "--key", join(root, "reviewer.key")];
    const { reviewer } = (await ada.json(...review)) as { reviewer: string };
    await ada.json("reviewers", "add", reviewer);
    await host.control.setPackagePolicy({ reviewers: [reviewer], required: 1, refused: [] });
    const refused = await errorOf(ada, "capability", "install", `${place}@${digest}`);
    expect(refused.code).toBe("TWIN_PACKAGE_REVIEW");
    expect(refused.message).toContain(reviewer);
    await ada.json("capability", "publish", file("probe-1"), `${place}:reviewed`);
    const { hash } = readPackage(PACKAGES["probe-1"], kernels);
    const install = ["capability", "install", `${place}:reviewed`, "--hash"];
    expect((await errorOf(ada, ...install, "0".repeat(64))).code).toBe("TWIN_PACKAGE_CONFLICT");
    expect(await ada.json(...install, hash)).toMatchObject({ name: "probe", hash, reviewers: [reviewer] });
  });
});
