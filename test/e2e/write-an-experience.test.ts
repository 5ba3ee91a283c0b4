// The guide to experiences, followed to the letter: its files are installed and used in a real browser.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { HostProcess } from "../support/host-process.ts";
import { launchBrowser } from "./browser.ts";

const GUIDE = join(import.meta.dirname, "../../docs/guides/write-an-experience.md");
const READY = { timeout: 20_000 };

describe("the guide to experiences", () => {
  it("makes an experience that asks, is allowed, counts, and is stopped by a revoked grant", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tally-"));
    for (const [name, text] of filesOf(await readFile(GUIDE, "utf8"))) await writeFile(join(folder, name), text);
    await using host = await HostProcess.create();
    const report = await host.start();
    await host.json("experience", "install", folder);
    await rm(folder, { recursive: true });

    await using browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto(report.loginLink);
    await page.getByRole("link", { name: "Tally" }).click(READY);
    await page.getByText("Keeps the number that you count.").waitFor();
    await page.getByRole("button", { name: "Allow and open" }).click();
    const tally = () => page.frames().find((frame) => frame.url().includes("//tally--"));
    await expect.poll(tally, READY).toBeDefined();
    const frame = tally()!;
    await frame.getByText("0", { exact: true }).waitFor();
    await frame.getByRole("button", { name: "Count one" }).click();
    await frame.getByText("1", { exact: true }).waitFor();

    await page.getByRole("link", { name: "Grants" }).click();
    const tallyGrants = page
      .locator("section")
      .filter({ has: page.getByRole("heading", { name: "Tally (experience)" }) });
    await tallyGrants.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("Revoked. It no longer works from this moment.").waitFor();
    await page.getByRole("link", { name: "Tally" }).click();
    await frame.getByRole("button", { name: "Count one" }).click();
    await frame.getByText("This was not granted.").waitFor();
  }, 60_000);
});

/** The files of a guide: each block of code below a heading that is a file's name. */
function filesOf(guide: string): [name: string, text: string][] {
  return Array.from(guide.matchAll(/^## `([^`]+)`\n+```\w+\n([\s\S]*?)^```$/gm), ([, name, text]) => [name!, text!]);
}
