// A friend's machine as a store: what it holds is used when own stores are gone, and neither machine holds
// anything in the clear.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, it } from "vitest";

import { deriveIdentity } from "../../host/identity/key-tree.ts";
import { parsePhrase } from "../../host/identity/phrase.ts";
import { filesWith } from "../support/files-with.ts";
import { HostProcess } from "../support/host-process.ts";
import { referenceKeyDerivation } from "../support/test-identity.ts";

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
  await writeFile(join(place, "MARKER-NAME.txt"), "MARKER-CONTENT ".repeat(200_000));
  const { id } = (await ada.json("put", join(place, "MARKER-NAME.txt"))) as { id: string };
  const [room] = (await ben.json("lend")) as [{ twin: string; usedBytes: number }];
  expect(room.twin).toBe(twin);
  expect(room.usedBytes).toBeGreaterThan(1_000);
  for (const store of ["store-2", "store-3"]) await ada.loseStore(store);
  await ada.json("get", id, "--out", join(place, "back.jpg"));
  const { vault } = (await ada.json("status")) as { vault: { stores: { name: string; healthy: boolean }[] } };
  expect(vault.stores.find(({ name }) => name === "ben")).toMatchObject({ healthy: true });
  await ada.json("drill");

  await ada.json("call", "chat", "post", JSON.stringify({ to: benTwin, text: "MARKER-MESSAGE" }));
  await expect
    .poll(() => ben.ask((control) => control.call("chat", "messages", { peer: twin, limit: 9 })))
    .toMatchObject({ result: { messages: [{ text: "MARKER-MESSAGE" }] } });
  await expect.poll(() => ada.ask(async (control) => (await control.status()).replica?.lagMs)).toBe(0);
  // Contents, names, messages and calls stand nowhere in the clear: in no store, no table, no journal, on neither host.
  const inTheClear = [
    "MARKER-CONTENT",
    "MARKER-NAME",
    "MARKER-MESSAGE",
    adaStart.phrase!.split(" ").slice(0, 3).join(" "),
  ];
  expect(await filesWith(inTheClear, [ada.folder, ben.folder])).toEqual([]);
  // No key either, in any spelling, but the entropy in the keystore, which its own format says.
  const entropy = parsePhrase(adaStart.phrase!);
  const { keys } = deriveIdentity(entropy, referenceKeyDerivation);
  const spellings = [entropy, ...Object.values(keys)].flatMap((key) => [
    key,
    key.toHex(),
    key.toBase64(),
    key.toBase64({ alphabet: "base64url" }).slice(0, 40),
  ]);
  expect(await filesWith(spellings, [ada.folder, ben.folder])).toEqual([
    expect.stringMatching(/keystore\.json holds marker 1$/) as string,
  ]);
});
