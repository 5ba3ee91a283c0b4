// A process with two twins that work for themselves and message each other until it is killed. What it
// has begun and what was acknowledged stands in the ledger, written before and after each call.

import { openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jsonEncode } from "../../host/base/bytes.ts";
import type { TwinError } from "../../host/base/errors.ts";
import { type Log, silentLog } from "../../host/base/log.ts";
import type { Delivery, Engine } from "../../host/engine/engine.ts";
import { openEngines } from "../../host/engine/open-engines.ts";
import { CRASH_TWINS, crashKey, type CrashStep, readLedger } from "./crash-ledger.ts";
import { messagesOf } from "./page-messages.ts";

const CALLERS = 8;
/** Whoever kills may be held up, and the judge needs events of all commands, of which only so many are kept. */
const COMMANDS_PER_LIFE = 500;
/** What a disk says that fails. */
const REFUSALS: ReadonlySet<string> = new Set(["TWIN_STATE_FULL", "TWIN_HOST_FOLDER"]);

const [folder, seed] = process.argv.slice(2) as [string, string];
const ledgerPath = join(folder, "ledger");
const done = readLedger(folder);
const ledger = openSync(ledgerPath, "a");
const note = (what: "begin" | "done", { twin, number }: CrashStep): void => {
  writeSync(ledger, `${what} ${twin} ${number}\n`);
};

const entry = new URL("./failing-engine-worker.ts", import.meta.url);
entry.searchParams.set("seed", seed);
/** Says what ends a worker: by itself this process would only know that it was restarted. */
const log: Log = {
  ...silentLog,
  error: (fields, message) => {
    const { err } = fields as { readonly err?: Partial<TwinError> };
    if (err?.code === undefined || !REFUSALS.has(err.code)) console.error(message, fields);
  },
  warn: (fields, message) => console.error(message, fields),
};
const engines = await openEngines({ folder: join(folder, "journals"), log, entry });

/** What the disk has refused is done again until it is done. */
async function persist<Result>(act: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await act();
    } catch (thrown) {
      refusal(thrown);
      await sleep(1);
    }
  }
}

/** Throws what is not a refusal of the disk. */
function refusal(thrown: unknown): undefined {
  const { code } = thrown as Partial<TwinError>;
  if (code === undefined || !REFUSALS.has(code)) throw thrown;
}

async function open(twin: number): Promise<Engine> {
  const engine = await engines.open({
    folder: join(folder, `twin-${twin}`),
    twin: CRASH_TWINS[twin]!,
    stateKey: crashKey(twin),
  });
  for (const name of ["probe", "second"]) {
    await persist(() => engine.install(readFileSync(join(folder, `${name}-${twin}.wasm`))));
  }
  return engine;
}

/** One command with all kinds of effects; every third goes to the other capability, and every fifth fails half way. */
async function step(engine: Engine, at: CrashStep): Promise<void> {
  const { number, twin } = at;
  const holder = { kind: "owner" } as const;
  const payload = jsonEncode(`${String(number).padStart(8, "0")} of ${twin}`);
  if (number % 5 === 0) {
    await engine.call({ holder, capability: "probe", method: "put_trap", payload: payload.slice() }).catch(() => {});
  }
  note("begin", at);
  const capability = number % 3 === 0 ? "second" : "probe";
  const request = { holder, capability, method: "mark", callId: `step ${number}` } as const;
  await persist(() => engine.call({ ...request, payload: payload.slice() }));
  note("done", at);
}

async function work(engine: Engine, twin: number): Promise<never> {
  // What was begun and not acknowledged is asked for again: under its id it happens once.
  for (const number of done[twin]!.open) await step(engine, { twin, number });
  let next = done[twin]!.next;
  const caller = async (): Promise<never> => {
    for (;;) {
      if (next < done[twin]!.next + COMMANDS_PER_LIFE) await step(engine, { twin, number: next++ });
      else await sleep(1_000);
    }
  };
  return Promise.race(Array.from({ length: CALLERS }, caller));
}

/** Carries messages from one twin to the other, as the network would: many at once, some twice. */
async function carry(from: Engine, to: Engine, sender: number): Promise<never> {
  const circles = ["contacts"];
  for (;;) {
    const [peer] = (await persist(() => from.outboxPeers())).keys();
    if (peer === undefined) await sleep(2);
    else {
      const page = await persist(() => from.outbox(peer, { limit: 16 }));
      const messages = messagesOf(page);
      const last = Math.max(...messages.map(({ sequence }) => sequence));
      const deliveries = messages.flatMap((message) => {
        const { sequence, capability, method } = message;
        const deliver = (): Promise<Delivery> => {
          const payload = message.payload.slice();
          return to.deliver({ from: CRASH_TWINS[sender]!, circles, sequence, capability, method, payload });
        };
        return sequence % 7 === 0 ? [deliver(), deliver()] : [deliver()];
      });
      const outcomes = await Promise.all(deliveries.map((delivery) => delivery.catch(refusal)));
      // What the disk refused, and what came behind it, comes again.
      if (outcomes.some((outcome) => outcome === undefined || outcome.status === "gap")) continue;
      for (const outcome of outcomes) if (outcome?.status !== "done") throw new Error(JSON.stringify(outcome));
      await persist(() => from.settle(peer, { throughSequence: last, refused: [] }));
    }
  }
}

const [ann, bob] = await Promise.all([open(0), open(1)]);
await Promise.race([work(ann, 0), work(bob, 1), carry(ann, bob, 0), carry(bob, ann, 1)]);
