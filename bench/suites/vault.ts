// Objects in and out of a vault over local directories, whole, in pieces, and with stores lost.

import { randomFillSync } from "node:crypto";
import { appendFileSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../../host/base/limits.ts";
import type { Vault } from "../../host/vault/object.ts";
import { watchLoopDelay } from "../loop-delay.ts";
import type { Case, SampledContender } from "../measure.ts";
import type { Peers } from "../peers.ts";
import { createConcurrentSampler, createMedianSampler, secondsOf } from "../samplers.ts";
import { openScratch, rateFact, syncFact } from "../scratch.ts";
import type { Suite, SuiteContext } from "../suite.ts";
import { createVaultOpener, type OpenBenchVault } from "./vault/open-bench-vault.ts";
import { createTextsCase } from "./vault/put-texts.ts";
import { openLagCase } from "./vault/replication-lag.ts";
import { resticPut } from "./vault/restic.ts";

const RANGE_SIZE = 65_536;
const PIECE_SIZE = 1_048_576;
const SMALL_SIZE = 16_384;
/** Small objects that are put at once. */
const SMALL_COUNT = 64;
/** Two of six: what 4+2 survives. */
const LOST_STORES = ["b", "e"] as const;
const ROUNDS_MAX = { full: 5, quick: 2 } as const;

/** Opens the suite `vault`. */
export async function openVaultSuite({ facts, peers, quick, vaultSizeBytes, wants }: SuiteContext): Promise<Suite> {
  await using stack = new AsyncDisposableStack();
  const { folder } = stack.use(openScratch());
  Object.assign(facts, syncFact(folder), rateFact(folder));
  const data = randomFillSync(new Uint8Array(vaultSizeBytes));
  const keptFolder = join(folder, "kept");
  mkdirSync(keptFolder);
  const open = await createVaultOpener(stack);
  const { vault } = stack.use(await open(keptFolder));
  const { id } = await vault.put(pieces(data));
  const kept: KeptObject = { folder: keptFolder, vault, id, sizeBytes: vaultSizeBytes };
  const caseOf = (name: string, sample: SampledContender["sample"]): Case => ({
    suite: "vault",
    name,
    sizeBytes: vaultSizeBytes,
    roundsMax: quick ? ROUNDS_MAX.quick : ROUNDS_MAX.full,
    ours: { name: "vault 4+2", kind: "wasm", version: "ours", sample },
    others: [],
  });
  const sampleRange = createRangeSampler(kept, { facts, name: "get-range" });
  const sampleDegraded = createRangeSampler(kept, { facts, name: "get-range-degraded" });
  const smallFolder = join(folder, "small");
  mkdirSync(smallFolder);
  const small = stack.use(await open(smallFolder));
  const restic = await resticPeer(peers, join(folder, "restic"), data);
  const cases: Case[] = [
    { ...caseOf("put", createPutSampler(open, { folder: join(folder, "fresh"), data, facts })), others: restic },
    { ...caseOf("put-small", createSmallSampler(small.vault)), sizeBytes: SMALL_SIZE },
    ...(wants("put-texts") ? [await createTextsCase({ facts, quick, open, peers, folder })] : []),
    caseOf("get", () => secondsOf(() => readAll(kept))),
    { ...caseOf("get-range", sampleRange), sizeBytes: RANGE_SIZE },
    caseOf("get-degraded", () => withoutStores(kept, () => secondsOf(() => readAll(kept)))),
    {
      ...caseOf("get-range-degraded", (sliceMs) => withoutStores(kept, () => sampleDegraded(sliceMs))),
      sizeBytes: RANGE_SIZE,
    },
    caseOf("repair", () => sampleRepair(kept)),
    caseOf("restore", () => sampleRestore(open, kept)),
    ...(wants("replication-lag") ? [await openLagCase(stack, { facts, quick })] : []),
  ];
  const owned = stack.move();
  return { cases, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function resticPeer(peers: Peers, folder: string, data: Uint8Array): Promise<SampledContender[]> {
  const source = join(folder, "source");
  const fill = (): void => {
    rmSync(source, { recursive: true, force: true });
    mkdirSync(source, { recursive: true });
    // No write takes 2 GiB at once.
    for (const piece of cut(data)) appendFileSync(join(source, "object"), piece);
  };
  const contender = await resticPut({ repository: join(folder, "repository"), source, fill });
  if (contender !== undefined) return [contender];
  peers.lack("restic (a package of the operating system)");
  return [];
}

interface KeptObject {
  /** Of the vault: `index.sqlite` and `stores/NAME`. */
  readonly folder: string;
  readonly vault: Vault;
  readonly id: string;
  readonly sizeBytes: number;
}

function* cut(data: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < data.length; at += PIECE_SIZE) yield data.subarray(at, at + PIECE_SIZE);
}

async function* pieces(data: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield* cut(data);
}

/** Each round puts other bytes into an empty vault, so that none is recognised. Adds the CPU's share to `facts`, and how late the host's own thread was meanwhile. */
function createPutSampler(
  open: OpenBenchVault,
  { folder, data, facts }: { readonly folder: string; readonly data: Uint8Array } & Pick<SuiteContext, "facts">,
): () => Promise<number> {
  let round = 0;
  return async () => {
    round++;
    for (let at = 0; at < data.length; at += LIMITS.vault.chunkSizeBytesMin / 4) data[at] = round;
    mkdirSync(folder);
    try {
      await using opened = await open(folder);
      const before = process.cpuUsage();
      using delay = watchLoopDelay();
      const seconds = await secondsOf(() => opened.vault.put(pieces(data)));
      const { user, system } = process.cpuUsage(before);
      const cpuSeconds = (user + system) / 1e6 / (data.length / 1e9);
      facts["vault: CPU of a put"] = `${cpuSeconds.toFixed(1)} s per GB`;
      facts["vault: how late the main thread is during a put"] = delay.text();
      return seconds;
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

/** Each object is another one. */
function createSmallSampler(vault: Vault): (sliceMs: number) => Promise<number> {
  return createConcurrentSampler(SMALL_COUNT, async () => {
    await vault.put(pieces(randomFillSync(new Uint8Array(SMALL_SIZE))));
  });
}

async function readAll({ vault, id, sizeBytes }: Omit<KeptObject, "folder">): Promise<void> {
  let size = 0;
  for await (const piece of vault.read(id)) size += piece.length;
  if (size !== sizeBytes) throw new Error(`The vault gave ${size} bytes of ${sizeBytes}.`);
}

/** Adds the slowest ones to `facts`. */
function createRangeSampler(
  { vault, id, sizeBytes }: KeptObject,
  { facts, name }: Pick<SuiteContext, "facts"> & { readonly name: string },
): (sliceMs: number) => Promise<number> {
  const places = Math.floor(sizeBytes / RANGE_SIZE);
  return createMedianSampler(
    async (index) => {
      const offset = ((index * 7_919) % places) * RANGE_SIZE;
      for await (const _ of vault.read(id, { offset, sizeBytes: RANGE_SIZE }));
    },
    (p99Seconds) => {
      facts[`vault: p99 of ${name}`] = `${(p99Seconds * 1e3).toFixed(1)} ms`;
    },
  );
}

async function withoutStores<Result>({ folder }: KeptObject, act: () => Promise<Result>): Promise<Result> {
  const move = (from: string, to: string): void => {
    for (const name of LOST_STORES) renameSync(join(folder, from, name), join(folder, to, name));
  };
  mkdirSync(join(folder, "lost"), { recursive: true });
  move("stores", "lost");
  try {
    return await act();
  } finally {
    for (const name of LOST_STORES) rmSync(join(folder, "stores", name), { recursive: true, force: true });
    move("lost", "stores");
  }
}

/** One store is lost; the scrub finds that and rebuilds what it held. */
async function sampleRepair({ folder, vault }: KeptObject): Promise<number> {
  rmSync(join(folder, "stores", LOST_STORES[0]), { recursive: true });
  return await secondsOf(async () => {
    const report = await vault.scrub();
    if (report.shardsRepaired === 0) throw new Error("The scrub repaired nothing, though a store was lost.");
  });
}

/** The index and as many stores as may be lost are gone: all is found again and read. */
async function sampleRestore(open: OpenBenchVault, kept: KeptObject): Promise<number> {
  return await withoutStores(kept, async () => {
    const folder = join(kept.folder, "restored");
    mkdirSync(folder);
    renameSync(join(kept.folder, "stores"), join(folder, "stores"));
    try {
      return await secondsOf(async () => {
        await using opened = await open(folder);
        await readAll({ ...kept, vault: opened.vault });
      });
    } finally {
      renameSync(join(folder, "stores"), join(kept.folder, "stores"));
      rmSync(folder, { recursive: true });
    }
  });
}
