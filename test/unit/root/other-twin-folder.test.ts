// Where a twin that comes back is made, and where it must not be.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveIdentity } from "../../../host/identity/key-tree.ts";
import { createKeystore } from "../../../host/identity/keystore.ts";
import { placeForTwin } from "../../../host/other-twin-folder.ts";
import { testKernels } from "../../support/test-vault.ts";

const kernels = await testKernels();
const place = await mkdtemp(join(tmpdir(), "place-"));
afterAll(() => rm(place, { recursive: true, force: true }));
const host = join(place, "host");

function idOf(seed: number): string {
  return deriveIdentity(new Uint8Array(32).fill(seed), kernels).id;
}

async function makeTwin(folder: string, seed: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  await createKeystore(join(folder, "keystore.json"), new Uint8Array(32).fill(seed), kernels);
}

beforeAll(async () => {
  await makeTwin(host, 1);
  await makeTwin(join(host, "twins", "family"), 2);
  // Not a twin yet.
  await mkdir(join(host, "twins", "club.making"));
});

describe("the place of a twin that comes back", () => {
  test("is the data folder for a first one, and has a name for another", async () => {
    expect(await placeForTwin(join(place, "fresh"), { id: idOf(3) }, kernels)).toBe(join(place, "fresh"));
    expect(await placeForTwin(host, { id: idOf(3), name: "club" }, kernels)).toBe(join(host, "twins", "club"));
  });

  test.each([
    { what: "that leads elsewhere", seed: 3, name: "../evil", says: "no name of a twin" },
    {
      what: "of a host that is not there",
      folder: join(place, "fresh"),
      seed: 3,
      name: "club",
      says: "leave out --as",
    },
    { what: "of a host that has it as another", seed: 2, name: "club", says: "already, as family" },
    { what: "of a host that has it as its first", seed: 1, name: "club", says: "already, as its first one" },
  ])("is none with a name $what", async ({ folder = host, seed, name, says }) => {
    await expect(placeForTwin(folder, { id: idOf(seed), name }, kernels)).rejects.toMatchObject({
      code: "TWIN_CONFIG_INVALID",
      message: expect.stringContaining(says) as string,
    });
  });
});
