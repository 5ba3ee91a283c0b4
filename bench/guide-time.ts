// How long a new author's way takes: a fresh clone, `npm ci`, a running twin, the guide "Write a
// capability in ten minutes" line by line as it is printed, and a call from a real browser. Then, what
// `capability dev` takes after a save. Prints each command with its time; reading and typing are not in it.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import type { Frame, Page } from "playwright-core";

import { launchBrowser } from "../test/e2e/browser.ts";
import { readGuide } from "../test/support/follow-guide.ts";

const REPOSITORY = join(import.meta.dirname, "..");
const SAVES = 5;
const PATIENCE = { timeout: 60_000 };

const root = await mkdtemp(join(tmpdir(), "guide-time-"));
const home = join(root, "home");
const clone = join(root, "clone");
const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: join(home, ".config"), XDG_DATA_HOME: join(home, ".data") };
let totalMs = 0;

/** Does one step, prints how long it took, and answers with what came of it. */
async function step<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const startedMs = performance.now();
  const result = await work();
  const tookMs = performance.now() - startedMs;
  totalMs += tookMs;
  process.stdout.write(`${(tookMs / 1000).toFixed(1).padStart(6)} s  ${what}\n`);
  return result;
}

/** Runs a line of shell in the clone, as its author would. */
async function shell(line: string): Promise<string> {
  const { stdout } = await promisify(execFile)("/bin/sh", ["-c", line], { cwd: clone, env, maxBuffer: 2 ** 26 });
  return stdout;
}

/** `npm start`, until it serves. */
async function startHost(): Promise<AsyncDisposable> {
  const args = ["start", "--silent", "--", "--json", "--port", "0"];
  const child = spawn("npm", args, { cwd: clone, env, stdio: ["ignore", "pipe", "inherit"], detached: true });
  await once(child.stdout, "data");
  return {
    [Symbol.asyncDispose]: async () => {
      // npm's child is the host: both are of this group.
      process.kill(-child.pid!, "SIGKILL");
      await once(child, "close");
    },
  };
}

/** Follows the guide; answers with the link that its last line prints. */
async function followGuide(): Promise<string> {
  let printed = "";
  for (const part of await readGuide("write-a-capability")) {
    if (part.kind === "line") printed = await step(part.line, () => shell(part.line));
    else {
      await mkdir(dirname(join(home, part.path)), { recursive: true });
      await writeFile(join(home, part.path), part.text);
    }
  }
  return printed.trim();
}

async function findFrame(page: Page, part: string): Promise<Frame> {
  for (;;) {
    const found = page.frames().find((frame) => frame.url().includes(part));
    if (found !== undefined) return found;
    await page.waitForTimeout(20);
  }
}

/** From the link to a line in the book. */
async function signInBrowser(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.getByRole("link", { name: "Guests" }).click(PATIENCE);
  await page.getByRole("button", { name: "Allow and open" }).click();
  const guests = await findFrame(page, "//guests--");
  await guests.getByRole("textbox", { name: "Your line" }).fill("From a browser");
  await guests.getByRole("button", { name: "Sign" }).click();
  await guests.getByText("From a browser").waitFor(PATIENCE);
}

/** Milliseconds from a save to the new build in the scratch twin, some times; the last line is a receipt. */
async function measureDev(): Promise<{ readonly savesMs: number[]; readonly receipt: string }> {
  const args = ["run", "-s", "twin", "--", "capability", "dev", join(home, "guestbook")];
  const child = spawn("npm", args, { cwd: clone, env, stdio: ["pipe", "ignore", "pipe"] });
  const lines = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
  const next = async (form: RegExp): Promise<string> => {
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
      if (form.test(line.value)) return line.value;
    }
    throw new Error("`capability dev` ended.");
  };
  await next(/^guestbook /u);
  const savesMs: number[] = [];
  for (let save = 0; save < SAVES; save++) {
    const startedMs = performance.now();
    await appendFile(join(home, "guestbook", "index.ts"), "// A save.\n");
    await next(/^guestbook /u);
    savesMs.push(performance.now() - startedMs);
  }
  child.stdin.write('sign {"text":"hello"}\n');
  const receipt = await next(/ sign: /u);
  child.stdin.end();
  await once(child, "close");
  return { savesMs, receipt: receipt.trim() };
}

try {
  await mkdir(home);
  await promisify(execFile)("git", ["clone", "--quiet", REPOSITORY, clone]);
  await step("npm ci", () => shell("npm ci --silent"));
  await using running = new AsyncDisposableStack();
  running.use(await step("npm start", startHost));
  const link = await followGuide();
  const browser = await launchBrowser();
  const page = await browser.newPage();
  await step("in the browser: log in, open Guests, allow it, sign", () => signInBrowser(page, link));
  await browser.close();
  process.stdout.write(`${(totalMs / 1000).toFixed(1).padStart(6)} s  in all\n\n`);
  const { savesMs, receipt } = await measureDev();
  const shown = savesMs.map((tookMs) => `${Math.round(tookMs)} ms`).join(", ");
  process.stdout.write(`capability dev, from a save to the new build: ${shown}\nand a call: ${receipt}\n`);
} finally {
  await rm(root, { recursive: true, force: true });
}
