// An author's way, command by command: begin, test, sign, ship, upgrade, take back.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HostProcess, runTwin } from "../support/host-process.ts";

const GUIDES = join(import.meta.dirname, "../../docs/guides");
const TEMPLATE = join(import.meta.dirname, "../../capabilities/sdk/templates/assemblyscript");

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "author-"));
  folder = join(root, "guestbook");
});
afterAll(() => rm(root, { recursive: true }));

/** Runs a line of a guide as it is printed, with the home folder in another place; answers what it printed. */
async function follow(line: string, host: HostProcess): Promise<string> {
  const words = Array.from(
    line.matchAll(/'([^']*)'|(\S+)/gu),
    ([, quoted, bare]) => quoted ?? bare!.replace("~", root),
  );
  expect(words.splice(0, 5)).toEqual(["npm", "run", "-s", "twin", "--"]);
  const { exitCode, stdout, stderr } = await runTwin([...words, "--data", host.folder], { XDG_CONFIG_HOME: root });
  expect(exitCode, `${line}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

/** Follows a guide: runs each line of its shell blocks, and hands its other blocks with the heading above to `write`. */
async function followGuide(
  name: string,
  host: HostProcess,
  write: (file: string, text: string) => Promise<void>,
): Promise<Map<string, string>> {
  const printed = new Map<string, string>();
  const guide = await readFile(join(GUIDES, name), "utf8");
  for (const [, file, language, text] of guide.matchAll(/(?:^## `([\w.]+)`.*\n\n)?^```(\w+)\n([\s\S]*?)^```$/gmu)) {
    if (file !== undefined) await write(file, text!);
    else expect(language).toBe("sh");
    if (language !== "sh") continue;
    for (const line of text!.trim().split("\n")) printed.set(line.split(" -- ")[1]!, await follow(line, host));
  }
  return printed;
}

describe("an author", () => {
  it("gets a capability, its upgrade and its way back by following the guides line by line", async () => {
    await using host = await HostProcess.create();
    await host.start(["--name", "Ada"]);
    const first = await followGuide("write-a-capability.md", host, async (file, text) => {
      // What the guide prints is what `new` has made.
      expect(await readFile(join(folder, file), "utf8")).toBe(text);
      expect(await readFile(join(TEMPLATE, file), "utf8")).toBe(text);
    });
    expect(first.get("capability test ~/guestbook")).toMatch(/pass 5\n/u);
    expect(first.get("capability inspect ~/packages/guestbook-1.0.0.wasm")).toMatch(/command sign \(for contacts\)/u);
    const list = first.get("call guestbook list")!;
    expect(list).toMatch(/"text":\s*"hello"/u);

    const second = await followGuide("ship-and-upgrade.md", host, (file, text) => writeFile(join(folder, file), text));
    expect(second.get("capability upgrade ~/packages/guestbook-2.0.0.wasm --dry-run")).toMatch(
      /1\.0\.0 -> 2\.0\.0, not installed[\s\S]*new methods: by, migrate[\s\S]*data version 1 to 2: 3 rows/u,
    );
    expect(second.get("call guestbook list")).toBe(list);
    const types = join(root, "twin.d.ts");
    await host.json("client", "--out", types);
    expect(await readFile(types, "utf8")).toMatch(/by\(params: \{[\s\S]*readonly twin: string;/u);

    const kept = await host.json("call", "guestbook", "list", "{}");
    const source = await readFile(join(folder, "index.ts"), "utf8");
    // The third version forgets what it promised to keep, never ends, or stumbles.
    for (const bad of ['kv.remove(kv.scan("entry/", 1)[0].key);', "for (;;) if (from < 0) break;", "unreachable();"]) {
      const file = await readFile(join(folder, "capability.json"), "utf8");
      const third = { ...(JSON.parse(file) as object), version: "3.0.0", dataVersion: 3 };
      await writeFile(join(folder, "capability.json"), JSON.stringify(third));
      await writeFile(join(folder, "index.ts"), source.replace("migrate(from: i32): void {", `$& ${bad}`));
      await follow("npm run -s twin -- capability build ~/guestbook --out ~/packages", host);
      const refused = await host.twin("capability", "upgrade", join(root, "packages/guestbook-3.0.0.wasm"), "--json");
      expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "TWIN_PACKAGE_MIGRATION" } });
      expect(await host.json("call", "guestbook", "list", "{}")).toEqual(kept);
    }
  }, 240_000);

  it("leaves the old version or the new one when the host is killed in an upgrade", async () => {
    const [first, second] = ["1.0.0", "2.0.0"].map((version) => join(root, "packages", `guestbook-${version}.wasm`));
    await using host = await HostProcess.create();
    await host.start();
    await host.json("capability", "install", first!);
    await host.json("call", "guestbook", "sign", '{"text":"kept"}');
    for (const delayMs of [300, 600]) {
      const upgrading = host.twin("capability", "upgrade", second!, "--json").catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await host.stop("SIGKILL");
      await upgrading;
      await host.start();
      const installed = (await host.json("capability", "list")) as { name: string; version: string }[];
      const { version } = installed.find(({ name }) => name === "guestbook")!;
      const list = await host.json("call", "guestbook", "list", "{}");
      expect(list).toMatchObject([{ text: "kept" }]);
      if (version === "2.0.0") await host.json("capability", "rollback", "guestbook");
    }
  }, 240_000);

  it("installs from a link, and nothing that was changed on the way", async () => {
    const bytes = await readFile(join(root, "packages", "guestbook-1.0.0.wasm"));
    const server = createServer((request, response) => {
      const sent = Buffer.from(bytes);
      if (request.url === "/changed") sent[sent.length >> 1]! ^= 1;
      response.writeHead(request.url === "/gone" ? 404 : 200).end(sent);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const link = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await using host = await HostProcess.create();
      await host.json("init", "--name", "Ada");
      for (const [path, code] of [
        ["/changed", /^TWIN_PACKAGE_/u],
        ["/gone", /^TWIN_INPUT_INVALID$/u],
      ] as const) {
        const refused = await host.twin("capability", "install", `${link}${path}`, "--json");
        const { error } = JSON.parse(refused.stdout) as { error: { code: string } };
        expect(error.code).toMatch(code);
      }
      expect(await host.json("capability", "install", `${link}/guestbook.wasm`)).toMatchObject({ name: "guestbook" });
    } finally {
      server.close();
    }
  }, 120_000);
});
