// Uploads of real clients to a real host that is killed, or stopped, in the middle: what was acknowledged stays, nothing of it lies open on the
// disk, and the page goes on where it was.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Frame, Page } from "playwright-core";
import { afterAll, describe, expect, it } from "vitest";

import { launchBrowser } from "../e2e/browser.ts";
import { startCampaign } from "../support/campaign.ts";
import { filesWith } from "../support/files-with.ts";
import { HostProcess } from "../support/host-process.ts";
import { ask } from "../support/http-request.ts";
import { type BrowserKey, logIn, openOwner, type WebDoor } from "../support/web-host.ts";

const MARKER = "PLAINTEXT-MARKER";
const KILLS = 6;
const SIZE = 12_000_000;
const TUS = { "tus-resumable": "1.0.0" };
const PATIENCE = { timeout: 30_000 };

const place = await mkdtemp(join(tmpdir(), "uploads-"));
afterAll(() => rm(place, { recursive: true, force: true }));

/** Text in which no two lines are equal, each with the marker. */
function markedBytes(sizeBytes: number): Buffer {
  const lines = Array.from({ length: Math.ceil(sizeBytes / 40) }, (_, at) => `${MARKER} ${at}`.padEnd(39, "."));
  return Buffer.from(`${lines.join("\n")}\n`).subarray(0, sizeBytes);
}

async function begin(web: WebDoor, key: BrowserKey): Promise<string> {
  const { owner, socket } = await openOwner(web, key);
  const headers = {
    ...TUS,
    authorization: `Bearer ${await owner.uploadTicket()}`,
    "upload-length": `${SIZE}`,
    "upload-metadata": `filename ${Buffer.from(`${MARKER}.txt`).toString("base64")}`,
  };
  const answer = await ask({ port: web.port, method: "POST", path: "/uploads", headers });
  socket.close();
  expect(answer.status).toBe(201);
  return answer.headers["location"]!;
}

/** Sends bytes from `offset` on; the last part may stay unsent. Answers what was acknowledged, undefined when the host died before. */
function patch(port: number, path: string, offset: number, bytes: Uint8Array): Promise<number | undefined> {
  const headers = {
    ...TUS,
    host: `localhost:${port}`,
    "content-type": "application/offset+octet-stream",
    "upload-offset": `${offset}`,
  };
  return new Promise((resolve) => {
    const sent = request({ host: "127.0.0.1", port, method: "PATCH", path, headers, agent: false });
    sent.on("error", () => resolve(undefined));
    sent.on("response", (response) => {
      response.on("error", () => {}).resume();
      resolve(Number(response.headers["upload-offset"]));
    });
    sent.end(bytes);
  });
}

function filesOf(page: Page): Frame | undefined {
  return page.frames().findLast((frame) => frame.url().startsWith("http://files--") && !frame.isDetached());
}

describe("an upload to a host that dies", () => {
  it(`survives ${KILLS} kills at any moment with all that was acknowledged, and lies nowhere in the clear`, async () => {
    const { below } = startCampaign(2);
    await using host = await HostProcess.create();
    const content = markedBytes(SIZE);
    let report = await host.start();
    const port = Number(new URL(report.webUrl).port);
    const web = (): WebDoor => ({ url: report.webUrl, port, loginLink: async () => report.loginLink });
    const path = await begin(web(), await logIn(web()));
    let acknowledged = 0;
    let offset = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const pieces = async (): Promise<void> => {
        for (let at = offset; at < SIZE - 1_000_000;) {
          const end = Math.min(SIZE - 1_000_000, at + 1 + below(1_500_000));
          const taken = await patch(port, path, at, content.subarray(at, end));
          if (taken === undefined) return;
          expect(taken).toBe(end);
          acknowledged = at = end;
        }
      };
      const sending = pieces();
      await sleep(below(700));
      await host.stop("SIGKILL");
      await sending;
      expect(await filesWith([MARKER], [host.folder])).toEqual([]);
      report = await host.start(["--port", `${port}`]);
      const head = await ask({ port, method: "HEAD", path, headers: TUS });
      offset = Number(head.headers["upload-offset"]);
      expect(offset).toBeGreaterThanOrEqual(acknowledged);
      process.stdout.write(`${offset} of ${SIZE} bytes after kill ${kill + 1}\n`);
    }
    const headers = { ...TUS, "content-type": "application/offset+octet-stream", "upload-offset": `${offset}` };
    const last = await ask({ port, method: "PATCH", path, headers, body: content.subarray(offset) });
    expect(last.status).toBe(200);
    const { id } = JSON.parse(last.text) as { id: string };
    await host.json("get", id, "--out", join(place, "back.txt"));
    expect(Buffer.compare(await readFile(join(place, "back.txt")), content)).toBe(0);
    expect(await filesWith([MARKER], [host.folder])).toEqual([]);
    expect(await host.json("scrub")).toMatchObject({ segmentsLost: 0, margin: 2 });
  }, 180_000);

  it("goes on in the desktop when the host is back and the same file is chosen again", async () => {
    await using host = await HostProcess.create();
    const report = await host.start();
    const port = new URL(report.webUrl).port;
    const original = join(place, "film.txt");
    const size = 40_000_000;
    await writeFile(original, markedBytes(size));
    const browser = await launchBrowser();
    try {
      const page = await (await browser.newContext()).newPage();
      // Slow enough to be stopped in the middle.
      const network = await page.context().newCDPSession(page);
      const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 8_000_000 };
      await network.send("Network.enable");
      await network.send("Network.emulateNetworkConditions", slow);
      const offsets: number[] = [];
      page.on("request", (asked) => {
        if (asked.method() === "PATCH") offsets.push(Number(asked.headers()["upload-offset"]));
      });
      await page.goto(report.loginLink);
      const choose = async (): Promise<void> => {
        await page.getByRole("link", { name: /^files/i }).click(PATIENCE);
        await expect.poll(() => filesOf(page), PATIENCE).toBeDefined();
        await filesOf(page)!.locator("input[type=file]").setInputFiles(original, PATIENCE);
      };
      await choose();
      const frame = filesOf(page)?.url();
      await expect.poll(() => offsets.length, PATIENCE).toBeGreaterThan(0);
      await sleep(1_500);
      await host.stop("SIGTERM");
      await host.start(["--port", port]);
      await page.getByRole("navigation", { name: "Launcher" }).waitFor(PATIENCE);
      // The desktop opens its experiences anew.
      await expect.poll(() => filesOf(page)?.url() ?? frame, PATIENCE).not.toBe(frame);
      await filesOf(page)!.getByText("Interrupted. Upload the same file again").waitFor(PATIENCE);
      await choose();
      await filesOf(page)!
        .getByRole("row", { name: /film\.txt/ })
        .first()
        .waitFor(PATIENCE);
      expect(offsets.at(-1)).toBeGreaterThan(0);
      const { vault } = (await host.json("status")) as { vault: { sizeBytes: number } };
      expect(vault.sizeBytes).toBe(size);
    } finally {
      await browser.close();
    }
  }, 120_000);
});
