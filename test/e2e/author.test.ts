// An author's way, command by command: begin, test, sign, ship, upgrade, take back.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HostProcess, runTwin } from "../support/host-process.ts";

/** Second version: lines have a mood. Their rows move to another prefix. */
const SECOND = `
/** Moves the lines of the first version. */
@command
export function migrate(from: i32): void {
  // Nothing yet.
  const old = kv.scan("line/", 1000);
  for (let index = 0; index < old.length; index++) {
    const line = old[index].read<Line>();
    line.mood = "new";
    lines.put(line);
    kv.remove(old[index].key);
  }
}
`;

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "author-"));
  folder = join(root, "guestbook");
});
afterAll(() => rm(root, { recursive: true }));

async function author(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runTwin(["capability", ...args]);
  expect(exitCode, stdout + stderr).toBe(0);
  return stdout;
}

async function build(): Promise<{ path: string; hash: string }> {
  const key = join(root, "publisher.key");
  const built = await author("build", folder, "--out", join(root, "out"), "--key", key, "--json");
  return (JSON.parse(built) as { path: string; hash: string }[])[0]!;
}

/** Writes the next version: changes of the manifest and of the source. */
async function change(version: string, manifest: object, edit: (source: string) => string): Promise<void> {
  const file = join(folder, "capability.json");
  const kept = JSON.parse(await readFile(file, "utf8")) as object;
  await writeFile(file, JSON.stringify({ ...kept, version, ...manifest }));
  const source = join(folder, "index.ts");
  await writeFile(source, edit(await readFile(source, "utf8")));
}

describe("an author", () => {
  it("begins a capability that passes its tests, ships it, upgrades it and takes it back", async () => {
    await author("new", folder);
    expect(await author("test", folder)).toMatch(/pass 5\n/u);
    const first = await build();
    expect(await author("inspect", first.path)).toMatch(/command sign \(for contacts\)/u);

    await using host = await HostProcess.create();
    await host.start(["--name", "Ada"]);
    await host.json("capability", "install", first.path);
    const line = await host.json("call", "guestbook", "sign", '{"text":"hello"}');
    expect(line).toMatchObject({ number: 1, text: "hello" });
    const types = join(root, "twin.d.ts");
    await host.json("client", "--out", types);
    expect(await readFile(types, "utf8")).toMatch(/sign\(params: \{[\s\S]*readonly text: string;/u);

    const migration = { dataVersion: 2, migration: { keeps: ["entry/"] } };
    await change("2.0.0", migration, (source) =>
      source
        .replace("import { Table,", "import { kv, Table,")
        .replace('new Table<Line>("line"', 'new Table<Line>("entry"')
        .replace('  text: string = "";', '  text: string = "";\n  @optional mood: string = "";')
        .concat(SECOND),
    );
    const second = await build();
    const report = await host.json("capability", "upgrade", second.path, "--dry-run");
    expect(report).toMatchObject({
      fromVersion: "1.0.0",
      toVersion: "2.0.0",
      methodsAdded: ["migrate"],
      methodsChanged: ["list", "sign"],
      migration: { rowsChanged: 2 },
    });
    expect(await host.json("call", "guestbook", "list", "{}")).toEqual([line]);
    await host.json("capability", "upgrade", second.path);
    const moved = await host.json("call", "guestbook", "list", "{}");
    expect(moved).toMatchObject([{ number: 1, text: "hello", mood: "new" }]);

    // The third version forgets what it promised to keep, or never ends.
    for (const bad of ["kv.remove(kv.scan('entry/', 1)[0].key);", "for (;;) if (from < 0) break;", "unreachable();"]) {
      await change("3.0.0", { dataVersion: 3 }, (source) =>
        source.replace(
          /(migrate\(from: i32\): void \{\n).*\n/u,
          (_, head: string) => `${head}  ${bad.replaceAll("'", '"')}\n`,
        ),
      );
      const third = await build();
      const refused = await host.twin("capability", "upgrade", third.path, "--json");
      expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "TWIN_PACKAGE_MIGRATION" } });
      expect(await host.json("call", "guestbook", "list", "{}")).toEqual(moved);
    }

    await host.json("capability", "rollback", "guestbook");
    expect(await host.json("call", "guestbook", "list", "{}")).toEqual([line]);
    await host.json("capability", "remove", "guestbook");
    await host.json("capability", "restore", "guestbook");
    expect(await host.json("call", "guestbook", "list", "{}")).toEqual([line]);
  }, 240_000);

  it("leaves the old version or the new one when the host is killed in an upgrade", async () => {
    const [first, second] = ["1.0.0", "2.0.0"].map((version) => join(root, "out", `guestbook-${version}.wasm`));
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
      expect(list).toMatchObject([{ text: "kept", ...(version === "2.0.0" ? { mood: "new" } : {}) }]);
      if (version === "2.0.0") await host.json("capability", "rollback", "guestbook");
    }
  }, 240_000);

  it("installs from a link, and nothing that was changed on the way", async () => {
    const bytes = await readFile(join(root, "out", "guestbook-1.0.0.wasm"));
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
