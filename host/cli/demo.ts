// Two real hosts in processes of their own, paired: the quickest way to see a chat.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { TwinError } from "../base/errors.ts";
import { connectHost } from "../connect.ts";

/** A running twin of the demo. */
interface DemoTwin {
  readonly name: string;
  readonly loginLink: string;
}

/** Both twins; disposing stops their processes and removes a temporary folder. */
export interface Demo extends AsyncDisposable {
  readonly running: readonly DemoTwin[];
  /** Rejects when one of the processes ends by itself. */
  readonly failed: Promise<never>;
}

/** Where to keep the twins (a temporary folder when absent) and the port of the first; the second takes the port ten above. */
export interface DemoOptions {
  readonly folder?: string | undefined;
  readonly port: number;
}

const NAMES = ["Ada", "Ben"] as const;
const PORT_STEP = 10;

/** Starts both hosts and pairs them if they are not yet. */
export async function startDemo({ folder, port }: DemoOptions): Promise<Demo> {
  const base = folder === undefined ? await mkdtemp(join(tmpdir(), "twin-demo-")) : resolve(folder);
  await using stack = new AsyncDisposableStack();
  if (folder === undefined) stack.defer(() => rm(base, { recursive: true, force: true }));
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  const folders = NAMES.map((name) => join(base, name.toLowerCase()));
  const running = await Promise.all(
    NAMES.map(async (name, index) => {
      const child = startHost(name, folders[index]!, port === 0 ? 0 : port + index * PORT_STEP);
      stack.defer(() => stopHost(child));
      child.once("exit", (code) =>
        reject(new TwinError("TWIN_HOST_INTERNAL", `${name}'s host ended by itself (exit code ${code}).`)),
      );
      return { name, loginLink: await readLoginLink(name, child) };
    }),
  );
  await pair(folders[0]!, folders[1]!);
  const owned = stack.move();
  return { running, failed, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function startHost(name: string, folder: string, port: number): ChildProcess {
  const main = join(import.meta.dirname, `main${import.meta.filename.endsWith(".ts") ? ".ts" : ".js"}`);
  const flags = ["start", "--json", "--data", folder, "--name", name, "--port", String(port), "--stop-with-stdin"];
  // The pipe is never written to: the system closes it with this process, however that ends.
  return spawn(process.execPath, [main, ...flags], { stdio: ["pipe", "pipe", "inherit"] });
}

async function stopHost(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolveEnd) => child.once("exit", resolveEnd));
  child.kill("SIGTERM");
  await ended;
}

async function readLoginLink(name: string, child: ChildProcess): Promise<string> {
  let text = "";
  for await (const part of child.stdout!) {
    text += String(part);
    if (text.includes("\n")) return (JSON.parse(text) as { loginLink: string }).loginLink;
  }
  throw new TwinError("TWIN_HOST_INTERNAL", `${name}'s host did not start; its message stands above.`);
}

async function pair(firstFolder: string, secondFolder: string): Promise<void> {
  await using first = await connectHost(firstFolder);
  await using second = await connectHost(secondFolder);
  if (first === undefined || second === undefined)
    throw new TwinError("TWIN_HOST_INTERNAL", "A host of the demo ended while it was paired.");
  const { peers } = await first.control.status();
  if (peers.length > 0) return;
  const { code } = await first.control.invite();
  await second.control.accept(code);
}
