// Turns flags, environment and the owner's file into one frozen value, once, at start. The only
// reader of the environment. Precedence: flag, environment, `config.json` of the data folder, default.

import { readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";

import { TwinError } from "./base/errors.ts";
import { LIMITS } from "./base/limits.ts";
import type { LogLevel } from "./base/log.ts";
import type { Lane } from "./kernels/hardware-profile.ts";
import { isWorkerCount } from "./kernels/worker-count.ts";

/** What a host is told by its owner. */
export interface HostConfig {
  /** Absolute path of the data folder. */
  readonly folder: string;
  /** Name of the person, as contacts see it first; absent: keep the one the twin has. */
  readonly name: string | undefined;
  /** Address for browsers. Loopback unless the owner says otherwise. */
  readonly host: string;
  /** Port for browsers; 0 takes any free one. */
  readonly port: number;
  /** Address for other twins. Loopback unless the owner says otherwise. */
  readonly peerHost: string;
  /** Port for other twins; 0 takes any free one at the first start and keeps it. */
  readonly peerPort: number;
  /** WebSocket address of a node of TFChain, by which strangers are looked for; absent: nobody is asked. */
  readonly tfchain: string | undefined;
  readonly logLevel: LogLevel;
  /** Who shows it may read the metrics over HTTP, from this machine; absent: nobody. Secret. */
  readonly metricsToken: string | undefined;
  /** Which lane of the kernels does what has a choice: as measured on this machine, or always one. */
  readonly lanes: Lane | "auto";
  /** Workers of the pool of kernels: as measured on this machine, or so many. */
  readonly kernelWorkers: number | "auto";
}

/** What flags may say; all optional. Paths as the user wrote them, numbers as text. */
export interface ConfigFlags {
  readonly data?: string | undefined;
  readonly name?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly peerHost?: string | undefined;
  readonly peerPort?: string | undefined;
  readonly tfchain?: string | undefined;
  readonly log?: string | undefined;
  readonly lanes?: string | undefined;
  readonly kernelWorkers?: string | undefined;
  /** Not a flag: other users of the machine see those. */
  readonly metricsToken?: undefined;
}

/** Accounts that are called the same on many machines. */
const NO_NAMES: ReadonlySet<string> = new Set(["root", "admin", "user", "node", "ubuntu", "debian", "pi", "twin"]);

/** What `twin` is called until its owner says otherwise: as the account of this machine, or by the end of its id, so that two of them differ. */
export function firstName(twin: string, account: string = accountName()): string {
  if (!/^[a-z]{2,32}$/u.test(account) || NO_NAMES.has(account)) return `Twin ${twin.slice(-4)}`;
  return account[0]!.toUpperCase() + account.slice(1);
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers run as users that nobody has named.
    return "";
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORT = 4840;
const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const satisfies readonly LogLevel[];
const TOKEN = /^[!-~]{16,256}$/u;
const LANES = ["auto", "wasm", "native"] as const satisfies readonly HostConfig["lanes"][];

/** The data folder: `--data`, `TWIN_DATA`, or `twin` in the XDG data directory (XDG Base Directory Specification, section 3). */
export function dataFolder(flags: ConfigFlags, environment: Environment = process.env): string {
  const chosen = flags.data ?? environment["TWIN_DATA"];
  if (chosen) return resolve(chosen);
  const xdg = environment["XDG_DATA_HOME"];
  return join(xdg?.startsWith("/") ? xdg : join(homedir(), ".local", "share"), "twin");
}

/** Where compiled code is kept between runs: `twin` in the XDG cache directory. May be deleted at any time. */
export function codeCacheFolder(environment: Environment = process.env): string {
  const xdg = environment["XDG_CACHE_HOME"];
  return join(xdg?.startsWith("/") ? xdg : join(homedir(), ".cache"), "twin");
}

/** Where an author's signing key is: `chosen`, or `twin/publisher.key` in the XDG config directory. */
export function publisherKeyPath(chosen: string | undefined, environment: Environment = process.env): string {
  if (chosen) return resolve(chosen);
  const xdg = environment["XDG_CONFIG_HOME"];
  return join(xdg?.startsWith("/") ? xdg : join(homedir(), ".config"), "twin", "publisher.key");
}

/** The file in which Docker and its relatives (oras, wkg) keep logins to registries: `DOCKER_CONFIG`, or `.docker` in the home folder. */
export function registryLoginPath(environment: Environment = process.env): string {
  return join(environment["DOCKER_CONFIG"] ?? join(homedir(), ".docker"), "config.json");
}

/** Reads everything. Throws `TWIN_CONFIG_INVALID` with the name of the setting, what was found and what is allowed. */
export async function readConfig(flags: ConfigFlags, environment: Environment = process.env): Promise<HostConfig> {
  const folder = dataFolder(flags, environment);
  const file = await readConfigFile(join(folder, "config.json"));
  const pick = (flag: keyof ConfigFlags, variable: string): Setting | undefined => {
    if (flags[flag] !== undefined) return { from: `--${kebab(flag)}`, value: flags[flag] };
    if (environment[variable]) return { from: variable, value: environment[variable] };
    const kept = file[flag];
    return kept === undefined ? undefined : { from: `"${flag}" in config.json`, value: textOf(kept) };
  };
  return Object.freeze({
    folder,
    name: nameOf(pick("name", "TWIN_NAME")),
    host: pick("host", "TWIN_HOST")?.value ?? "localhost",
    port: portOf(pick("port", "TWIN_PORT")) ?? DEFAULT_PORT,
    peerHost: pick("peerHost", "TWIN_PEER_HOST")?.value ?? "127.0.0.1",
    peerPort: portOf(pick("peerPort", "TWIN_PEER_PORT")) ?? 0,
    tfchain: tfchainOf(pick("tfchain", "TWIN_TFCHAIN")),
    metricsToken: tokenOf(pick("metricsToken", "TWIN_METRICS_TOKEN")),
    logLevel: logLevelOf(pick("log", "TWIN_LOG")) ?? "warn",
    lanes: lanesOf(pick("lanes", "TWIN_LANES")) ?? "auto",
    kernelWorkers: kernelWorkersOf(pick("kernelWorkers", "TWIN_KERNEL_WORKERS")) ?? "auto",
  });
}

/** Numbers as they are written; what is neither number nor text as JSON, which no setting takes. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

interface Setting {
  readonly from: string;
  readonly value: string;
}

function portOf(setting: Setting | undefined): number | undefined {
  if (setting === undefined) return undefined;
  const port = /^\d{1,5}$/.test(setting.value) ? Number(setting.value) : Number.NaN;
  if (port <= 65_535) return port;
  throw invalid(setting, "a port from 0 to 65535");
}

function nameOf(setting: Setting | undefined): string | undefined {
  if (setting === undefined || (setting.value.trim() !== "" && setting.value.length <= 64))
    return setting?.value.trim();
  throw invalid(setting, "a name of 1 to 64 characters");
}

function tfchainOf(setting: Setting | undefined): string | undefined {
  if (setting === undefined || setting.value === "off") return undefined;
  const url = URL.parse(setting.value);
  if ((url?.protocol === "wss:" || url?.protocol === "ws:") && url.username === "" && url.password === "")
    return url.href;
  throw invalid(setting, "the address of a node such as wss://tfchain.grid.tf, or off");
}

function tokenOf(setting: Setting | undefined): string | undefined {
  if (setting === undefined || TOKEN.test(setting.value)) return setting?.value;
  // Its value belongs on no screen.
  throw new TwinError("TWIN_CONFIG_INVALID", `${setting.from} must be 16 to 256 printable characters without spaces.`);
}

function logLevelOf(setting: Setting | undefined): LogLevel | undefined {
  const level = LOG_LEVELS.find((candidate) => candidate === setting?.value);
  if (setting !== undefined && level === undefined) throw invalid(setting, `one of ${LOG_LEVELS.join(", ")}`);
  return level;
}

function lanesOf(setting: Setting | undefined): HostConfig["lanes"] | undefined {
  const lanes = LANES.find((candidate) => candidate === setting?.value);
  if (setting !== undefined && lanes === undefined) throw invalid(setting, `one of ${LANES.join(", ")}`);
  return lanes;
}

function kernelWorkersOf(setting: Setting | undefined): HostConfig["kernelWorkers"] | undefined {
  if (setting === undefined || setting.value === "auto") return setting?.value as "auto" | undefined;
  const count = /^\d{1,5}$/.test(setting.value) ? Number(setting.value) : Number.NaN;
  if (isWorkerCount(count)) return count;
  throw invalid(setting, `auto, or 1 to ${LIMITS.kernels.workersMax} workers`);
}

function invalid(setting: Setting, expected: string): TwinError {
  return new TwinError("TWIN_CONFIG_INVALID", `${setting.from} is "${setting.value}": expected ${expected}.`);
}

function kebab(flag: string): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

const FILE_KEYS = new Set<string>([
  "name",
  "host",
  "port",
  "peerHost",
  "peerPort",
  "tfchain",
  "log",
  "lanes",
  "kernelWorkers",
  "metricsToken",
]);

async function readConfigFile(path: string): Promise<Readonly<Partial<Record<keyof ConfigFlags, unknown>>>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT" || (cause as NodeJS.ErrnoException).code === "ENOTDIR")
      return {};
    throw new TwinError("TWIN_CONFIG_INVALID", `${path} cannot be read: ${(cause as Error).message}.`, {}, cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TwinError("TWIN_CONFIG_INVALID", `${path} is not JSON: mend it or delete it.`, {}, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TwinError("TWIN_CONFIG_INVALID", `${path} must hold one JSON object.`);
  }
  const unknown = Object.keys(value).find((key) => !FILE_KEYS.has(key));
  if (unknown !== undefined) {
    throw new TwinError(
      "TWIN_CONFIG_INVALID",
      `${path} has the unknown setting "${unknown}": known are ${[...FILE_KEYS].join(", ")}.`,
    );
  }
  return value;
}
