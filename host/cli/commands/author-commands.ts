// `capability new`, `build`, `test`, `dev`, `sign`, `inspect`: an author's work, without a host.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { glob } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";

import { type Command, Option } from "commander";

import { toTwinError, TwinError } from "../../base/errors.ts";
import { publisherKeyPath } from "../../config.ts";
import type { Receipt } from "../../index.ts";
import { faultAdvice } from "../fault-advice.ts";
import { answer, formatSize, note, print, table } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { describePermission } from "../wording.ts";

interface AuthorOptions extends SessionOptions {
  readonly key?: string | undefined;
}

const KEY_TEXT = "your publisher key, created if absent (default: publisher.key in the XDG config directory)";
/** Editors write a file in several steps: a build waits until they are through. */
const SETTLE_MS = 60;

/** Adds the commands to `capability`. */
export function addAuthorCommands(capability: Command): void {
  capability
    .command("new <folder>")
    .description("begin a capability: a folder that builds and passes its tests")
    .addOption(
      new Option("--lang <language>", "what to write it in")
        .choices(["assemblyscript", "c", "rust"])
        .default("assemblyscript"),
    )
    .addHelpText("after", "\nExample:\n  twin capability new guestbook\n")
    .action((folder: string, _: unknown, command: Command) => begin(folder, command.optsWithGlobals()));
  capability
    .command("build <folders...>")
    .description("compile folders into signed packages")
    .option("--out <dir>", "where the packages go", ".")
    .option("--key <file>", KEY_TEXT)
    .addHelpText("after", "\nExample:\n  twin capability build ./guestbook --out dist\n")
    .action((folders: string[], _: unknown, command: Command) => build(folders, command.optsWithGlobals()));
  capability
    .command("test [folder]")
    .description("run the tests of a capability against real twins in one process")
    .action((folder: string | undefined) => test(resolve(folder ?? ".")));
  capability
    .command("dev [folder]")
    .description("build at every save into a scratch twin; call it line by line: METHOD JSON")
    .action((folder: string | undefined) => dev(resolve(folder ?? ".")));
  capability
    .command("sign <file>")
    .description("sign a package with your key, in place of whoever signed it before")
    .option("--key <file>", KEY_TEXT)
    .action((file: string, _: unknown, command: Command) => sign(file, command.optsWithGlobals()));
  capability
    .command("inspect <package>")
    .description("what a package offers, what it asks for, who signed it: any file, or an installed capability by name")
    .addHelpText(
      "after",
      "\nExamples:\n  twin capability inspect guestbook-1.0.0.wasm\n  twin capability inspect chat\n",
    )
    .action((what: string, _: unknown, command: Command) => inspect(what, command.optsWithGlobals()));
}

async function begin(folder: string, options: AuthorOptions & { readonly lang: string }): Promise<void> {
  const { LANGUAGES, newCapability } = await import("../../author.ts");
  const language = LANGUAGES.find((known) => known === options.lang)!;
  const name = basename(resolve(folder));
  await newCapability(resolve(folder), { name, language });
  answer(options, { name, folder: resolve(folder) }, () => [
    `${name} stands in ${folder}. Next:`,
    `  twin capability test ${folder}`,
    `  twin capability dev ${folder}`,
    `  twin capability build ${folder}`,
  ]);
}

async function build(folders: readonly string[], options: AuthorOptions & { readonly out: string }): Promise<void> {
  const { buildPackages } = await import("../../author.ts");
  const built = await buildPackages({
    folders: folders.map((folder) => resolve(folder)),
    out: resolve(options.out),
    keyPath: publisherKeyPath(options.key),
  });
  answer(options, built, () =>
    table(
      built.map(({ name, version, hash, sizeBytes }) => [
        `${name} ${version}`,
        formatSize(sizeBytes),
        hash.slice(0, 16),
      ]),
    ),
  );
}

async function test(folder: string): Promise<void> {
  const hook = import.meta.resolve(
    import.meta.filename.endsWith(".ts") ? "../../testing-hook.ts" : "../../testing-hook.js",
  );
  const tests = join(folder, "test", "**", "*.test.{ts,js,mjs}");
  // Node's runner would call it a success.
  if ((await Array.fromAsync(glob(tests))).length === 0) {
    const message = `${folder} has no tests: expected test/NAME.test.ts. Begin a capability with: twin capability new NAME`;
    throw new TwinError("TWIN_INPUT_INVALID", message);
  }
  const args = [`--import=${hook}`, "--test", tests];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: "inherit" });
  const [exitCode] = (await once(child, "exit")) as [number | null];
  if (exitCode !== 0)
    throw new TwinError("TWIN_PACKAGE_INVALID", "The tests of the capability do not pass; what failed stands above.");
}

async function dev(folder: string): Promise<void> {
  const { openDevTwin } = await import("../../dev-twin.ts");
  await using twin = await openDevTwin(folder, {
    onLog: (level, text) => note(`  ${level}: ${text}`),
    onReceipt: (receipt) => note(describeReceipt(receipt)),
    onEvent: ({ topic, payload }) => note(`  event ${topic} ${payload}`),
  });
  let queue = Promise.resolve();
  /** One thing after the other: a call never meets half a swap. */
  const inTurn = (work: () => Promise<void>): Promise<void> =>
    (queue = queue.then(work).catch((thrown: unknown) => {
      const error = toTwinError(thrown);
      note(`${error.message} (${error.code})`);
      const advice = faultAdvice(error);
      if (advice !== undefined) note(`  ${advice}`);
    }));
  const rebuild = async (): Promise<void> => {
    const { manifest, sizeBytes, buildMs } = await twin.rebuild();
    note(
      `${manifest.name} ${manifest.version}: ${formatSize(sizeBytes)} in ${Math.round(buildMs)} ms; methods: ${Object.keys(manifest.methods).join(", ")}`,
    );
  };
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, { recursive: true }, (_, file) => {
    if (file === null || /^(?:build|node_modules|test|\.git)(?:[/\\]|$)/u.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => void inTurn(rebuild), SETTLE_MS);
  });
  // Watched from before the first build, so that no save is missed.
  await inTurn(rebuild);
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [, method, params = "{}"] = /^\s*(\S+)\s*(.+)?$/u.exec(line) ?? [];
    if (method === undefined) return;
    void inTurn(async () => print(JSON.stringify(await twin.call(method, parseParams(params)))));
  });
  await once(lines, "close");
  watcher.close();
  clearTimeout(timer);
  await queue;
}

function parseParams(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TwinError("TWIN_INPUT_INVALID", `Write METHOD JSON, such as: sign {"text":"hello"}; ${text} is no JSON.`);
  }
}

function describeReceipt({ method, outcome, code, fuel, memorySizeBytes, hostCalls, runMs }: Receipt): string {
  const calls = Object.entries(hostCalls).map(([name, count]) => `${count} ${name}`);
  const how = outcome === "ok" ? "ok" : `error ${code ?? ""}`;
  return `  ${method}: ${how}, ${fuel} fuel, ${formatSize(memorySizeBytes)} memory, ${runMs.toFixed(2)} ms; ${calls.join(", ") || "no host calls"}`;
}

async function sign(file: string, options: AuthorOptions): Promise<void> {
  const { signPackageFile } = await import("../../author.ts");
  const signed = await signPackageFile(resolve(file), publisherKeyPath(options.key));
  answer(options, signed, () => `${file} is signed by ${signed.publisher} (${signed.hash.slice(0, 16)}).`);
}

async function inspect(what: string, options: AuthorOptions): Promise<void> {
  const { inspectPackageBytes, inspectPackageFile } = await import("../../author.ts");
  const isInstalled = /^[a-z][a-z0-9-]*(?:@\d+)?$/u.test(what) && !existsSync(what);
  const report = isInstalled
    ? await inspectPackageBytes(await withOwner(options, (owner) => owner.capabilityFile(what)))
    : await inspectPackageFile(resolve(what));
  answer(options, report, () => {
    const { manifest, problems } = report;
    const head =
      manifest === undefined
        ? [`${basename(what)}: ${formatSize(report.sizeBytes)}`]
        : [
            `${manifest.title} (${manifest.name} ${manifest.version}), ${formatSize(report.sizeBytes)}`,
            manifest.description,
            `by ${report.publisher ?? "nobody whose signature holds"}`,
            ...report.reviewers.map((reviewer) => `reviewed by ${reviewer}`),
            ...Object.entries(manifest.dependencies ?? {}).map(([name, range]) => `needs ${name} ${range}`),
            `hash ${report.hash ?? "none: larger than any package"}`,
            ...Object.entries(manifest.methods).map(
              ([name, { kind, doc, exposeTo }]) =>
                `  ${kind} ${name}${exposeTo === undefined ? "" : ` (for ${exposeTo.join(", ")})`}: ${doc}`,
            ),
            ...manifest.permissions.map((request) => `  may ${describePermission(request)}: ${request.reason}`),
          ];
    return [
      ...head,
      ...(report.imports.length > 0 ? [`imports ${report.imports.join(", ")}`] : []),
      ...problems.map((problem) => `problem: ${problem}`),
    ];
  });
}
