// `init`, `start`, `demo`, `status`, `link`: the host itself.

import { finished } from "node:stream/promises";

import { type Command, Option } from "commander";

import { TwinError } from "../../base/errors.ts";
import { type ConfigFlags, readConfig } from "../../config.ts";
import type { HostStatus, LaneChoice } from "../../index.ts";
import { startDemo } from "../demo.ts";
import { answer, formatSize, formatTime, plural, print, table } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { wholeNumber } from "../whole-number.ts";

type StartOptions = SessionOptions & ConfigFlags & { readonly stopWithStdin?: boolean | undefined };

/** Adds the commands to `program`. */
export function addHostCommands(program: Command): void {
  withConfigFlags(
    program.command("init [name]").description("create the data folder and a twin; with a name, another twin in it"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  twin init --data ~/my-twin --name Ada\n  twin init family          # another twin in the same host\n  twin --as family status\n",
    )
    .action((name: string | undefined, _, command: Command) => init(command.optsWithGlobals(), name));
  program
    .command("list")
    .description("the other twins of this host")
    .action((_, command: Command) => list(command.optsWithGlobals()));
  withConfigFlags(program.command("start").description("run the twin host (creates the twin at the first start)"))
    .option("--stop-with-stdin", "stop when standard input ends: for a program that starts a host")
    .addHelpText(
      "after",
      "\nExamples:\n  twin start\n  twin start --data ~/my-twin --port 8080\n  twin start --peer-host 0.0.0.0 --peer-port 4841   # reachable for twins on other machines\n",
    )
    .action(start);
  program
    .command("demo")
    .description("run two hosts with a twin each, already paired, to try a chat")
    .addOption(
      new Option("--port <port>", "port of the first; the second takes the port ten above")
        .default(4840)
        .argParser(wholeNumber),
    )
    .addHelpText(
      "after",
      "\nWith --data both twins are kept in that folder; without, they are gone when the demo ends.\n",
    )
    .action((_, command: Command) => demo(command.optsWithGlobals()));
  program
    .command("status")
    .description("what the twin stores, who is online, what it would survive")
    .action((_, command: Command) => status(command.optsWithGlobals()));
  program
    .command("metrics")
    .description("the running host's figures, in Prometheus's text format")
    .addHelpText("after", "\nOver HTTP: docs/guides/operate.md\n")
    .action((_, command: Command) => metrics(command.optsWithGlobals()));
  program
    .command("link")
    .description("a fresh one-time link that logs a browser in as the owner")
    .action((_, command: Command) => link(command.optsWithGlobals()));
}

function withConfigFlags(command: Command): Command {
  return command
    .option("--name <name>", "your name, as contacts first see it")
    .option("--host <address>", "address for browsers (default: localhost)")
    .option("--port <port>", "port for browsers (default: 4840; 0: any)")
    .option("--peer-host <address>", "address for other twins (default: 127.0.0.1)")
    .option("--peer-port <port>", "port for other twins (default: any, then kept)")
    .option("--tfchain <url>", "a node of TFChain, to find twins that you never met (default: off)")
    .option("--lanes <lane>", "auto, wasm or native: who seals and hashes for connections (default: auto, as measured)")
    .option("--kernel-workers <count>", "threads for sealing and coding files (default: auto, as measured)")
    .option("--log <level>", "debug, info, warn, error or silent (default: warn)");
}

async function list(options: SessionOptions): Promise<void> {
  const twins = await withOwner({ ...options, as: undefined }, (owner) => owner.twins());
  answer(options, twins, () =>
    twins.length === 0
      ? "This host has one twin. Make another one: twin init NAME"
      : table(twins.map(({ name, twin, problem = "" }) => [name, twin, problem])).map((line) => line.trimEnd()),
  );
}

async function init(options: StartOptions, other: string | undefined): Promise<void> {
  refuseAs(options, "init");
  if (other !== undefined) return initOther(options, other);
  const config = await readConfig(options);
  const { openHost } = await import("../../host.ts");
  await using host = await openHost(config, { create: true, web: false, peers: false });
  const { twin, name } = await host.control.status();
  if (options.json === true)
    print(JSON.stringify({ twin, name, folder: config.folder, phrase: host.phrase?.join(" ") }));
  else {
    print(`${name} is ${twin}, in ${config.folder}`);
    showPhrase(host.phrase);
  }
  await host.phraseWasShown();
}

/** What a command does with the whole host it cannot do with one twin of it. */
function refuseAs({ as }: SessionOptions, command: string): void {
  if (as === undefined) return;
  const message = `twin ${command} is about the host with all of its twins: leave out --as ${as}.`;
  throw new TwinError("TWIN_INPUT_INVALID", message);
}

async function initOther(options: StartOptions, name: string): Promise<void> {
  const made = await withOwner(options, (owner) => owner.createTwin(name, options.name));
  answer(options, made, () => `${made.name} is ${made.twin}, in ${made.folder}`);
  if (options.json !== true) showPhrase(made.phrase.split(" "));
}

async function start(_: unknown, command: Command): Promise<void> {
  const options: StartOptions = command.optsWithGlobals();
  refuseAs(options, "start");
  const config = await readConfig(options);
  const { openHost } = await import("../../host.ts");
  await using host = await openHost(config, { create: true, web: true, peers: true });
  const stopped = options.stopWithStdin === true ? Promise.race([stopSignal(), stdinEnd()]) : stopSignal();
  const { twin, name, webUrl, peerAddresses } = await host.control.status();
  const loginLink = await host.control.loginLink();
  if (options.json === true) {
    print(
      JSON.stringify({
        twin,
        name,
        folder: config.folder,
        webUrl,
        peerAddresses,
        loginLink,
        phrase: host.phrase?.join(" "),
      }),
    );
  } else {
    showPhrase(host.phrase);
    const isNew = host.phrase !== undefined && config.name === undefined;
    print(`Your twin runs at ${webUrl}`);
    print(`  name     ${name}${isNew ? ", for the people you invite; another one: --name NAME" : ""}`);
    print(`  data     ${config.folder}`);
    print(`  twin     ${twin}`);
    print(`  peers    ${peerAddresses.join(", ") || "none"}`);
    print("");
    print("Open this link once, in any browser on this machine:");
    print(`  ${loginLink}`);
  }
  await host.phraseWasShown();
  await stopped;
}

function showPhrase(phrase: readonly string[] | undefined): void {
  if (phrase === undefined) return;
  print("");
  print("Your phrase. It is shown once: write it down and keep it where nobody else looks.");
  print("Whoever has these 24 words is you; without them a lost machine is a lost twin.");
  print("");
  for (let row = 0; row < 6; row++) {
    const words = phrase.slice(row * 4, row * 4 + 4);
    print(
      `  ${words.map((word, column) => `${String(row * 4 + column + 1).padStart(2)}. ${word}`.padEnd(16)).join("")}`.trimEnd(),
    );
  }
  print("");
}

/** Resolves when the user or the system asks to stop. A second signal ends the process at once: stopping is always safe. */
async function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const keepAlive = setInterval(() => {}, 2 ** 30);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  await promise;
  clearInterval(keepAlive);
}

/** Resolves when nobody holds the other end of standard input any more. */
async function stdinEnd(): Promise<void> {
  await finished(process.stdin.resume(), { writable: false }).catch(() => {});
}

async function metrics(options: SessionOptions): Promise<void> {
  const text = await withOwner(options, (owner) => owner.metrics());
  answer(options, { metrics: text }, () => text.trimEnd());
}

async function demo(options: { readonly data?: string; readonly port: number }): Promise<void> {
  // Before the hosts start: a demo that ends without ending them would leave them running.
  const stopped = stopSignal();
  await using twins = await startDemo({ folder: options.data, port: options.port });
  print("Two twins run and know each other. Open each link in a browser window of its own:");
  for (const { name, loginLink } of twins.running) print(`  ${name.padEnd(6)} ${loginLink}`);
  print("");
  print("Choose Chat in both; type in one, read in the other. Ctrl-C ends both.");
  await Promise.race([stopped, twins.failed]);
}

async function link(options: SessionOptions): Promise<void> {
  const loginLink = await withOwner(options, (owner) => owner.loginLink());
  answer(options, { loginLink }, () => loginLink);
}

async function status(options: SessionOptions): Promise<void> {
  const state = await withOwner(options, (owner) => owner.status());
  answer(options, state, () => describeStatus(state));
}

function describeStatus(state: HostStatus): string[] {
  const { vault, engine, peers } = state;
  const online = peers.filter((peer) => peer.online).length;
  return [
    `${state.name}  ${state.twin}`,
    state.webUrl === "" ? "not running" : `runs at ${state.webUrl} since ${formatTime(state.startedAtMs)}`,
    "",
    `stores   ${plural(vault.objectCount, "object")}, ${formatSize(vault.sizeBytes)}; ${describeMargin(state)}`,
    ...table(
      vault.stores.map((store) => [
        `  ${store.name}`,
        plural(store.shardCount, "shard"),
        formatSize(store.usedBytes),
        store.problem ?? (store.draining ? "draining" : "ok"),
      ]),
    ),
    ...describeCare(state),
    ...describeReplica(state),
    `peers    ${online} of ${peers.length} online`,
    ...table(
      peers.map((peer) => [
        `  ${peer.name}`,
        peer.online ? "online" : (peer.problem ?? "offline"),
        `${peer.waiting} waiting`,
        peer.twin,
      ]),
    ),
    ...describeBrokenTwins(state),
    `engine   ${plural(engine.calls, "call")}, ${plural(engine.errors, "error")}, ${plural(engine.outbox, "message")} waiting, ${engine.parked} parked`,
    ...describeLanes(state.kernels),
    `memory   ${formatSize(state.memorySizeBytes)}`,
  ];
}

function describeBrokenTwins({ brokenTwins = [] }: HostStatus): string[] {
  if (brokenTwins.length === 0) return [];
  const rows = brokenTwins.map(({ name, problem = "" }) => [`  ${name}`, problem]);
  return [`twins    ${plural(brokenTwins.length, "twin")} of this host cannot be used`, ...table(rows)];
}

const LANES_CHOSEN_BY: Readonly<Record<string, string>> = {
  start: "measured at the first start",
  bench: "measured by the bench",
  config: "set by you",
};

const WORKERS_CHOSEN_BY: Readonly<Record<string, string>> = { ...LANES_CHOSEN_BY, cores: "as the cores suggest" };

function describeLanes({ lanes, lanesChosenBy, workers, workersChosenBy }: HostStatus["kernels"]): string[] {
  return [
    `kernels  ${LANES_CHOSEN_BY[lanesChosenBy] ?? lanesChosenBy}`,
    ...table(
      Object.entries(lanes).map(([operation, rules]) => [`  ${operation}`, rules.map(describeRule).join(", then ")]),
    ),
    `  workers at most ${workers}, ${WORKERS_CHOSEN_BY[workersChosenBy] ?? workersChosenBy}`,
  ];
}

function describeRule({ upToSizeBytes, lane }: LaneChoice): string {
  if (upToSizeBytes === null) return lane;
  const size = upToSizeBytes % 1_024 === 0 ? `${upToSizeBytes / 1_024} KiB` : formatSize(upToSizeBytes);
  return `${lane} up to ${size}`;
}

/** What is done about the shards, and what was done last. */
function describeCare({ vault }: HostStatus): string[] {
  const { weakest, work, putsAtWork, lastScrub, lastSample } = vault;
  const checked = [
    lastScrub === undefined ? "never checked in full" : `checked in full ${formatTime(lastScrub.finishedAtMs)}`,
    ...(lastSample === undefined ? [] : [`sampled ${formatTime(lastSample.finishedAtMs)}`]),
  ];
  const margin = weakest === undefined ? 0 : weakest.margin;
  return [
    `care     ${checked.join(", ")}`,
    ...(weakest === undefined ? [] : [`  weakest object: ${weakest.name || weakest.object}, ${survivalOf(margin)}`]),
    ...(putsAtWork === 0 ? [] : [`  ${plural(putsAtWork, "object")} being stored`]),
    ...(work === undefined ? [] : [`  ${describeWork(work)}`]),
  ];
}

function survivalOf(margin: number): string {
  if (margin < 0) return "cannot be read now";
  return margin === 0 ? "survives no further loss" : `survives the loss of any ${margin}`;
}

function describeWork({ kind, done, total, etaMs }: NonNullable<HostStatus["vault"]["work"]>): string {
  const far = total === undefined ? `${done}` : `${done} of ${total}`;
  return `${kind} at work: ${far}${etaMs === undefined ? "" : `, done in about ${Math.ceil(etaMs / 1_000)} s`}`;
}

/** The whole twin's copy in its vault: what a loss of this machine would cost now. */
function describeReplica({ replica }: HostStatus): string[] {
  if (replica === undefined) return ["copy     is kept while the host runs: twin start"];
  const { rootSequence, lagMs, problem, lastDrillAtMs } = replica;
  const drill = lastDrillAtMs === undefined ? "never drilled" : `last drill ${formatTime(lastDrillAtMs)}`;
  const copy = rootSequence === 0 ? "is being made" : `root ${rootSequence}, ${(lagMs / 1_000).toFixed(1)} s behind`;
  return [`copy     ${problem?.replace(/\.$/u, "") ?? copy}; ${drill}`];
}

function describeMargin({ vault }: HostStatus): string {
  if (vault.objectCount === 0) return `${vault.dataShards}+${vault.parityShards} over ${vault.stores.length} stores`;
  if (vault.margin < 0) return "some data cannot be read: bring back a lost store";
  if (vault.margin === 0)
    return "all can be read, but the next store that fails costs data: bring stores back, or scrub";
  const stores = `survives the loss of any ${vault.margin} of ${vault.stores.length} stores`;
  if (vault.domainMargin > 0) return `${stores}, and of any ${vault.domainMargin} disks or services`;
  return `${stores}, but not of the disk or service that holds most of them`;
}
