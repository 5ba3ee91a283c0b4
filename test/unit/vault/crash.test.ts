// kill -9 at any moment: what was acknowledged is there, what was not does no harm.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { openFolderVault } from "../../support/folder-vault.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { readBytes } from "../../support/test-vault.ts";

const CHILD = fileURLToPath(new URL("../../support/vault-child.ts", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "vault-crash-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Acknowledged {
  readonly seed: number;
  readonly size: number;
  readonly id: string;
}

/** Runs the child until it has acknowledged `count` puts, then kills it in the middle of the next. */
async function runAndKill(first: number, count: number): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, [CHILD, folder, String(first)], { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged: Acknowledged[] = [];
  for await (const line of createInterface(child.stdout)) {
    const [seed, size, id] = line.split(" ");
    acknowledged.push({ seed: Number(seed), size: Number(size), id: id! });
    if (acknowledged.length === count) child.kill("SIGKILL");
  }
  return acknowledged;
}

test("every acknowledged object survives kill -9, again and again", async () => {
  const all: Acknowledged[] = [];
  for (const count of [1, 6, 11]) all.push(...(await runAndKill((all.at(-1)?.seed ?? 0) + 2, count)));
  expect(all.length).toBeGreaterThanOrEqual(18);

  await using opened = await openFolderVault(folder);
  for (const { seed, size, id } of all) {
    expect(Buffer.compare(await readBytes(opened.vault, id), seededBytes(seed, size))).toBe(0);
  }
  for (const store of ["b", "e"]) await rm(join(folder, "stores", store), { recursive: true });
  expect((await opened.vault.status()).margin).toBe(0);
  expect(await opened.vault.scrub()).toMatchObject({ segmentsLost: 0, margin: 2 });
  for (const { seed, size, id } of all) {
    expect(Buffer.compare(await readBytes(opened.vault, id), seededBytes(seed, size))).toBe(0);
  }
});
