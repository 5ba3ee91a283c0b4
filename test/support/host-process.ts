// Real host processes for end-to-end tests: the same command a user runs, in a folder of its own.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { connectHost } from "../../host/connect.ts";
import type { ControlApi } from "../../host/rpc/api.ts";

/** The command line's entry. */
export const MAIN: string = join(import.meta.dirname, "..", "..", "host", "cli", "main.ts");

/** Those of the entry's first line. */
const NODE_FLAGS = ["--max-semi-space-size=4"];
/** Compiled code of tests stays with the tests. */
const ENVIRONMENT = { ...process.env, XDG_CACHE_HOME: join(import.meta.dirname, "..", "..", "node_modules", ".cache") };

/** What `start --json` prints. */
export interface StartReport {
  readonly twin: string;
  readonly name: string;
  readonly folder: string;
  readonly webUrl: string;
  readonly peerAddresses: readonly string[];
  readonly loginLink: string;
  readonly phrase?: string;
}

/** What a finished `twin` command left. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host of its own: start it, kill it, start it again; its data folder stays until it is disposed. */
export class HostProcess implements AsyncDisposable {
  readonly folder: string;
  readonly #base: string;
  #child: ChildProcess | undefined;
  #stderr = "";

  private constructor(base: string) {
    this.#base = base;
    this.folder = join(base, "data");
  }

  /** A fresh, empty place; nothing runs yet. */
  static async create(): Promise<HostProcess> {
    return new HostProcess(await mkdtemp(join(tmpdir(), "twin-e2e-")));
  }

  /** What the process wrote to standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the host and waits until it serves. Rejects with its standard error when it ends instead. */
  async start(flags: readonly string[] = []): Promise<StartReport> {
    const words = [...NODE_FLAGS, MAIN, "start", "--json", "--data", this.folder, "--port", "0", ...flags];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"], env: ENVIRONMENT });
    this.#child = child;
    child.stderr.on("data", (part) => (this.#stderr += String(part)));
    let text = "";
    for await (const part of child.stdout) {
      text += String(part);
      if (text.includes("\n")) return JSON.parse(text) as StartReport;
    }
    throw new Error(`The host did not start: ${this.#stderr}`);
  }

  /** Ends the process by `signal` and waits until it is gone. */
  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
    child.kill(signal);
    return await ended;
  }

  /** Runs a `twin` command on this folder. */
  twin(...words: readonly string[]): Promise<CommandResult> {
    return runTwin([...words, "--data", this.folder]);
  }

  /** Runs a `twin` command with `--json` and parses its answer; throws with its message when it fails. */
  async json(...words: readonly string[]): Promise<unknown> {
    const result = await this.twin(...words, "--json");
    if (result.exitCode !== 0) throw new Error(`twin ${words.join(" ")}: ${result.stdout}${result.stderr}`);
    return JSON.parse(result.stdout) as unknown;
  }

  /** Loses what a store holds, also while the host writes to it. */
  async loseStore(name: string): Promise<void> {
    await rm(join(this.folder, "stores", name), { recursive: true, maxRetries: 20 });
  }

  /** Asks the running host, or its other twin of the name `as`, over its socket: the same as a command, without starting one. */
  async ask<Answer>(question: (control: ControlApi) => Promise<Answer>, as?: string): Promise<Answer> {
    await using connection = await connectHost(this.folder, as);
    if (connection === undefined) throw new Error("No host runs.");
    return await question(connection.control);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#base, { recursive: true, force: true });
  }
}

/** Runs one `twin` command to its end. */
export function runTwin(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const options = { env: { ...ENVIRONMENT, ...environment }, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, [...NODE_FLAGS, MAIN, ...words], options, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr });
    });
  });
}
