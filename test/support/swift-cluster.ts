// An OpenStack Swift of Debian's packages on the loopback, with its S3 interface: a proxy, a server each of
// accounts and containers, and three of objects that each hold a copy of everything.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const COPIES = 3;
const PATIENCE_MS = 60_000;

/** A Swift that answers. Disposing it ends its servers and deletes what they hold. */
export interface SwiftCluster extends AsyncDisposable {
  /** Of its S3 interface. */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Kills one of the three servers of objects; disposing the answer starts it again. */
  stopObjectServer(which: number): Promise<AsyncDisposable>;
}

/** Starts one. Throws where Debian's packages swift-proxy, swift-account, swift-container, swift-object and memcached are not installed. */
export async function openSwiftCluster(): Promise<SwiftCluster> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "swift-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const [proxy, memory, account, container, ...objects] = await freePorts(4 + COPIES);
  await makeRings(folder, { account: [account!], container: [container!], object: objects });
  const server = async (kind: string, port: number, device: string): Promise<Server> => {
    const file = join(folder, `${kind}-${port}.conf`);
    await mkdir(join(folder, "devices", device), { recursive: true });
    await writeFile(file, storageConfig(folder, kind, port));
    return await startServer(`swift-${kind}-server`, [file], port);
  };
  stack.use(await startServer("memcached", ["-l", "127.0.0.1", "-p", `${memory}`, "-u", userInfo().username], memory!));
  stack.use(await server("account", account!, "d0"));
  stack.use(await server("container", container!, "d0"));
  const stores: Server[] = [];
  stack.defer(async () => void (await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()))));
  for (const [at, port] of objects.entries()) stores.push(await server("object", port, `d${at}`));
  const file = join(folder, "proxy.conf");
  await writeFile(file, proxyConfig(folder, { proxy: proxy!, memory: memory! }));
  stack.use(await startServer("swift-proxy-server", [file], proxy!));
  const owned = stack.move();
  return {
    endpoint: `http://127.0.0.1:${proxy}`,
    accessKeyId: "test:tester",
    secretAccessKey: "testing",
    async stopObjectServer(which) {
      await stores[which]![Symbol.asyncDispose]();
      return {
        [Symbol.asyncDispose]: async () => void (stores[which] = await server("object", objects[which]!, `d${which}`)),
      };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type Server = AsyncDisposable;

/** Starts a program and waits until it listens on `port`. Disposing kills it. */
async function startServer(program: string, words: readonly string[], port: number): Promise<Server> {
  const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (part) => (said = (said + String(part)).slice(-2_000)));
  let failure: Error | undefined;
  child.on("error", (thrown) => (failure = thrown));
  for (const startedMs = performance.now(); !(await isOpen(port)); await sleep(50)) {
    if (failure !== undefined || child.exitCode !== null || performance.now() - startedMs > PATIENCE_MS) {
      await endProcess(child);
      throw new Error(`${program} does not listen: ${failure?.message ?? said}`);
    }
  }
  return { [Symbol.asyncDispose]: () => endProcess(child) };
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function isOpen(port: number): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${port}/healthcheck`, { signal: AbortSignal.timeout(1_000) }).then(
    async (answer) => {
      await answer.body?.cancel();
      return true;
    },
    // What speaks, but not HTTP, listens as well.
    (thrown: Error & { readonly cause?: { readonly code?: string } }) => thrown.cause?.code !== "ECONNREFUSED",
  );
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  for (const server of servers) server.close();
  return ports;
}

/** Which server holds what: a device for each port, each in a zone of its own. */
async function makeRings(folder: string, rings: Readonly<Record<string, readonly number[]>>): Promise<void> {
  for (const [kind, ports] of Object.entries(rings)) {
    const file = join(folder, `${kind}.builder`);
    await run("swift-ring-builder", [file, "create", "4", `${ports.length}`, "0"]);
    for (const [at, port] of ports.entries()) {
      await run("swift-ring-builder", [file, "add", `r1z${at + 1}-127.0.0.1:${port}/d${at}`, "1"]);
    }
    await run("swift-ring-builder", [file, "rebalance"]);
  }
}

function storageConfig(folder: string, kind: string, port: number): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = ${userInfo().username}
swift_dir = ${folder}
devices = ${join(folder, "devices")}
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = ${kind}-server
[app:${kind}-server]
use = egg:swift#${kind}
`;
}

function proxyConfig(folder: string, { proxy, memory }: { readonly proxy: number; readonly memory: number }): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${proxy}
workers = 0
user = ${userInfo().username}
swift_dir = ${folder}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${memory}
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
`;
}
