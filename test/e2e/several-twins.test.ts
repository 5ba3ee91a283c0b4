// Several twins in one host: made, listed and used by the command line, with a running host and without.

import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it } from "vitest";

import { ask } from "../support/http-request.ts";
import { HostProcess, runTwin } from "../support/host-process.ts";

it("a host has several twins that share its process and nothing else", async () => {
  await using host = await HostProcess.create();
  const first = (await host.json("init", "--name", "Ada")) as { twin: string };
  // Without a host the command does the work itself.
  const family = (await host.json("init", "family")) as { twin: string; phrase: string; folder: string };
  expect(family.phrase.split(" ")).toHaveLength(24);
  expect(family.folder).toBe(join(host.folder, "twins", "family"));
  expect((await stat(join(family.folder, "keystore.json"))).mode & 0o777).toBe(0o600);
  await host.json("--as", "family", "capability", "remove", "chat");

  const { webUrl, twin } = await host.start();
  expect(twin).toBe(first.twin);
  const nameOf = (as: string): Promise<string> => host.ask(async (control) => (await control.status()).name, as);
  const club = (await host.json("init", "club", "--name", "Chess Club")) as { twin: string };
  expect([await nameOf("club"), await nameOf("family")]).toEqual(["Chess Club", "family"]);
  expect(await host.json("list")).toEqual([
    { name: "club", twin: club.twin },
    { name: "family", twin: family.twin },
  ]);
  expect(new Set([first.twin, family.twin, club.twin]).size).toBe(3);
  expect((await host.twin("init", "club")).stderr).toMatch(/already/);
  expect((await host.twin("init", "../evil")).stderr).toMatch(/small letters/);

  const names = async (...as: string[]): Promise<string[]> =>
    ((await host.json(...as, "capability", "list")) as { name: string }[]).map(({ name }) => name);
  expect(await names()).toContain("chat");
  expect(await names("--as", "club")).toContain("chat");
  expect(await names("--as", "family")).not.toContain("chat");
  expect(await host.json("--as", "family", "call", "echo", "echo", '{"text":"hi"}')).toMatchObject({ text: "hi" });
  expect((await host.json("--as", "club", "receipts")) as unknown[]).toHaveLength(0);
  expect((await host.twin("--as", "nobody", "status")).stderr).toMatch(/TWIN_CONFIG_INVALID/);

  const port = Number(new URL(webUrl).port);
  const { loginLink = "" } = (await host.json("--as", "family", "link")) as { loginLink?: string };
  expect(loginLink).toMatch(`http://family.localhost:${port}/#login=`);
  expect((await ask({ port, path: "/", host: `family.localhost:${port}` })).status).toBe(200);
  expect((await ask({ port, path: "/", host: `nobody.localhost:${port}` })).status).toBe(421);

  const isCopied = (): Promise<boolean> =>
    host.ask(async (control) => {
      const { replica } = await control.status();
      return replica !== undefined && replica.rootSequence > 0 && replica.lagMs === 0;
    }, "family");
  await expect.poll(isCopied).toBe(true);

  // All of them are there again after a kill.
  await host.stop("SIGKILL");
  const stores = join(family.folder, "stores");
  const elsewhere = await restoreFrom(family.phrase, stores);
  expect(elsewhere).toMatchObject({ twin: family.twin, name: "family" });
  expect(elsewhere.capabilities).not.toContain("chat");
  await host.start();
  expect(await names("--as", "family")).not.toContain("chat");
  expect(await readdir(join(host.folder, "journals"))).toEqual(["0"]);
});

/** What of the twin comes back in another place, from its phrase and four of its stores. */
async function restoreFrom(
  phrase: string,
  stores: string,
): Promise<{ readonly twin: string; readonly name: string; readonly capabilities: readonly string[] }> {
  const place = await mkdtemp(join(tmpdir(), "several-"));
  try {
    await writeFile(join(place, "phrase.txt"), phrase);
    const from = [1, 2, 3, 5].map((store) => join(stores, `store-${store}`));
    const folder = join(place, "twin");
    await runTwin(["--data", folder, "restore", "--phrase-file", join(place, "phrase.txt"), "--store", ...from]);
    const ask = async (...words: string[]): Promise<unknown> =>
      JSON.parse((await runTwin(["--data", folder, "--json", ...words])).stdout);
    const { twin, name } = (await ask("status")) as { twin: string; name: string };
    const capabilities = (await ask("capability", "list")) as { name: string }[];
    return { twin, name, capabilities: capabilities.map((each) => each.name) };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

it("twins of a host talk to each other and to others over its one node, also when a message has to wake them", async () => {
  await using host = await HostProcess.create();
  await using far = await HostProcess.create();
  const { twin: ada } = await host.start(["--name", "Ada"]);
  const { twin: family } = (await host.json("init", "family")) as { twin: string };
  await far.start(["--name", "Ben"]);
  const invite = async (...as: string[]): Promise<string> =>
    ((await host.json(...as, "invite")) as { code: string }).code;
  expect(await far.json("accept", await invite("--as", "family"))).toEqual({ twin: family, name: "family" });
  expect(await host.json("--as", "family", "accept", await invite())).toEqual({ twin: ada, name: "Ada" });

  const post = (from: HostProcess, to: string, text: string, ...as: string[]): Promise<unknown> =>
    from.json(...as, "call", "chat", "post", JSON.stringify({ to, text }));
  const texts = async (peer: string, as?: string): Promise<string[]> => {
    const { result } = await host.ask((control) => control.call("chat", "messages", { peer, limit: 10 }), as);
    return (result as unknown as { messages: { text: string }[] }).messages.map(({ text }) => text);
  };
  await post(host, ada, "from one room to the next", "--as", "family");
  await expect.poll(() => texts(family)).toEqual(["from one room to the next"]);

  await host.stop("SIGKILL");
  await post(far, family, "are you there?");
  await host.start();
  // Nobody asks for the family until its message is there.
  await expect.poll(() => far.ask(async (control) => (await control.status()).engine.outbox)).toBe(0);
  const { twin: ben } = (await far.json("status")) as { twin: string };
  expect(await texts(ben, "family")).toEqual(["are you there?"]);
});
