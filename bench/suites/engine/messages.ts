// Messages between two host processes, counted when they have taken effect.

import { connectHost } from "../../../host/connect.ts";
import type { ControlApi } from "../../../host/rpc/api.ts";
import { HostProcess } from "../../../test/support/host-process.ts";
import type { Case } from "../../measure.ts";
import { secondsOf } from "../../samplers.ts";
import { BENCH_CAPABILITY, RECEIVED_TOPIC } from "./bench-capability.ts";

const SENDS_IN_FLIGHT = 32;
const PAYLOAD_LENGTH = 200;

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
  let received = 0;
  let wanted: { readonly count: number; readonly resolve: () => void } | undefined;
  const onEvent = ({ topic }: { readonly topic: string }): void => {
    received += Number(topic === RECEIVED_TOPIC);
    if (wanted !== undefined && received >= wanted.count) wanted.resolve();
  };
  stack.use(await receiver.control.subscribe(-1, { onEvent }));
  const payload = `${receiver.twin} `.padEnd(PAYLOAD_LENGTH, "message ");
  let sent = 0;
  const sendAll = async (): Promise<void> => {
    const end = sent + messageCount;
    const arrival = Promise.withResolvers<void>();
    wanted = { count: end, resolve: arrival.resolve };
    const sendSome = async (): Promise<void> => {
      while (sent < end) {
        sent++;
        await sender.control.call(BENCH_CAPABILITY, "send", payload);
      }
    };
    await Promise.all(Array.from({ length: SENDS_IN_FLIGHT }, sendSome));
    await arrival.promise;
  };
  const sample = async (): Promise<number> => (await secondsOf(sendAll)) / messageCount;
  const ours = { name: "two hosts", kind: "wasm", version: "ours", sample } as const;
  return { suite: "engine", name: "message-exactly-once", ours, others: [], roundsMax: 7 };
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
