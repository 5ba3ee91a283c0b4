// The pool's part of the guide, run as it is printed.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { expect, it } from "vitest";

import { assembleGuest } from "../../support/assemble.ts";

const ROOT = join(import.meta.dirname, "../../..");
const SLEEPER = `(import "twin" "sleep" (func $sleep (param i32)))
  (func (export "nap") (param i32 i32) (result i64) (call $sleep (i32.const 5)) (i64.const 0))
  (func (export "loop") (param i32 i32) (result i64) (loop (br 0)) (unreachable))`;

it("the guide's pool prints what it promises", () => {
  const guide = readFileSync(join(ROOT, "docs/guides/run-strangers-code.md"), "utf8");
  const section = guide.slice(guide.indexOf("## On worker threads"));
  const [host, program] = [...section.matchAll(/```ts\n(.+?)```/gsu)].map(([, code]) => code!);
  const folder = mkdtempSync(join(tmpdir(), "pool-guide-"));
  try {
    const door = pathToFileURL(join(ROOT, "host/sandbox.ts")).href;
    writeFileSync(join(folder, "sleeper.wasm"), assembleGuest(SLEEPER));
    writeFileSync(join(folder, "host-functions.ts"), host!);
    writeFileSync(join(folder, "program.ts"), program!.replace("digital-twin-host/sandbox", door));
    const output = execFileSync(process.execPath, ["program.ts"], { cwd: folder, encoding: "utf8" });
    expect(output).toBe("100 naps are over\nTWIN_GUEST_DEADLINE\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
