import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import { obtainPackage, obtainPackages } from "../../../host/package-source.ts";
import type { InstalledCapability } from "../../../host/packages/manifest.ts";
import type { PackageOffer } from "../../../host/packages/offer.ts";
import { readPackage } from "../../../host/packages/package-file.ts";
import type { HostStatus, OwnerApi } from "../../../host/rpc/api.ts";
import { dependentProbe } from "../../support/changed-probe.ts";
import { probePackage } from "../../support/probe-package.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";
import { testIdentity } from "../../support/test-identity.ts";

const PACKAGES = {
  base: probePackage({ name: "base" }),
  "base-1.2": probePackage({ name: "base", version: "1.2.0" }),
  "base-2": probePackage({ name: "base", version: "2.0.0" }),
  middle: dependentProbe({ name: "middle" }, { base: "^1" }),
  top: dependentProbe({ name: "top" }, { middle: "^1", base: "*", absent: "^1" }),
};

/** An owner who knows twins by these names, each of which offers everything. */
function ownerOf(names: readonly string[], installed: readonly string[] = []) {
  const taken: string[] = [];
  const files = new Map(Object.values(PACKAGES).map((bytes) => [readPackage(bytes, kernels).hash, bytes]));
  const offers = [...files].map(([hash, bytes]): PackageOffer => {
    const { manifest, publisher } = readPackage(bytes, kernels);
    const { name, version, title, description, dependencies = {} } = manifest;
    return { hash, name, version, title, description, publisher, sizeBytes: bytes.length, dependencies };
  });
  const owner = {
    status: async () => {
      const peers = names.map((name, index) => ({ name, twin: testIdentity(index + 2).id, online: true, waiting: 0 }));
      return { peers } as unknown as HostStatus;
    },
    capabilities: async () =>
      installed.map((each) => {
        const [name, version] = each.split(" ");
        return { name, version } as InstalledCapability;
      }),
    offersOf: async () => offers,
    takePackage: async (_, hash) => {
      const { manifest } = readPackage(files.get(hash)!, kernels);
      taken.push(`${manifest.name} ${manifest.version}`);
      return files.get(hash)!;
    },
  } satisfies Pick<OwnerApi, "status" | "capabilities" | "offersOf" | "takePackage">;
  return { owner, taken };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sources-"));
  for (const [name, bytes] of Object.entries(PACKAGES)) await writeFile(join(folder, name), bytes);
});
afterAll(() => rm(folder, { recursive: true }));

const file = (name: keyof typeof PACKAGES): string => join(folder, name);
const named = async (sources: readonly string[], { owner }: ReturnType<typeof ownerOf>): Promise<string[]> =>
  (await obtainPackages(sources, owner)).map(
    ({ name, version, isAsked }) => `${name} ${version}${isAsked ? "" : " too"}`,
  );

describe("packages from sources", () => {
  it("come in the order in which they can be installed", async () => {
    const sources = [file("top"), file("middle"), file("base")];
    expect(await named(sources, ownerOf([]))).toEqual(["base 1.0.0", "middle 1.0.0", "top 1.0.0"]);
  });

  it("bring from a twin what they need, the newest that will do, and what that needs", async () => {
    expect(await named(["twin:Ada/top"], ownerOf(["Ada"]))).toEqual([
      "base 1.2.0 too",
      "middle 1.0.0 too",
      "top 1.0.0",
    ]);
  });

  it("bring nothing that is there, under whatever name", async () => {
    const there = ownerOf(["Ada"], ["base 2.0.0", "base@1 1.0.0"]);
    expect(await named(["twin:ada/middle"], there)).toEqual(["middle 1.0.0"]);
    expect(there.taken).toEqual(["middle 1.0.0"]);
  });

  it.each([
    ["twin:Ada/base", "base 2.0.0"],
    ["twin:Ada/base@^1", "base 1.2.0"],
    ["twin:Ada/base@1.0.0", "base 1.0.0"],
    [`twin:${testIdentity(2).id}/${readPackage(PACKAGES.base, kernels).hash}`, "base 1.0.0"],
    [`twin:*/${readPackage(PACKAGES.base, kernels).hash}`, "base 1.0.0"],
  ])("%s is %s", async (source, found) => {
    expect(await named([source], ownerOf(["Ada"]))).toEqual([found]);
  });

  it.each([
    ["twin:Ben/base", /No contact is called Ben/u],
    ["twin:Eve/base", /2 contacts are called Eve/u],
    ["twin:Ada/nothing", /offers only base 1\.0\.0/u],
    ["twin:Ada/base@^9", /offers only/u],
    ["twin:Ada/base@what", /offers only/u],
    ["twin:Ada", /expected twin:WHO/u],
    ["twin:*/base", /No contact is called \*/u],
    [`twin:*/${"0".repeat(64)}`, /no contact that can be reached offers it/u],
    ["twin:/base", /expected twin:WHO/u],
    ["http://example.org/x.wasm", /only https links/u],
    ["oci://EXAMPLE", /no place in a registry/u],
  ])("%s is refused in words", async (source, words) => {
    const refused = obtainPackage(source, ownerOf(["Ada", "Eve", "eve"]).owner);
    await expect(refused).rejects.toThrow(words);
    await expect(refused).rejects.toBeInstanceOf(TwinError);
  });
});

it("names the way from a folder of source to its package", async () => {
  await expect(obtainPackage(folder)).rejects.toMatchObject({
    code: "TWIN_INPUT_INVALID",
    message: expect.stringContaining(`twin capability build ${folder}`),
  });
});
