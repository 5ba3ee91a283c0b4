// Cases of the lanes that a host chooses from: our WebAssembly and what Node has natively, through
// the same doors. `--apply` makes the hardware profile of these rows.

import type { LaneOperation, LaneRule, LaneTable } from "../../../host/kernels/hardware-profile.ts";
import { LANE_OPERATIONS } from "../../../host/kernels/hardware-profile.ts";
import type { Kernels } from "../../../host/kernels/kernels.ts";
import type { LaneWork } from "../../../host/kernels/lane-work.ts";
import { nativeLane } from "../../../host/kernels/native-lane.ts";
import { createWasmLane } from "../../../host/kernels/wasm-lane.ts";
import { requireAgreement } from "../../agreement.ts";
import { createArena } from "../../arena.ts";
import type { Case, RepeatedContender } from "../../measure.ts";
import type { Row } from "../../report.ts";
import { UsageError } from "../../usage-error.ts";

/** Classes of sizes, each measured at one. */
const CLASSES = [
  { upToSizeBytes: 256, measuredSize: 128 },
  { upToSizeBytes: 1_024, measuredSize: 512 },
  { upToSizeBytes: 4_096, measuredSize: 2_048 },
  { upToSizeBytes: 16_384, measuredSize: 8_192 },
  { upToSizeBytes: 65_536, measuredSize: 32_768 },
  { upToSizeBytes: null, measuredSize: 131_072 },
] as const;

/** The native lane must be so much faster to be preferred: the portable one has fewer dependencies. */
const ADVANTAGE = 1.05;
const NAME = "lane-";
const NOTHING = new Uint8Array(0);

/** One case for each operation and class of sizes. */
export function laneCases(kernels: Kernels): Case[] {
  const wasmLane = createWasmLane(kernels);
  return LANE_OPERATIONS.flatMap((operation) =>
    CLASSES.map(({ measuredSize }) => laneCase(operation, measuredSize, wasmLane)),
  );
}

function laneCase(operation: LaneOperation, sizeBytes: number, wasmLane: LaneWork): Case {
  const arena = createArena(sizeBytes + 4_096);
  const [key, nonce, text] = [arena.takeFilled(32, 1), arena.takeFilled(12, 2), arena.takeFilled(sizeBytes, 3)];
  const sealed = nativeLane.seal(key, nonce, text, NOTHING);
  const workOf = (lane: LaneWork): (() => Uint8Array) => {
    if (operation === "sha256") return () => lane.sha256(text);
    if (operation === "chacha20poly1305-open") return () => lane.open(key, nonce, sealed, NOTHING);
    return () => lane.seal(key, nonce, text, NOTHING);
  };
  const name = `${NAME}${operation}`;
  const [run, runNative] = [workOf(wasmLane), workOf(nativeLane)];
  requireAgreement(name, runNative(), [{ name: "the wasm lane", result: run() }]);
  const ours: RepeatedContender = { name: "wasm lane", kind: "wasm", version: "ours", run };
  const native = { name: "native lane", kind: "native", version: process.versions.openssl, run: runNative } as const;
  return { suite: "kernels", name, sizeBytes, ours, others: [native] };
}

/** The table that `rows` of these cases speak for. Throws when one of them is missing. */
export function laneTableOf(rows: readonly Row[]): LaneTable {
  const rulesOf = (operation: LaneOperation): LaneRule[] => {
    const rules = CLASSES.map(({ upToSizeBytes, measuredSize }): LaneRule => {
      const row = rows.find(({ case: name, sizeBytes }) => name === NAME + operation && sizeBytes === measuredSize);
      if (row?.ratioToBestNative === undefined) {
        throw new UsageError(
          `The hardware profile needs all cases "${NAME}*": measure them, for example with --suite kernels.`,
        );
      }
      return { upToSizeBytes, lane: row.ratioToBestNative * ADVANTAGE < 1 ? "native" : "wasm" };
    });
    // Neighbours with the same lane are one rule.
    return rules.filter(({ lane }, index) => lane !== rules[index + 1]?.lane);
  };
  return {
    "chacha20poly1305-seal": rulesOf("chacha20poly1305-seal"),
    "chacha20poly1305-open": rulesOf("chacha20poly1305-open"),
    sha256: rulesOf("sha256"),
  };
}
