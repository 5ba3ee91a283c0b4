// Runs a recorded call again, in a throw-away guest and without the host, and says whether it came out
// the same, bit for bit.

import { base64UrlDecode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type CompiledGuest, instantiate } from "../sandbox/guest.ts";
import type { ReplayedOutcome, ReplayReport } from "./engine.ts";
import { describeEnd, endOfFailure, type GuestEnd, type Recording } from "./recording.ts";
import { TapePlayer } from "./tape.ts";

/** Replays the recording on the module that it was made of. */
export function replayCall(
  recording: Recording,
  compiled: CompiledGuest,
  kernels: Pick<Kernels, "hash">,
): ReplayReport {
  const player = new TapePlayer(recording.entries, kernels);
  const replayed = describeEnd(runAgain(recording, compiled, player), kernels);
  const { sequence, capability, method, outcome: recorded, meterVersion } = recording;
  const isOtherMeter = meterVersion !== compiled.admitted.meterVersion;
  const difference = isOtherMeter
    ? `it was metered by version ${meterVersion} of the cost table, and now by version ${compiled.admitted.meterVersion}`
    : (player.difference ?? differenceOf(recorded, replayed));
  const report = { receipt: sequence, capability, method, recorded, replayed };
  return difference === undefined ? { ...report, isSame: true } : { ...report, isSame: false, difference };
}

function runAgain({ payload, method, fuelMax }: Recording, compiled: CompiledGuest, player: TapePlayer): GuestEnd {
  const implementation = player.play(compiled.admitted.imports);
  let startFuel = 0;
  try {
    const { callDepth } = LIMITS.sandbox;
    const guest = instantiate(compiled, { implementation, limits: { callDepth }, budget: { fuel: fuelMax } });
    startFuel = guest.usage.fuel;
    const budget = { fuel: Math.max(0, fuelMax - startFuel) };
    const { payload: answer, usage } = guest.call(method, base64UrlDecode(payload), budget);
    return { answer, fuel: startFuel + usage.fuel, memorySizeBytes: guest.memorySizeBytes };
  } catch (thrown) {
    return endOfFailure(thrown, startFuel);
  }
}

function differenceOf(recorded: ReplayedOutcome, replayed: ReplayedOutcome): string | undefined {
  const names = ["outcome", "code", "answerHash", "fuel", "memorySizeBytes"] as const;
  const different = names.find((name) => recorded[name] !== replayed[name]);
  return different && `${different} was ${recorded[different]}, and is ${replayed[different]}`;
}
