// A quick look at which lane is faster for which size: rounds over all of them in turn, so that what
// disturbs the machine disturbs all; the best round of each counts.

import type { Clock } from "../base/clock.ts";
import {
  LANE_OPERATIONS,
  type Lane,
  type LaneOperation,
  type LaneRule,
  type LaneTable,
  uniformTable,
} from "./hardware-profile.ts";
import type { Kernels } from "./kernels.ts";
import type { LaneWork } from "./lane-work.ts";
import { nativeLane } from "./native-lane.ts";
import { createWasmLane } from "./wasm-lane.ts";

/** Classes of sizes, each measured at one. */
const CLASSES = [
  { upToSizeBytes: 256, measuredSize: 128 },
  { upToSizeBytes: 1_024, measuredSize: 512 },
  { upToSizeBytes: 4_096, measuredSize: 2_048 },
  { upToSizeBytes: 16_384, measuredSize: 8_192 },
  { upToSizeBytes: null, measuredSize: 65_536 },
] as const;

/** All of it takes this long, and one round more. */
const BUDGET_MS = 200;
/** How long one operation on one size by one lane takes in one round, about. */
const TURN_MS = 0.5;
/** The native lane must be so much faster to be preferred: the portable one has fewer dependencies. */
const ADVANTAGE = 1.05;

/** One operation on one size by one lane. */
interface Trial {
  readonly operation: LaneOperation;
  readonly size: number;
  readonly lane: Lane;
  readonly run: () => void;
  /** Best time of one run so far. */
  bestMs: number;
}

/** Measures for 0.2 to 0.3 s, without a pause. */
export function measureLanes(kernels: Kernels, clock: Clock): LaneTable {
  const lanes = { wasm: createWasmLane(kernels), native: nativeLane };
  const trials = (["wasm", "native"] as const).flatMap((lane) =>
    CLASSES.flatMap(({ measuredSize }) =>
      Object.entries(operationsOf(lanes[lane], measuredSize)).map(([operation, run]): Trial => ({
        operation: operation as LaneOperation,
        size: measuredSize,
        lane,
        run,
        bestMs: Infinity,
      })),
    ),
  );
  const startMs = clock.elapsedMs();
  for (let round = 0; round === 0 || clock.elapsedMs() - startMs < BUDGET_MS; round++) {
    for (const trial of trials) take(trial, clock);
  }
  const tables = LANE_OPERATIONS.map((operation) => [operation, rulesOf(trials, operation)] as const);
  return { ...uniformTable("wasm"), ...Object.fromEntries(tables) };
}

function operationsOf(lane: LaneWork, size: number): Record<LaneOperation, () => void> {
  const [key, nonce, additionalData] = [new Uint8Array(32), new Uint8Array(12), new Uint8Array(0)];
  const text = new Uint8Array(size);
  const sealed = lane.seal(key, nonce, text, additionalData);
  return {
    "chacha20poly1305-seal": () => lane.seal(key, nonce, text, additionalData),
    "chacha20poly1305-open": () => lane.open(key, nonce, sealed, additionalData),
    sha256: () => lane.sha256(text),
  };
}

function take(trial: Trial, clock: Clock): void {
  const count = Math.max(1, Math.min(100, Math.floor(TURN_MS / trial.bestMs)));
  const startMs = clock.elapsedMs();
  for (let index = 0; index < count; index++) trial.run();
  trial.bestMs = Math.min(trial.bestMs, (clock.elapsedMs() - startMs) / count);
}

/** The better lane of each class; neighbours with the same one become one rule. */
function rulesOf(trials: readonly Trial[], operation: LaneOperation): LaneRule[] {
  const bestMs = (lane: Lane, size: number): number =>
    trials.find((trial) => trial.operation === operation && trial.lane === lane && trial.size === size)!.bestMs;
  const rules = CLASSES.map(({ upToSizeBytes, measuredSize }): LaneRule => {
    const isNative = bestMs("native", measuredSize) * ADVANTAGE < bestMs("wasm", measuredSize);
    return { upToSizeBytes, lane: isNative ? "native" : "wasm" };
  });
  return rules.filter((rule, index) => rule.lane !== rules[index + 1]?.lane);
}
