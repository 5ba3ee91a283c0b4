// An author's way, command by command: begin, test, sign, ship, upgrade, take back; and in a browser.

import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPackages } from "../../host/author.ts";
import { publisherKeyPath } from "../../host/config.ts";
import { readGuide, twinWords } from "../support/follow-guide.ts";
import { HostProcess, runTwin } from "../support/host-process.ts";
import { launchBrowser } from "../e2e/browser.ts";

const TEMPLATE = join(import.meta.dirname, "../../capabilities/sdk/templates/assemblyscript");
const TSC = join(import.meta.dirname, "../../node_modules/.bin/tsc");
const READY = { timeout: 20_000 };

let root: string;
let browser: Browser;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "author-"));
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  await rm(root, { recursive: true });
});

/** Runs a line of a guide as it is printed, with the home folder in another place; answers what it printed. */
async function follow(words: readonly string[], host: HostProcess): Promise<string> {
  const { exitCode, stdout, stderr } = await runTwin([...words, "--data", host.folder], { XDG_CONFIG_HOME: root });
  expect(exitCode, `${words.join(" ")}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

/** Follows a guide; `onFile` sees each file before it is written. Answers what the lines printed. */
async function followGuide(
  name: string,
  host: HostProcess,
  onFile: (path: string, text: string) => Promise<void> = () => Promise.resolve(),
): Promise<Map<string, string>> {
  const printed = new Map<string, string>();
  for (const step of await readGuide(name)) {
    if (step.kind === "line") {
      const words = twinWords(step.words, root);
      expect(words, step.line).toBeDefined();
      printed.set(step.line.split(" -- ")[1]!, await follow(words!, host));
    } else {
      await onFile(step.path, step.text);
      await mkdir(dirname(join(root, step.path)), { recursive: true });
      await writeFile(join(root, step.path), step.text);
    }
  }
  return printed;
}

/** Lines that TypeScript refuses in the experience's script, with the types that the client wrote. */
async function wrongLines(folder: string, script: string): Promise<string[]> {
  await writeFile(join(folder, "check.js"), script);
  const flags =
    "--noEmit --checkJs --allowJs --strict --target esnext --module esnext --moduleResolution bundler --lib";
  const args = [...flags.split(" "), "esnext,dom", "--types", "", "twin.d.ts", "check.js"];
  const { stdout } = await promisify(execFile)(TSC, args, { cwd: folder }).catch(
    (failed: { readonly stdout: string }) => failed,
  );
  await rm(join(folder, "check.js"));
  return stdout.split("\n").filter((line) => line.startsWith("check.js("));
}

/** Opens the experience in the desktop, allows what it asks for, and leaves a line there. */
async function signInBrowser(page: Page, link: string, text: string): Promise<void> {
  await page.goto(link);
  await page.getByRole("link", { name: "Guests" }).click(READY);
  await page.getByRole("button", { name: "Allow and open" }).click();
  const guests = () => page.frames().find((frame) => frame.url().includes("//guests--"));
  await expect.poll(guests, READY).toBeDefined();
  const frame = guests()!;
  await frame.getByRole("textbox", { name: "Your line" }).fill(text);
  await frame.getByRole("button", { name: "Sign" }).click();
  await frame.getByRole("listitem").filter({ hasText: text }).waitFor();
}

/** A third version that forgets what it promised to keep, never ends, or stumbles: the data stays as it is. */
async function refuseBadMigrations(host: HostProcess): Promise<void> {
  const folder = join(root, "guestbook");
  const kept = await host.json("call", "guestbook", "list", "{}");
  const [source, file] = await Promise.all(
    ["index.ts", "capability.json"].map((name) => readFile(join(folder, name), "utf8")),
  );
  await writeFile(
    join(folder, "capability.json"),
    JSON.stringify({ ...(JSON.parse(file!) as object), version: "3.0.0", dataVersion: 3 }),
  );
  for (const bad of ['kv.remove(kv.scan("entry/", 1)[0].key);', "for (;;) if (from < 0) break;", "unreachable();"]) {
    await writeFile(join(folder, "index.ts"), source!.replace("migrate(from: i32): void {", `$& ${bad}`));
    await buildPackages({
      folders: [folder],
      out: join(root, "packages"),
      keyPath: publisherKeyPath(undefined, { XDG_CONFIG_HOME: root }),
    });
    const refused = await host.twin("capability", "upgrade", join(root, "packages/guestbook-3.0.0.wasm"), "--json");
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "TWIN_PACKAGE_MIGRATION" } });
    expect(await host.json("call", "guestbook", "list", "{}")).toEqual(kept);
  }
}

/** A contact takes the package of that hash from the author's twin, uses it in a browser, and decides about what comes next. */
async function spread(author: HostProcess, hash: string): Promise<void> {
  await using ben = await HostProcess.create();
  const { loginLink } = await ben.start(["--name", "Ben"]);
  const { code } = (await author.json("invite")) as { readonly code: string };
  await ben.json("accept", code);
  await ben.json("capability", "install", `twin:Ada/${hash}`);
  await ben.json("experience", "install", join(root, "guests"));
  const page = await browser.newPage();
  await signInBrowser(page, loginLink, "from a browser");
  const list = await ben.json("call", "guestbook", "list", "{}");
  expect(list).toMatchObject([{ text: "from a browser" }]);
  await decideInDesktop(page);
  expect(await ben.json("call", "guestbook", "list", "{}")).toEqual(list);
}

/** Version 2 is looked at, then taken without its new right; 3 is refused; back to 1, removed, and there again. */
async function decideInDesktop(page: Page): Promise<void> {
  const dialog = page.getByRole("dialog");
  const open = (version: string) =>
    page.locator('input[type="file"]').setInputFiles(join(root, "packages", `guestbook-${version}.wasm`));
  await page.getByRole("link", { name: "Capabilities" }).click();
  await page.getByText("Where the people that you know").click();

  await open("2.0.0");
  await dialog.getByText("Call contacts: get").waitFor(READY);
  await dialog.getByText("3 rows change").waitFor();
  await dialog.getByRole("row", { name: /^sign / }).waitFor();
  await dialog.getByRole("button", { name: "Not now" }).click();
  await page.getByText("Guestbook 1.0.0").waitFor();
  await open("2.0.0");
  await dialog.getByRole("button", { name: "Accept without the new right" }).click(READY);
  await page.getByText("Guestbook is 2.0.0 now.").waitFor();
  await page.getByText("withheld").waitFor();

  await open("3.0.0");
  await dialog.getByText("This package was refused").waitFor(READY);
  await dialog.getByText(/migration to guestbook 3\.0\.0 did not hold/u).waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();

  await page.getByRole("button", { name: "Back to 1.0.0" }).click();
  await dialog.getByRole("button", { name: "Roll back" }).click();
  await page.getByText("Guestbook is 1.0.0 again, with its data of then.").waitFor();
  await page.getByRole("button", { name: "Back to 2.0.0" }).waitFor();
  await page.getByRole("button", { name: "Remove Guestbook" }).click();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("heading", { name: "Removed" }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Guestbook is back, with its data and grants.").waitFor();
}

describe("an author", () => {
  it("gets a capability, its upgrade and its way back by following the guides line by line", async () => {
    await using host = await HostProcess.create();
    await host.start(["--name", "Ada"]);
    const first = await followGuide("write-a-capability", host, async (path, text) => {
      if (!path.startsWith("guestbook/")) return;
      // What the guide prints is what `new` has made.
      expect(await readFile(join(root, path), "utf8")).toBe(text);
      expect(await readFile(join(TEMPLATE, path.slice("guestbook/".length)), "utf8")).toBe(text);
    });
    expect(first.get("capability test ~/guestbook")).toMatch(/pass 5\n/u);
    expect(first.get("capability inspect ~/packages/guestbook-1.0.0.wasm")).toMatch(/command sign \(for contacts\)/u);
    expect(first.get("call guestbook list")).toMatch(/"text":\s*"hello"/u);

    const script = await readFile(join(root, "guests/main.js"), "utf8");
    const checked = `${script}await twin.guestbook.sign({ texts: "x" });\n`;
    expect(await wrongLines(join(root, "guests"), checked)).toEqual([expect.stringMatching(/'texts' does not exist/u)]);
    const list = await host.json("call", "guestbook", "list", "{}");
    expect(list).toMatchObject([{ text: "hello" }]);

    const second = await followGuide("ship-and-upgrade", host);
    expect(second.get("capability upgrade ~/packages/guestbook-2.0.0.wasm --dry-run")).toMatch(
      /1\.0\.0 -> 2\.0\.0, not installed[\s\S]*call contacts\.\{get\}[\s\S]*new methods: by, migrate, writers[\s\S]*data version 1 to 2: 3 rows/u,
    );
    expect(second.get("call guestbook writers")).toMatch(/"lines":\s*1/u);
    expect(await host.json("call", "guestbook", "list", "{}")).toEqual(list);
    await refuseBadMigrations(host);
  }, 240_000);

  it("spreads it to a contact by hash, who uses it in a browser and decides about its versions", async () => {
    await using ada = await HostProcess.create();
    await ada.start(["--name", "Ada"]);
    const { hash } = (await ada.json("capability", "publish", join(root, "packages/guestbook-1.0.0.wasm"))) as {
      readonly hash: string;
    };
    await spread(ada, hash);
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
