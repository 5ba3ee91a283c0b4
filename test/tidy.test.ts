// The shape of the code, as data: rooms, arrows, package ownership, error codes, limits, homes.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

import { describe, expect, it } from "vitest";

import { ERROR_CODES } from "../host/base/errors.ts";
import { LIMITS } from "../host/base/limits.ts";

const ROOT = join(import.meta.dirname, "..");
const HOST = join(ROOT, "host");

/** Room -> rooms it may import. A room that is missing here does not exist. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  kernels: ["base"],
  identity: ["base", "kernels"],
  state: ["base", "kernels"],
  vault: ["base", "kernels", "identity", "state"],
  sandbox: ["base"],
  packages: ["base", "kernels", "identity", "state", "sandbox"],
  grants: ["base", "identity", "state"],
  engine: ["base", "kernels", "state", "vault", "sandbox", "packages", "grants"],
  rpc: ["base", "identity", "packages", "grants", "vault", "engine"],
  phonebook: ["base", "identity"],
  peers: ["base", "kernels", "identity", "phonebook", "vault", "engine", "rpc"],
  outside: ["base", "packages", "engine"],
  web: ["base", "identity", "grants", "packages", "vault", "engine", "rpc"],
  control: ["base", "rpc"],
  cli: ["base", "root"],
  root: [
    "base",
    "kernels",
    "identity",
    "state",
    "vault",
    "sandbox",
    "packages",
    "grants",
    "engine",
    "rpc",
    "phonebook",
    "peers",
    "outside",
    "web",
    "control",
  ],
};

/** Package (or prefix ending in `/`) -> the rooms that alone may use it. A package that is missing here may not be used. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  pino: ["base"],
  "prom-client": ["web"],
  "@assemblyscript/loader": ["kernels"],
  "@noble/curves/": ["identity"],
  "@noble/hashes/": ["identity", "kernels"],
  "@scure/bip39": ["identity"],
  "@scure/bip39/": ["identity"],
  "@scure/base": ["identity"],
  "node:sqlite": ["state"],
  "node:zlib": ["vault"],
  "node:worker_threads": ["kernels", "sandbox", "engine", "rpc", "phonebook"],
  "semver/": ["packages"],
  "typebox/": ["packages"],
  typebox: ["packages"],
  assemblyscript: ["packages"],
  "assemblyscript/": ["packages"],
  "json-as/": ["packages"],
  capnweb: ["rpc"],
  libp2p: ["peers"],
  "@libp2p/": ["peers"],
  "@chainsafe/": ["peers"],
  "@multiformats/": ["peers"],
  uint8arraylist: ["peers"],
  cborg: ["phonebook"],
  "@polkadot/": ["phonebook"],
  fastify: ["web"],
  "@fastify/": ["web"],
  "@tus/": ["web"],
  ws: ["web", "phonebook"],
  "node:http": ["web", "outside"],
  "node:https": ["outside"],
  "node:dns": ["outside"],
  "node:net": ["control", "vault", "outside", "root"],
  "node:tls": ["vault"],
  aws4fetch: ["vault"],
  "node:child_process": ["cli", "packages"],
  "node:readline": ["cli"],
  commander: ["cli"],
  "@clack/prompts": ["cli"],
};

/** Built-in modules without authority over machine or network beyond files: free for all rooms. */
const FREE = new Set([
  "node:fs",
  "node:fs/promises",
  "node:path",
  "node:url",
  "node:events",
  "node:stream",
  "node:stream/consumers",
  "node:stream/promises",
  "node:timers/promises",
  "node:os",
  "node:crypto",
  "node:util",
  "node:module",
]);

/** Word -> the only files (or rooms, ending in `/`) that may say it. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  "Date.now(": ["base/clock.ts"],
  "performance.now(": ["base/clock.ts"],
  "Math.random(": [],
  "process.env": ["config.ts"],
  "console.": [],
  "process.stdout": ["cli/"],
  "process.exit": ["cli/main.ts", "cli/command-line.ts", "cli/output.ts"],
  "new WebAssembly.": ["kernels/", "sandbox/"],
  getRandomValues: ["base/random.ts"],
};

const sources = listFiles(HOST).filter((path) => path.endsWith(".ts"));

describe("the rooms of host/", () => {
  it("import only along the arrows, and no file of another room's sub-folder", () => {
    expect(sources.flatMap((file) => importsOf(file).flatMap((target) => arrowViolation(file, target)))).toEqual([]);
  });

  it("own their packages alone", () => {
    expect(sources.flatMap((file) => importsOf(file).flatMap((target) => ownerViolation(file, target)))).toEqual([]);
  });

  it("have no import cycle between files, not even of types", () => {
    expect(findCycle()).toEqual([]);
  });

  it("load nothing of a host for a command that only talks to one", () => {
    const loaded = new Set([join(HOST, "cli/command-line.ts")]);
    for (const file of loaded) for (const next of runtimeImports(file)) loaded.add(next);
    const rooms = new Set([...loaded].map(roomOf));
    expect(["vault", "engine", "peers", "web", "packages", "identity"].filter((room) => rooms.has(room))).toEqual([]);
    expect(rooms).toContain("control");
  });

  it("keep time, chance, environment and output in their homes", () => {
    const found = sources.flatMap((file) =>
      Object.entries(HOMES)
        .filter(([word, homes]) => codeOf(file).includes(word) && !homes.some((home) => inHost(file).startsWith(home)))
        .map(([word]) => `${inHost(file)} says ${word}`),
    );
    expect(found).toEqual([]);
  });

  it("name no file utils, helpers, common, misc or manager", () => {
    expect(
      sources.map(inHost).filter((file) => /(^|[/-])(utils?|helpers?|common|misc|manager)[.-]/.test(file)),
    ).toEqual([]);
  });

  it("keep files under 500 lines and one subject each", () => {
    expect(sources.filter((file) => readFileSync(file, "utf8").split("\n").length > 500).map(inHost)).toEqual([]);
  });

  it("document every export", () => {
    expect(sources.flatMap(undocumentedExports)).toEqual([]);
  });

  it("say what each file is in its head", () => {
    expect(sources.filter((file) => !/^(#!.*\n)?\/\/ \S/.test(readFileSync(file, "utf8"))).map(inHost)).toEqual([]);
  });
});

describe("tables and their documentation", () => {
  const allCode = sources
    .filter((file) => !file.endsWith("base/errors.ts"))
    .map(codeOf)
    .join("\n");

  it("use every error code somewhere and document exactly these", () => {
    const codes = Object.keys(ERROR_CODES);
    expect(codes.filter((code) => !allCode.includes(`"${code}"`))).toEqual([]);
    const documented = [...readFileSync(join(ROOT, "docs/errors.md"), "utf8").matchAll(/^\| `(TWIN_\w+)` \|/gm)].map(
      (match) => match[1]!,
    );
    expect(documented.toSorted()).toEqual(codes.toSorted());
  });

  it("use every limit somewhere and document exactly these, with their values", () => {
    const names = Object.entries(LIMITS).flatMap(([room, limits]) =>
      Object.entries(limits).map(([name, value]) => `${room}.${name} ${value}`),
    );
    const unused = names.map((entry) => entry.split(" ")[0]!).filter((name) => !allCode.includes(name.split(".")[1]!));
    expect(unused).toEqual([]);
    const documented = [
      ...readFileSync(join(ROOT, "docs/limits.md"), "utf8").matchAll(/^\| `([\w.]+)` \| ([\d,]+) \|/gm),
    ].map((match) => `${match[1]} ${match[2]!.replaceAll(",", "")}`);
    expect(documented.toSorted()).toEqual(names.toSorted());
  });

  it("run each port's conformance suite by every adapter", () => {
    const suites = readdirSync(join(ROOT, "test/conformance")).map((name) => name.replace(".suite.ts", ""));
    const tests = listFiles(join(ROOT, "test"))
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => readFileSync(file, "utf8"));
    const adapters = sources.filter((file) => suites.some((port) => file.endsWith(`-${port}.ts`)));
    const lacking = adapters.filter(
      (adapter) =>
        !tests.some(
          (test) =>
            test.includes(inHost(adapter)) &&
            suites.some((port) => adapter.endsWith(`-${port}.ts`) && test.includes(`conformance/${port}.suite.ts`)),
        ),
    );
    expect(adapters.length).toBeGreaterThan(0);
    expect(lacking.map(inHost)).toEqual([]);
  });
});

describe("the repository", () => {
  it("pins every dependency to one exact version", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<
      "dependencies" | "devDependencies",
      Record<string, string>
    >;
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+/.test(version))).toEqual([]);
  });

  it("gives a reason for every runtime dependency", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const reasons = readFileSync(join(ROOT, "docs/dependencies.md"), "utf8");
    const names = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
    expect(names.filter((name) => !reasons.includes(`| \`${name}\` |`))).toEqual([]);
  });

  it("resolves every relative link of its documentation", () => {
    const pages = [
      ...listFiles(join(ROOT, "docs")),
      ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map((name) => join(ROOT, name)),
    ];
    const broken = pages
      .filter((page) => page.endsWith(".md"))
      .flatMap((page) =>
        [...readFileSync(page, "utf8").matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) => ({
          page,
          target: resolve(dirname(page), match[1]!),
        })),
      )
      .filter(({ target }) => !exists(target));
    expect(broken.map(({ page, target }) => `${relative(ROOT, page)} -> ${relative(ROOT, target)}`)).toEqual([]);
  });
});

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name));
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function inHost(file: string): string {
  return relative(HOST, file);
}

function roomOf(file: string): string {
  const [first, second] = inHost(file).split("/");
  return second === undefined ? "root" : first!;
}

function importsOf(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
}

/** The text of a file without its comments, so that words in prose do not count. */
function codeOf(file: string): string {
  return readFileSync(file, "utf8")
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/^\s*\/\/.*$/gm, "");
}

function arrowViolation(file: string, target: string): string[] {
  if (!target.startsWith(".")) return [];
  const aim = resolve(dirname(file), target);
  if (!aim.startsWith(HOST)) return [`${inHost(file)} leaves host/ for ${target}`];
  const [from, to] = [roomOf(file), roomOf(aim)];
  if (from === to) return [];
  if (inHost(aim).split("/").length > 2) return [`${inHost(file)} reaches into the sub-folder ${inHost(aim)}`];
  return ARROWS[from]?.includes(to) ? [] : [`${inHost(file)} (${from}) imports ${inHost(aim)} (${to})`];
}

function ownerViolation(file: string, target: string): string[] {
  if (target.startsWith(".") || FREE.has(target)) return [];
  const owner = Object.entries(OWNERS).find(
    ([name]) => target === name || (name.endsWith("/") && target.startsWith(name)),
  );
  return owner?.[1].includes(roomOf(file)) ? [] : [`${inHost(file)} (${roomOf(file)}) imports ${target}`];
}

/** The files of one import cycle, or nothing. */
function findCycle(): string[] {
  const graph = new Map(sources.map((file) => [file, importedFiles(file)]));
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): string[] => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file].map(inHost);
    if (done.has(file)) return [];
    for (const next of graph.get(file) ?? []) {
      const cycle = walk(next, [...trail, file]);
      if (cycle.length > 0) return cycle;
    }
    done.add(file);
    return [];
  };
  return sources.map((file) => walk(file, [])).find((cycle) => cycle.length > 0) ?? [];
}

/** Types too: who cannot be read without the other is no file of its own. */
function importedFiles(file: string): string[] {
  return filesIn(file, /^(?:import|export)\s+[^;]*?from\s+"(\.[^"]+)"/gm);
}

function runtimeImports(file: string): string[] {
  return filesIn(file, /^(?:import|export)\s+(?!type\b)[^;]*?from\s+"(\.[^"]+)"/gm);
}

function filesIn(file: string, pattern: RegExp): string[] {
  return [...readFileSync(file, "utf8").matchAll(pattern)].map((match) => resolve(dirname(file), match[1]!));
}

function undocumentedExports(file: string): string[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.flatMap((line, index) => {
    const name = /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|interface|type|const) (\w+)/.exec(
      line,
    )?.[1];
    return name === undefined || lines[index - 1]?.trimEnd().endsWith("*/") ? [] : [`${inHost(file)}: ${name}`];
  });
}
