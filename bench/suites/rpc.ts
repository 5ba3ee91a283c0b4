// Calls over a WebSocket on loopback, client and server in one thread: ours, with its bounds and
// checks, against capnweb as it comes and against JSON that is only echoed.

import type { AddressInfo } from "node:net";
import { newWebSocketRpcSession, RpcTarget, type RpcStub } from "capnweb";
import websocket, { type WebSocket as ServerSocket } from "@fastify/websocket";
import fastify from "fastify";
import { silentLog } from "../../host/base/log.ts";
import { openFrameSession } from "../../host/rpc/frame-session.ts";
import { createWebSocketLink } from "../../host/web/socket-link.ts";
import { fillRandom } from "../arena.ts";
import type { Case, SampledContender } from "../measure.ts";
import { versionOf } from "../peers.ts";
import { createConcurrentSampler } from "../samplers.ts";
import type { Suite } from "../suite.ts";

const IN_FLIGHT = 64;
const BINARY_SIZE = 1_000_000;
const PARAMS = { text: "a message of some ordinary length, as people write them", replyTo: 12_345 };

/** What all servers answer. */
class EchoTarget extends RpcTarget {
  call(_capability: string, _method: string, params: unknown): unknown {
    return params;
  }

  measure(bytes: Uint8Array): number {
    return bytes.length;
  }
}

/** A client of one server. */
interface Client extends Pick<SampledContender, "name" | "kind" | "version"> {
  readonly call: (params: object) => Promise<unknown>;
  readonly measure: (bytes: Uint8Array) => Promise<unknown>;
}

/** Opens the suite `rpc`. */
export async function openRpcSuite(): Promise<Suite> {
  await using stack = new AsyncDisposableStack();
  const server = fastify();
  stack.defer(() => server.close());
  await server.register(websocket, { options: { maxPayload: 8 * 1_048_576 } });
  server.get("/ours", { websocket: true }, serveOurs);
  server.get("/capnweb", { websocket: true }, serveCapnweb);
  server.get("/raw", { websocket: true }, serveRaw);
  await server.listen({ port: 0, host: "127.0.0.1" });
  const url = `ws://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  const ours = capnwebClient(stack, `${url}/ours`, { name: "frame session", version: "ours" });
  const capnweb = { name: "capnweb", version: versionOf("capnweb") };
  const others = [capnwebClient(stack, `${url}/capnweb`, capnweb), await rawClient(stack, `${url}/raw`)];
  const bytes = fillRandom(new Uint8Array(BINARY_SIZE), 11);
  const cases: Case[] = [
    caseOf("call-sequential", { ours, others }, ({ call }) => createConcurrentSampler(1, () => call(PARAMS))),
    caseOf("call-concurrent", { ours, others }, ({ call }) => createConcurrentSampler(IN_FLIGHT, () => call(PARAMS))),
    {
      ...caseOf("call-binary-1mb", { ours, others }, ({ measure }) => createConcurrentSampler(1, () => measure(bytes))),
      sizeBytes: BINARY_SIZE,
    },
  ];
  const owned = stack.move();
  return { cases, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function caseOf(
  name: string,
  clients: { readonly ours: Client; readonly others: readonly Client[] },
  samplerOf: (client: Client) => SampledContender["sample"],
): Case {
  const contender = (client: Client): SampledContender => {
    const { name, kind, version } = client;
    return { name, kind, version, sample: samplerOf(client) };
  };
  return { suite: "rpc", name, ours: contender(clients.ours), others: clients.others.map(contender) };
}

function serveOurs(socket: ServerSocket): void {
  openFrameSession({ link: createWebSocketLink(socket), target: new EchoTarget(), log: silentLog });
}

function serveCapnweb(socket: ServerSocket): void {
  newWebSocketRpcSession(socket as unknown as WebSocket, new EchoTarget());
}

/** Text is parsed and written again, as any server would; of bytes it answers how many they are. */
function serveRaw(socket: ServerSocket): void {
  socket.on("message", (data: Buffer, isBinary) => {
    socket.send(isBinary ? String(data.length) : JSON.stringify(JSON.parse(data.toString())));
  });
}

function capnwebClient(stack: AsyncDisposableStack, url: string, facts: Pick<Client, "name" | "version">): Client {
  const remote: RpcStub<EchoTarget> = stack.use(newWebSocketRpcSession<EchoTarget>(url));
  return {
    ...facts,
    kind: "js",
    call: async (params) => remote.call("chat", "post", params),
    measure: async (bytes) => remote.measure(bytes),
  };
}

async function rawClient(stack: AsyncDisposableStack, url: string): Promise<Client> {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  stack.defer(() => socket.close());
  // Answers come in the order of the questions.
  const waiting: ((answer: unknown) => void)[] = [];
  socket.addEventListener("message", ({ data }) => waiting.shift()?.(JSON.parse(String(data))));
  const ask = (frame: string | Uint8Array<ArrayBuffer>): Promise<unknown> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      socket.send(frame);
    });
  return {
    name: "plain JSON",
    kind: "js",
    version: versionOf("@fastify/websocket"),
    call: (params) => ask(JSON.stringify({ capability: "chat", method: "post", params })),
    measure: (bytes) => ask(bytes as Uint8Array<ArrayBuffer>),
  };
}
