// A friend's machine as a store: what it holds is used when own stores are gone.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, it } from "vitest";

import { HostProcess } from "../support/host-process.ts";

const place = await mkdtemp(join(tmpdir(), "lend-"));
afterAll(() => rm(place, { recursive: true, force: true }));

it("keeps shards on the host of a contact who lends room, and reads them from there", async () => {
  await using ada = await HostProcess.create();
  await using ben = await HostProcess.create();
  const [adaStart] = await Promise.all([ada.start(["--name", "Ada"]), ben.start(["--name", "Ben"])]);
  const { code } = (await ben.json("invite")) as { code: string };
  await ada.json("accept", code);
  const { twin } = adaStart;
  const peers = (): Promise<{ peers: { twin: string; name: string }[] }> =>
    ada.json("status") as Promise<{ peers: { twin: string; name: string }[] }>;
  const benTwin = (await peers()).peers[0]!.twin;
  expect((await ada.twin("store", "add", "ben", `twin:${benTwin}`)).stderr).toContain("lends this twin no room");
  expect((await ben.twin("lend", "Ada", "50MB")).stdout).toContain("Ada may keep 50 MB");
  expect((await ada.twin("store", "add", "ben", `twin:${benTwin}`)).exitCode).toBe(0);
  await ada.json("store", "drain", "store-1");
  await ada.json("store", "remove", "store-1");
  await writeFile(join(place, "photo.jpg"), new Uint8Array(3_000_000).fill(7));
  const { id } = (await ada.json("put", join(place, "photo.jpg"))) as { id: string };
  const [room] = (await ben.json("lend")) as [{ twin: string; usedBytes: number }];
  expect(room.twin).toBe(twin);
  expect(room.usedBytes).toBeGreaterThan(1_000);
  for (const store of ["store-2", "store-3"]) await rm(join(ada.folder, "stores", store), { recursive: true });
  await ada.json("get", id, "--out", join(place, "back.jpg"));
  const { vault } = (await ada.json("status")) as { vault: { stores: { name: string; healthy: boolean }[] } };
  expect(vault.stores.find(({ name }) => name === "ben")).toMatchObject({ healthy: true });
  await ada.json("drill");
}, 90_000);
