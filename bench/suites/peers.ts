// Twins over libp2p on loopback, both ends in one thread: our frames and sessions on a stream against
// the bare stream.

import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Libp2p, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { RpcTarget } from "capnweb";
import { systemClock } from "../../host/base/clock.ts";
import { silentLog } from "../../host/base/log.ts";
import { createLanes, type Lanes } from "../../host/kernels/lanes.ts";
import { measureLanes } from "../../host/kernels/measure-lanes.ts";
import { openKernels } from "../../host/kernels/open-kernels.ts";
import { FrameStream } from "../../host/peers/frame-stream.ts";
import { createNode, startNode } from "../../host/peers/libp2p-node.ts";
import { openFrameSession, remoteAnswer } from "../../host/rpc/frame-session.ts";
import { fillRandom } from "../arena.ts";
import type { Case } from "../measure.ts";
import { versionOf } from "../peers.ts";
import { createConcurrentSampler } from "../samplers.ts";
import type { Suite, SuiteContext } from "../suite.ts";
import { openAwayCase } from "./peers/away-contacts.ts";

const IN_FLIGHT = 16;
const PAYLOAD_SIZE = 200;
const FRAME_SIZE = 65_536;
const FRAME_SIZE_MAX = 2 * 1_048_576;
const PROTOCOLS = {
  session: "/bench/session",
  raw: "/bench/raw",
  frames: "/bench/frames",
  sink: "/bench/sink",
} as const;

/** Answers as a host answers a message of another twin. */
class DeliveryTarget extends RpcTarget {
  deliver(message: { readonly sequence: number; readonly payload: Uint8Array }): object {
    return { status: "done", sequence: message.sequence };
  }
}

/** Opens the suite `peers`. */
export async function openPeerSuite({ wants }: SuiteContext): Promise<Suite> {
  await using stack = new AsyncDisposableStack();
  const kernels = await openKernels();
  const lanes = createLanes(kernels, measureLanes(kernels, systemClock));
  const dialler = await openNode(stack, { number: 1, lanes, register: async () => {} });
  const listener = await openNode(stack, { number: 2, lanes, register: serve });
  const connection = await dialler.dial(multiaddr(String(listener.getMultiaddrs()[0])));
  const open = (protocol: string): Promise<Stream> => connection.newStream(protocol);
  const cases = [
    await requestCase(await open(PROTOCOLS.session), await open(PROTOCOLS.raw)),
    await streamCase(await open(PROTOCOLS.frames), await open(PROTOCOLS.sink)),
  ];
  if (wants("deliver-while-away")) cases.push(await openAwayCase(stack));
  const owned = stack.move();
  return { cases, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const OURS = { name: "frame stream", kind: "js", version: "ours" } as const;
const LIBP2P = { name: "bare libp2p stream", kind: "js", version: versionOf("libp2p") } as const;

interface NodeOptions {
  readonly number: number;
  readonly lanes: Lanes;
  readonly register: (node: Libp2p) => Promise<void>;
}

async function openNode(stack: AsyncDisposableStack, { number, lanes, register }: NodeOptions): Promise<Libp2p> {
  const hostKey = await generateKeyPairFromSeed("Ed25519", new Uint8Array(32).fill(number));
  const listen = ["/ip4/127.0.0.1/tcp/0"];
  const node = await createNode(hostKey, listen, lanes);
  stack.defer(async () => node.stop());
  await register(node);
  await startNode(node, listen);
  return node;
}

async function serve(node: Libp2p): Promise<void> {
  await node.handle(PROTOCOLS.session, (stream) => {
    openFrameSession({ link: new FrameStream(stream, FRAME_SIZE_MAX), target: new DeliveryTarget(), log: silentLog });
  });
  await node.handle(PROTOCOLS.raw, (stream) => {
    // Every message of the client is one: it waits for the answer, or sends none that yamux would split.
    stream.addEventListener("message", ({ data }) => stream.send(data));
  });
  await node.handle(PROTOCOLS.frames, (stream) => {
    const frames = new FrameStream(stream, FRAME_SIZE_MAX);
    void answerBatches(frames);
  });
  await node.handle(PROTOCOLS.sink, (stream) => {
    let size = 0;
    stream.addEventListener("message", ({ data }) => {
      size += data.byteLength;
      for (; size >= BATCH_SIZE; size -= BATCH_SIZE) stream.send(ANSWER);
    });
  });
}

/** Frames that the other side answers together: one round trip in so much data does not count. */
const FRAMES_PER_BATCH = 64;
const BATCH_SIZE = FRAMES_PER_BATCH * FRAME_SIZE;
const ANSWER = new Uint8Array(8);

async function answerBatches(frames: FrameStream): Promise<void> {
  try {
    for (let count = 1; ; count++) {
      await frames.receive();
      if (count % FRAMES_PER_BATCH === 0) await frames.send(ANSWER);
    }
  } catch {
    // The stream ends with the suite.
  }
}

async function requestCase(session: Stream, raw: Stream): Promise<Case> {
  const payload = fillRandom(new Uint8Array(PAYLOAD_SIZE), 12);
  const { remote } = openFrameSession<DeliveryTarget>({
    link: new FrameStream(session, FRAME_SIZE_MAX),
    log: silentLog,
  });
  const ours = createConcurrentSampler(IN_FLIGHT, (sequence) => remoteAnswer(remote.deliver({ sequence, payload })));
  const echo = createEcho(raw);
  const theirs = createConcurrentSampler(IN_FLIGHT, () => echo(payload));
  return {
    suite: "peers",
    name: "request",
    ours: { ...OURS, name: "peer session", sample: ours },
    others: [{ ...LIBP2P, sample: theirs }],
  };
}

/** Sends and resolves when as many bytes have come back. */
function createEcho(stream: Stream): (bytes: Uint8Array) => Promise<void> {
  const waiting: { left: number; readonly resolve: () => void }[] = [];
  stream.addEventListener("message", ({ data }) => {
    for (let size = data.byteLength; size > 0;) {
      const first = waiting[0]!;
      const taken = Math.min(size, first.left);
      first.left -= taken;
      size -= taken;
      if (first.left === 0) waiting.shift()!.resolve();
    }
  });
  return (bytes) =>
    new Promise((resolve) => {
      waiting.push({ left: bytes.length, resolve });
      stream.send(bytes);
    });
}

async function streamCase(framed: Stream, raw: Stream): Promise<Case> {
  const frame = fillRandom(new Uint8Array(FRAME_SIZE), 13);
  const frames = new FrameStream(framed, FRAME_SIZE_MAX);
  const sendFrames = async (): Promise<void> => {
    for (let count = 0; count < FRAMES_PER_BATCH; count++) await frames.send(frame);
    await frames.receive();
  };
  const answered = createAnswerWait(raw);
  const sendRaw = async (): Promise<void> => {
    const answer = answered();
    for (let count = 0; count < FRAMES_PER_BATCH; count++) if (!raw.send(frame)) await drained(raw);
    await answer;
  };
  return {
    suite: "peers",
    name: "stream",
    sizeBytes: FRAME_SIZE,
    workBytes: BATCH_SIZE,
    ours: { ...OURS, sample: createConcurrentSampler(1, sendFrames) },
    others: [{ ...LIBP2P, sample: createConcurrentSampler(1, sendRaw) }],
  };
}

function createAnswerWait(stream: Stream): () => Promise<void> {
  let resolve: (() => void) | undefined;
  stream.addEventListener("message", () => resolve?.());
  return () =>
    new Promise((done) => {
      resolve = done;
    });
}

function drained(stream: Stream): Promise<void> {
  return new Promise((resolve) => stream.addEventListener("drain", () => resolve(), { once: true }));
}
