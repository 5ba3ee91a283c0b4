// Calls as transactions: what a durable command, a query and a message cost with all that they go through.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { jsonEncode } from "../../host/base/bytes.ts";
import { silentLog } from "../../host/base/log.ts";
import type { Engine } from "../../host/engine/engine.ts";
import { openEngine } from "../../host/engine/open-engine.ts";
import { NO_OUTSIDE, type Outside } from "../../host/engine/outside.ts";
import type { Holder } from "../../host/grants/grant.ts";
import { openKernels } from "../../host/kernels/open-kernels.ts";
import { testIdentity } from "../../test/support/test-identity.ts";
import type { Case, SampledContender } from "../measure.ts";
import { createConcurrentSampler } from "../samplers.ts";
import { openScratch, syncFact } from "../scratch.ts";
import type { Suite, SuiteContext } from "../suite.ts";
import { BENCH_CAPABILITY, BENCH_PLACE, benchPackage, benchText } from "./engine/bench-capability.ts";
import { openMessageCase } from "./engine/messages.ts";
import { openPlainTable, type PlainTable } from "./engine/plain-table.ts";

const OURS = { name: "engine", kind: "wasm", version: "ours" } as const;
const CALLER_COUNT = 64;
const KEY_COUNT = 20_000;
const VALUE_LENGTH = 100;
const ANSWER_LENGTH = 1_024;
/** A host runs for days: before that many calls V8 has not compiled well what each goes through. */
const WARM_CALL_COUNT = 20_000;
/** Has every page at once. */
const QUICK_OUTSIDE: Outside = {
  ...NO_OUTSIDE,
  fetch: async ({ url }) => ({ url, status: 200, headers: {}, body: new Uint8Array(ANSWER_LENGTH) }),
};
const EXPERIENCE: Holder = { kind: "experience", name: "bench" };

/** Opens the suite `engine`. */
export async function openEngineSuite({ facts, quick, wants }: SuiteContext): Promise<Suite> {
  await using stack = new AsyncDisposableStack();
  const { folder } = stack.use(openScratch());
  Object.assign(facts, syncFact(folder), { "engine: distinct keys": KEY_COUNT });
  const kernels = await openKernels();
  const packageBytes = benchPackage(kernels);
  const twinFolder = join(folder, "twin");
  mkdirSync(twinFolder);
  const stateKey = new Uint8Array(32).fill(9);
  const engine = stack.use(
    await openEngine({
      folder: twinFolder,
      twin: testIdentity(61).id,
      stateKey,
      log: silentLog,
      outside: QUICK_OUTSIDE,
    }),
  );
  await engine.install(packageBytes);
  if (!quick) await warmUp(engine);
  const plain = stack.use(openPlainTable(join(folder, "plain.sqlite")));
  const cases = [
    commandCase(engine, plain),
    concurrentCommandCase(engine, plain),
    ...(await queryCases(engine)),
    taskCase(engine),
  ];
  if (wants("message-exactly-once")) {
    cases.push(await openMessageCase(stack, { packageBytes, messageCount: quick ? 500 : 5_000 }));
  }
  const owned = stack.move();
  return { cases, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Many callers at once, then one. */
async function warmUp(engine: Engine): Promise<void> {
  let left = WARM_CALL_COUNT;
  const put = async (leaveCount: number): Promise<void> => {
    while (left-- > leaveCount) await call(engine, "put", benchText(left % KEY_COUNT, VALUE_LENGTH));
  };
  await Promise.all(Array.from({ length: CALLER_COUNT }, () => put(WARM_CALL_COUNT / 4)));
  await put(0);
}

function call(engine: Engine, method: string, text: string, holder: Holder = { kind: "owner" }): Promise<unknown> {
  return engine.call({ holder, capability: BENCH_CAPABILITY, method, payload: jsonEncode(text) });
}

function commandCase(engine: Engine, plain: PlainTable): Case {
  const sample = createConcurrentSampler(1, (index) => call(engine, "put", benchText(index % KEY_COUNT, VALUE_LENGTH)));
  return { suite: "engine", name: "command-durable", ours: { ...OURS, sample }, others: [bareTransactions(plain)] };
}

function concurrentCommandCase(engine: Engine, plain: PlainTable): Case {
  const sample = createConcurrentSampler(CALLER_COUNT, (index) =>
    call(engine, "put", benchText((index * 7_919) % KEY_COUNT, VALUE_LENGTH)),
  );
  const others = [bareTransactions(plain)];
  return { suite: "engine", name: "command-durable-concurrent", ours: { ...OURS, sample }, others };
}

/** The same rows one after another, without an engine: with any number of callers it cannot do better. */
function bareTransactions(plain: PlainTable): SampledContender {
  const sample = createConcurrentSampler(1, async (index) => {
    // Another value each time: SQLite neither writes nor syncs one that is there already.
    plain.put(`k${index % KEY_COUNT}`, benchText(index, VALUE_LENGTH));
  });
  const version = process.versions["sqlite"] ?? "?";
  return { name: "bare node:sqlite transaction", kind: "native", version, sample };
}

/** Each in a guest of its own, with one wait for the main thread. */
function taskCase(engine: Engine): Case {
  const payload = jsonEncode({ url: `https://${BENCH_PLACE}/` });
  const request = { holder: { kind: "owner" }, capability: BENCH_CAPABILITY, method: "fetch", payload } as const;
  const sample = createConcurrentSampler(CALLER_COUNT, () => engine.call(request));
  return { suite: "engine", name: "task", ours: { ...OURS, sample }, others: [] };
}

async function queryCases(engine: Engine): Promise<Case[]> {
  await call(engine, "put", benchText(0, ANSWER_LENGTH));
  await engine.grant({
    holder: "experience:bench",
    capability: BENCH_CAPABILITY,
    methods: ["get"],
    reason: "To be measured.",
  });
  const text = benchText(0, 16);
  const sample = createConcurrentSampler(CALLER_COUNT, () => call(engine, "get", text, EXPERIENCE));
  const write = createConcurrentSampler(CALLER_COUNT, (index) =>
    call(engine, "put", benchText(1 + ((index * 7_919) % KEY_COUNT), VALUE_LENGTH)),
  );
  const whileWriting = async (sliceMs: number): Promise<number> => {
    const [seconds] = await Promise.all([sample(sliceMs), write(sliceMs)]);
    return seconds;
  };
  return [
    { suite: "engine", name: "query", ours: { ...OURS, sample }, others: [] },
    {
      suite: "engine",
      name: "query-while-writing",
      ours: { ...OURS, sample: whileWriting },
      others: [{ ...OURS, name: "without writers", sample }],
    },
  ];
}
