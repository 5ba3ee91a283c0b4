import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { lockFolder } from "../../../host/state/folder-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "twin-lock-"));
afterAll(() => rmSync(folder, { recursive: true }));

const busy = expect.objectContaining({ code: "TWIN_HOST_BUSY" });

test("a folder is locked once, and again when it was released", () => {
  const lock = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(busy);
  lock[Symbol.dispose]();
  lock[Symbol.dispose]();
  using again = lockFolder(folder);
  expect(again).toBeDefined();
  expect(() => lockFolder(folder)).toThrow(busy);
});

test("many locks watch the end of the process by one listener, and none stays behind", () => {
  const before = process.listenerCount("exit");
  const folders = Array.from({ length: 12 }, () => mkdtempSync(join(folder, "many-")));
  const locks = folders.map(lockFolder);
  expect(process.listenerCount("exit")).toBe(before + 1);
  for (const lock of locks) lock[Symbol.dispose]();
  expect(process.listenerCount("exit")).toBe(before);
});

test("a folder that does not exist is refused", () => {
  expect(() => lockFolder(join(folder, "absent"))).toThrow(expect.objectContaining({ code: "TWIN_HOST_FOLDER" }));
});

test("the lock of a killed process is gone with it, and not before, whatever is collected there", async () => {
  const code = `import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, "../../../host/state/folder-lock.ts"))};
    lockFolder(${JSON.stringify(folder)});
    await new Promise((resolve) => setTimeout(resolve, 1));
    globalThis.gc();
    console.log("locked");
    setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "--eval", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  expect(() => lockFolder(folder)).toThrow(busy);
  child.kill("SIGKILL");
  await once(child, "exit");
  lockFolder(folder)[Symbol.dispose]();
});
