// What the product is for, in two real host processes and a real Chromium: two people log in, pair,
// chat while one host is killed, and a file outlives two of its six stores.

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import type { Browser, Frame, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { HostProcess } from "../support/host-process.ts";
import { seededBytes } from "../support/seeded-bytes.ts";
import { launchBrowser } from "./browser.ts";

const FILE_SIZE_BYTES = 50_000_000;
const PART_SIZE_BYTES = 1_000_000;
const PATIENCE = { timeout: 60_000 };

describe("two people", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it("log in by their links, pair by an invite, and chat while one host is killed", async () => {
    await using ada = await HostProcess.create();
    await using ben = await HostProcess.create();
    const adaReport = await ada.start(["--name", "Ada"]);
    const benReport = await ben.start(["--name", "Ben"]);
    const adaPage = await openDesktop(browser, adaReport.loginLink);
    const benPage = await openDesktop(browser, benReport.loginLink);
    await pair(adaPage, benPage);

    const adaChat = await openChat(adaPage);
    // What comes into view has the focus: one may write at once.
    await expect.poll(() => adaChat.evaluate("document.activeElement.ariaLabel"), PATIENCE).toBe("Message to Ben");
    await write(adaChat, "Ben", "Good morning, Ben");
    const benChat = await openChat(benPage);
    await benChat.getByRole("button", { name: /Ada/ }).first().click();
    await expectMessages(benChat, ["Good morning, Ben"]);
    await write(benChat, "Ada", "Good morning, Ada");
    await expectMessages(await openChat(adaPage), ["Good morning, Ben", "Good morning, Ada"]);

    await ben.stop("SIGKILL");
    const sent = ["Are you there?", "It seems not", "I shall wait"];
    for (const text of sent) await write(await openChat(adaPage), "Ben", text);
    await ben.start(["--port", new URL(benReport.webUrl).port]);

    // Ben's browser finds its host again by itself, still logged in.
    const all = ["Good morning, Ben", "Good morning, Ada", ...sent];
    await expect.poll(async () => visibleMessages(await openChat(benPage)), PATIENCE).toEqual(all);
    await write(await openChat(benPage), "Ada", "Back again");
    await expect.poll(async () => visibleMessages(await openChat(adaPage)), PATIENCE).toEqual([...all, "Back again"]);
  });

  it("keep a file that outlives two of its six stores", async () => {
    await using ada = await HostProcess.create();
    const report = await ada.start(["--name", "Ada"]);
    const page = await openDesktop(browser, report.loginLink);
    const original = join(ada.folder, "..", "holiday.bin");
    await pipeline(parts(), createWriteStream(original));

    const files = await openExperience(page, "files");
    await files.locator("input[type=file]").setInputFiles(original);
    const row = files.getByRole("row", { name: /holiday\.bin/ });
    await row.waitFor(PATIENCE);
    await ada.loseStore("store-2");
    await ada.loseStore("store-5");

    const downloading = page.waitForEvent("download", PATIENCE);
    await row.getByRole("button", { name: "Actions for holiday.bin" }).click();
    await files.getByRole("menuitem", { name: "Download" }).click();
    const download = await downloading;
    const copy = join(ada.folder, "..", "copy.bin");
    await download.saveAs(copy);
    expect(download.suggestedFilename()).toBe("holiday.bin");
    expect(await hashOf(copy)).toBe(await hashOf(original));

    const scrub = (await ada.json("scrub")) as Record<string, number>;
    expect(scrub).toMatchObject({ segmentsLost: 0, margin: 2 });
    expect(scrub["shardsRepaired"]).toBe(scrub["shardsMissing"]);
    expect(scrub["shardsMissing"]).toBeGreaterThan(0);
  });

  it("see what calls have cost, to the last one", async () => {
    await using ada = await HostProcess.create();
    const page = await openDesktop(browser, (await ada.start()).loginLink);
    for (const text of ["one", "two"]) await ada.json("call", "echo", "echo", JSON.stringify({ text }));
    await page.getByRole("link", { name: "Receipts" }).click();
    const costs = page.getByRole("table", { name: "Costs" });
    await costs.getByRole("row", { name: /^echo You 2 / }).waitFor(PATIENCE);
    await page.getByLabel("Days").selectOption({ label: "Since the beginning" });
    const { engine } = (await ada.json("status")) as { readonly engine: { readonly calls: number } };
    await costs.getByRole("row", { name: new RegExp(`^All\\s+${engine.calls} `) }).waitFor(PATIENCE);
    await page.getByRole("button", { name: "All fields of echo.echo" }).first().click();
    await page.getByText(/^[0-9a-f]{32}$/).waitFor(PATIENCE);
  });

  it("are told how to get in when they come without a link", async () => {
    await using ada = await HostProcess.create();
    const { webUrl, loginLink } = await ada.start();
    const stranger = await (await browser.newContext()).newPage();
    await stranger.goto(webUrl);
    await stranger.getByText("twin -- link").waitFor(PATIENCE);
    await openDesktop(browser, loginLink);
    await stranger.goto(loginLink);
    await stranger
      .getByText(/used|expired/i)
      .first()
      .waitFor(PATIENCE);
  });
});

async function openDesktop(browser: Browser, loginLink: string): Promise<Page> {
  const context = await browser.newContext({ acceptDownloads: true });
  context.setDefaultTimeout(PATIENCE.timeout);
  const page = await context.newPage();
  await page.goto(loginLink);
  await page.getByRole("navigation", { name: "Launcher" }).waitFor(PATIENCE);
  expect(page.url()).not.toContain("login=");
  return page;
}

async function pair(inviter: Page, acceptor: Page): Promise<void> {
  await inviter.getByRole("link", { name: "Peers" }).click();
  await inviter.getByRole("button", { name: "Invite someone" }).click();
  const code = (await inviter.getByLabel("Invite code", { exact: true }).textContent())!;
  await inviter.getByRole("button", { name: "Done" }).click();
  await acceptor.getByRole("link", { name: "Peers" }).click();
  await acceptor.getByRole("button", { name: "Accept a code" }).click();
  await acceptor.getByLabel("Code that you were sent").fill(code);
  await acceptor.getByRole("button", { name: "Become contacts" }).click();
  await acceptor.getByText("Online", { exact: true }).waitFor(PATIENCE);
  await inviter.getByText("Online", { exact: true }).waitFor(PATIENCE);
}

/** Its frame lives in a closed shadow root, in an origin of its own: only its address tells it. */
async function openExperience(page: Page, name: string): Promise<Frame> {
  await page.getByRole("link", { name: new RegExp(`^${name}`, "i") }).click();
  const find = (): Frame | undefined =>
    page.frames().find((frame) => new URL(frame.url()).hostname.startsWith(`${name}--`) && !frame.isDetached());
  await expect.poll(find, PATIENCE).toBeDefined();
  return find()!;
}

async function openChat(page: Page): Promise<Frame> {
  return await openExperience(page, "chat");
}

/** As a person does: the keys go to what has the focus. */
async function write(chat: Frame, name: string, text: string): Promise<void> {
  const field = chat.getByLabel(`Message to ${name}`);
  await field.click(PATIENCE);
  await expect.poll(() => chat.evaluate("document.hasFocus()"), PATIENCE).toBe(true);
  await chat.page().keyboard.type(text);
  expect(await field.inputValue()).toBe(text);
  await chat.page().keyboard.press("Enter");
  await expect.poll(() => visibleMessages(chat), PATIENCE).toContain(text);
}

async function visibleMessages(chat: Frame): Promise<string[]> {
  // Before the text stands who wrote it, for those who cannot see the sides.
  return await chat
    .locator(".bubble")
    .evaluateAll((bubbles) => bubbles.map((bubble) => bubble.lastChild?.textContent ?? ""));
}

async function expectMessages(chat: Frame, texts: readonly string[]): Promise<void> {
  await expect.poll(() => visibleMessages(chat), PATIENCE).toEqual(texts);
}

function* parts(): Generator<Uint8Array> {
  for (let index = 0; index < FILE_SIZE_BYTES / PART_SIZE_BYTES; index++) yield seededBytes(index + 1, PART_SIZE_BYTES);
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
  return hash.digest("hex");
}
