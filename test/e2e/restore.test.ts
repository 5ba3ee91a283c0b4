// The machine is gone, the phrase and four of six stores are left: the whole twin comes back.

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, it } from "vitest";

import { filesWith } from "../support/files-with.ts";
import { HostProcess, runTwin } from "../support/host-process.ts";

const place = await mkdtemp(join(tmpdir(), "restore-"));
afterAll(() => rm(place, { recursive: true, force: true }));

it("is restored with data, receipts and packages after kill -9 and the loss of everything but four stores", async () => {
  await using host = await HostProcess.create();
  const { phrase, twin } = await host.start(["--name", "Ada Marker"]);
  await writeFile(join(place, "letter.txt"), "PLAINTEXT-MARKER dear Bob");
  const { id } = (await host.json("put", join(place, "letter.txt"))) as { id: string };
  await host.json("call", "echo", "echo", '{"text":"PLAINTEXT-MARKER call"}');
  const before = await host.json("receipts");
  const isCopied = (): Promise<boolean> =>
    host.ask(async (control) => {
      const { replica } = await control.status();
      return replica !== undefined && replica.rootSequence > 0 && replica.lagMs === 0;
    });
  await expect.poll(isCopied).toBe(true);
  await host.json("drill");
  await host.stop("SIGKILL");

  const stores = [1, 3, 4, 6].map((store) => join(place, `store ${store}`));
  for (const [at, store] of [1, 3, 4, 6].entries()) {
    await cp(join(host.folder, "stores", `store-${store}`), stores[at]!, { recursive: true });
  }
  const secrets = ["PLAINTEXT-MARKER", "letter.txt", "Ada Marker", phrase!.split(" ").slice(0, 3).join(" ")];
  expect(await filesWith(secrets, [host.folder, ...stores])).toEqual([]);
  await writeFile(join(place, "phrase.txt"), phrase!);
  await writeFile(join(place, "stranger.txt"), `${"abandon ".repeat(23)}art`);
  const restore = (words: string, from: readonly string[]): ReturnType<typeof runTwin> =>
    runTwin(["--data", folder, "--json", "restore", "--phrase-file", join(place, words), "--store", ...from]);

  const folder = join(place, "twin");
  expect((await restore("stranger.txt", stores)).stdout).toContain("knows a twin of this phrase");
  expect((await restore("phrase.txt", stores.slice(0, 3))).stdout).toContain("TWIN_OBJECT_LOST");
  await expect(readdir(folder)).rejects.toThrow("ENOENT");
  const restored = await restore("phrase.txt", stores);
  expect(JSON.parse(restored.stdout)).toMatchObject({ twin, objectCount: 1 });
  await runTwin(["--data", folder, "scrub"]);
  const status = JSON.parse((await runTwin(["--data", folder, "--json", "status"])).stdout) as {
    name: string;
    vault: unknown;
  };
  expect(status).toMatchObject({ name: "Ada Marker", vault: { margin: 2, degradedSegments: 0 } });
  await runTwin(["--data", folder, "get", id, "--out", join(place, "back.txt")]);
  expect(await readFile(join(place, "back.txt"), "utf8")).toBe("PLAINTEXT-MARKER dear Bob");
  expect(JSON.parse((await runTwin(["--data", folder, "--json", "receipts"])).stdout)).toEqual(before);
  const again = await runTwin(["--data", folder, "--json", "call", "echo", "echo", '{"text":"hi"}']);
  expect(JSON.parse(again.stdout)).toMatchObject({ text: "hi" });
});
