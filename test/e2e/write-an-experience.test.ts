// The guide to experiences, followed to the letter: what it makes by hand and what it makes with a
// bundler are installed and used in a real browser.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Frame, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { readGuide, twinWords } from "../support/follow-guide.ts";
import { HostProcess, runTwin } from "../support/host-process.ts";
import { launchBrowser } from "./browser.ts";

const NODE_MODULES = join(import.meta.dirname, "../../node_modules");
const READY = { timeout: 60_000 };

/** Follows the guide with `home` in place of the home folder. What npm would fetch is what this repository has. */
async function followGuide(home: string, host: HostProcess): Promise<void> {
  for (const step of await readGuide("write-an-experience")) {
    if (step.kind === "file") {
      await mkdir(dirname(join(home, step.path)), { recursive: true });
      await writeFile(join(home, step.path), step.text);
      continue;
    }
    const words = twinWords(step.words, home);
    if (words !== undefined) {
      const { exitCode, stdout, stderr } = await runTwin([...words, "--data", host.folder]);
      expect(exitCode, `${step.line}\n${stdout}${stderr}`).toBe(0);
    } else if (step.line === "npm install --prefix ~/counter") {
      await symlink(NODE_MODULES, join(home, "counter/node_modules"));
    } else {
      await promisify(execFile)("/bin/sh", ["-c", step.line], { env: { ...process.env, HOME: home } });
    }
  }
}

/** Opens an experience in the desktop, allows what it asks for, and waits for its frame. */
async function openExperience(page: Page, title: string): Promise<Frame> {
  await page.getByRole("link", { name: title }).click(READY);
  await page.getByText("Keeps the number that you count.").waitFor();
  await page.getByRole("button", { name: "Allow and open" }).click();
  const find = () => page.frames().find((frame) => frame.url().includes(`//${title.toLowerCase()}--`));
  await expect.poll(find, READY).toBeDefined();
  return find()!;
}

describe("the guide to experiences", () => {
  it("makes experiences that ask, are allowed, count together, and are stopped by a revoked grant", async () => {
    const home = await mkdtemp(join(tmpdir(), "experiences-"));
    await using host = await HostProcess.create();
    const report = await host.start();
    await followGuide(home, host);
    await rm(home, { recursive: true });

    await using browser = await launchBrowser();
    const page = await browser.newPage();
    page.setDefaultTimeout(READY.timeout);
    await page.goto(report.loginLink);
    const tally = await openExperience(page, "Tally");
    await tally.getByText("0", { exact: true }).waitFor();
    await tally.getByRole("button", { name: "Count one" }).click();
    await tally.getByText("1", { exact: true }).waitFor();
    await tally.evaluate("document.body.style.height = '5000px'; scrollTo(0, 300)");
    const counter = await openExperience(page, "Counter");
    await counter.getByText("1", { exact: true }).waitFor();
    await counter.getByRole("button", { name: "Count one" }).click();
    await counter.getByText("2", { exact: true }).waitFor();

    await page.getByRole("link", { name: "Grants" }).click();
    const tallyGrants = page
      .locator("section")
      .filter({ has: page.getByRole("heading", { name: "Tally (experience)" }) });
    await tallyGrants.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("Revoked. It no longer works from this moment.").waitFor();
    await page.getByRole("link", { name: "Tally" }).click();
    await expect.poll(() => tally.evaluate("scrollY"), READY).toBe(300);
    await tally.getByRole("button", { name: "Count one" }).click();
    await tally.getByText("This was not granted.").waitFor();
  });
});
