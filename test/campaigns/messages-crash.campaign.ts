// Two hosts whose twins message each other over libp2p, in batches and both ways at once, while one of
// them is killed at a random moment, again and again. Every message that a command sent takes effect
// once, and what one caller sent does so in its order.

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { BENCH_CAPABILITY, benchPackage, RECEIVED_TOPIC } from "../../bench/suites/engine/bench-capability.ts";
import { TwinError } from "../../host/base/errors.ts";
import { LIMITS } from "../../host/base/limits.ts";
import { connectHost } from "../../host/connect.ts";
import type { TwinEvent } from "../../host/engine/engine.ts";
import { openKernels } from "../../host/kernels/open-kernels.ts";
import type { ControlApi } from "../../host/rpc/api.ts";
import { startCountedCampaign } from "../support/campaign.ts";
import { HostProcess } from "../support/host-process.ts";

const KILLS = 40;
const CALLERS = 16;
const KILL_WITHIN_MS = 1_500;
const RETRY_MS = 50;
const BEHIND_MAX = LIMITS.engine.eventsKept / 2;
/** What a caller hears when its host is killed. */
const PASSING: ReadonlySet<string> = new Set(["TWIN_ABORTED", "TWIN_ENGINE_RESTARTED"]);

/** A host, what its callers have sent, and what its twin has received. */
class Talker {
  readonly #host: HostProcess;
  readonly twin: string;
  /** By caller: how many of its messages were acknowledged. */
  readonly sent: number[] = Array.from({ length: CALLERS }, () => 0);
  /** Texts in the order in which they took effect. */
  readonly received: string[] = [];
  #lastEvent = 0;

  private constructor(host: HostProcess, twin: string) {
    this.#host = host;
    this.twin = twin;
  }

  static async start(host: HostProcess, packageBytes: Uint8Array): Promise<Talker> {
    const talker = new Talker(host, (await host.start()).twin);
    await talker.ask((control) => control.installCapability(packageBytes));
    return talker;
  }

  async kill(): Promise<void> {
    await this.#host.stop("SIGKILL");
    await this.#host.start();
  }

  /** Asks until there is an answer, over as many lives of the host as it takes. */
  async ask<Answer>(question: (control: ControlApi) => Promise<Answer>): Promise<Answer> {
    for (;;) {
      try {
        await using connection = await connectHost(this.#host.folder);
        if (connection !== undefined) return await question(connection.control);
      } catch (thrown) {
        if (!(thrown instanceof TwinError) || !PASSING.has(thrown.code)) throw thrown;
      }
      await sleep(RETRY_MS);
    }
  }

  /** Sends message after message until `isOver`, each until it is acknowledged: under its id it is sent once, however often it is asked for. */
  async talk(caller: number, to: Talker, isOver: () => boolean): Promise<void> {
    await this.ask(async (control) => {
      do {
        const number = this.sent[caller]! + 1;
        const text = `${to.twin} ${caller} ${number}`;
        await control.call(BENCH_CAPABILITY, "send", text, { callId: `${caller} ${number}` });
        this.sent[caller] = number;
        // Events are what is read, and only so many of them are kept.
        while (this.sentCount - to.received.length > BEHIND_MAX && !isOver()) await sleep(RETRY_MS);
      } while (!isOver());
    });
  }

  get sentCount(): number {
    return this.sent.reduce((all, number) => all + number, 0);
  }

  /** Follows what takes effect until `isOver`; a host that is busy ends what falls behind, and it is begun anew. */
  async follow(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.ask(async (control) => {
        const ended = new AbortController();
        const onEvent = ({ sequence, topic, payload }: TwinEvent): void => {
          if (sequence <= this.#lastEvent) return;
          this.#lastEvent = sequence;
          if (topic === RECEIVED_TOPIC) this.received.push(JSON.parse(payload) as string);
        };
        await control.subscribe(this.#lastEvent, { onEvent, onEnd: () => ended.abort() });
        // Only a call tells that the connection has ended.
        while (!ended.signal.aborted && !isOver()) {
          await sleep(RETRY_MS);
          await control.status();
        }
      });
    }
  }

  waiting(): Promise<number> {
    return this.ask(async (control) => (await control.status()).engine.outbox);
  }
}

/** By caller: the numbers that arrived, in their order. */
function arrivals(received: readonly string[]): number[][] {
  const numbers: number[][] = Array.from({ length: CALLERS }, () => []);
  for (const text of received) {
    const [, caller, number] = text.split(" ").map(Number) as [number, number, number];
    numbers[caller]!.push(number);
  }
  return numbers;
}

test(`${KILLS} kills of two hosts in conversation lose, double and reorder no message`, async () => {
  const { below, goesOn, countMin } = startCountedCampaign(KILLS);
  await using annHost = await HostProcess.create();
  await using bobHost = await HostProcess.create();
  const packageBytes = benchPackage(await openKernels());
  const [ann, bob] = [await Talker.start(annHost, packageBytes), await Talker.start(bobHost, packageBytes)];
  const { code } = await ann.ask((control) => control.invite());
  await bob.ask((control) => control.accept(code));
  let [talking, listening] = [true, true];
  const callers = Array.from({ length: CALLERS }, (_, caller) => [
    ann.talk(caller, bob, () => !talking),
    bob.talk(caller, ann, () => !talking),
  ]).flat();
  const followers = [ann.follow(() => !listening), bob.follow(() => !listening)];
  let failure: unknown;
  for (const work of [...callers, ...followers]) work.catch((thrown: unknown) => (failure ??= thrown));
  /** Until `isDone`, or somebody's failure. */
  const until = async (isDone: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await isDone())) {
      if (failure !== undefined) throw failure;
      await sleep(RETRY_MS);
    }
  };
  let kills = 0;
  for (; goesOn(kills); kills++) {
    await sleep(below(KILL_WITHIN_MS));
    await (below(2) === 0 ? ann : bob).kill();
  }
  talking = false;
  await Promise.all(callers);
  await until(async () => (await ann.waiting()) + (await bob.waiting()) === 0);
  await until(() => ann.received.length >= bob.sentCount && bob.received.length >= ann.sentCount);
  listening = false;
  await Promise.all(followers);
  process.stdout.write(`${kills} kills, ${ann.sentCount + bob.sentCount} messages\n`);
  for (const [from, to] of [
    [ann, bob],
    [bob, ann],
  ] as const) {
    expect(arrivals(to.received)).toEqual(
      from.sent.map((last) => Array.from({ length: last }, (_, index) => index + 1)),
    );
  }
  expect(kills).toBeGreaterThanOrEqual(countMin);
}, 3_600_000);
