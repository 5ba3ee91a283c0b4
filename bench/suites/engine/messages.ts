// Messages between two host processes, counted when they have taken effect.

import { setTimeout as sleep } from "node:timers/promises";
import { connectHost } from "../../../host/connect.ts";
import type { ControlApi } from "../../../host/rpc/api.ts";
import { HostProcess } from "../../../test/support/host-process.ts";
import type { Case } from "../../measure.ts";
import { secondsOf } from "../../samplers.ts";
import { BENCH_CAPABILITY } from "./bench-capability.ts";

const SENDS_IN_FLIGHT = 64;
const PAYLOAD_LENGTH = 200;
/** Between two looks at what has arrived: each has the receiver look at its vault, too, which is not what is measured. */
const LOOK_MS = 10;

/** What {@link openMessageCase} needs. */
export interface MessageOptions {
  readonly packageBytes: Uint8Array;
  /** In one round. */
  readonly messageCount: number;
}

/** Starts two hosts, pairs them and installs the bench's capability in both; `stack` ends them. */
export async function openMessageCase(stack: AsyncDisposableStack, options: MessageOptions): Promise<Case> {
  const { packageBytes, messageCount } = options;
  const [sender, receiver] = [await startHost(stack, packageBytes), await startHost(stack, packageBytes)];
  await receiver.control.accept((await sender.control.invite()).code);
  const payload = `${receiver.twin} `.padEnd(PAYLOAD_LENGTH, "message ");
  let arrived = await effectsIn(receiver);
  const sendAll = async (): Promise<void> => {
    arrived += messageCount;
    let left = messageCount;
    const sendSome = async (): Promise<void> => {
      while (left-- > 0) await sender.control.call(BENCH_CAPABILITY, "send", payload);
    };
    await Promise.all(Array.from({ length: SENDS_IN_FLIGHT }, sendSome));
    while ((await effectsIn(receiver)) < arrived) await sleep(LOOK_MS);
  };
  const sample = async (): Promise<number> => (await secondsOf(sendAll)) / messageCount;
  const ours = { name: "two hosts", kind: "wasm", version: "ours", sample } as const;
  return { suite: "engine", name: "message-exactly-once", ours, others: [], roundsMax: 7 };
}

/** Every message that takes effect is one event, and nothing else there is. */
async function effectsIn({ control }: RunningHost): Promise<number> {
  return (await control.status()).engine.lastEventSequence;
}

interface RunningHost {
  readonly control: ControlApi;
  readonly twin: string;
}

async function startHost(stack: AsyncDisposableStack, packageBytes: Uint8Array): Promise<RunningHost> {
  const host = stack.use(await HostProcess.create());
  const { twin, folder } = await host.start();
  const connection = await connectHost(folder);
  if (connection === undefined) throw new Error(`The host in ${folder} does not answer.`);
  const { control } = stack.use(connection);
  await control.installCapability(packageBytes);
  return { control, twin };
}
