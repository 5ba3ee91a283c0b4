// What the methods of two versions burn, measured on a fork of the data: with the owner's own last input
// where calls are recorded, else with the smallest that both versions accept.

import { base64UrlDecode, jsonEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Manifest } from "../packages/manifest.ts";
import { sampleOf } from "../packages/sample.ts";
import type { MethodFuel } from "../packages/upgrade-report.ts";
import type { CallRun } from "./call-run.ts";
import type { CapabilityRecord } from "./capability-register.ts";
import type { EngineCore } from "./engine-core.ts";
import type { LoadedCapability } from "./guest-shelf.ts";
import { dropParticipants, MIGRATE, type Trial } from "./installation-trial.ts";

interface MethodInput {
  readonly method: string;
  readonly input: MethodFuel["input"];
  readonly payload: Uint8Array;
}

/**
 * Calls each method that both versions have, in both; those that fail are left out. Uses `trial` up:
 * nothing of its run may be committed afterwards.
 */
export function measureFuel(core: EngineCore, before: CapabilityRecord, trial: Trial): MethodFuel[] {
  const older = loadIfWhole(core, before);
  if (older === undefined) return [];
  const inputs = commonInputs(core, before, trial.loaded.record.manifest);
  const after = burn(core, trial, inputs);
  const old = burn(core, { loaded: older, run: core.createRun(LIMITS.sandbox.callTimeoutMs) }, inputs);
  return inputs.flatMap(({ method, input }) => {
    const [was, is] = [old.get(method), after.get(method)];
    return was === undefined || is === undefined ? [] : [{ method, input, before: was, after: is }];
  });
}

/** The fuel of each call that came to a good end. */
function burn(
  core: EngineCore,
  { loaded, run }: { readonly loaded: LoadedCapability; readonly run: CallRun },
  inputs: readonly MethodInput[],
): Map<string, number> {
  const fuels = new Map<string, number>();
  for (const { method, payload } of inputs) {
    try {
      const call = { loaded, method, payload, caller: { kind: "owner" }, fuel: LIMITS.packages.sampleFuel } as const;
      // The first call of an instance would carry its start.
      core.runner.start(run, call);
      fuels.set(method, core.runner.invoke(run, call).fuel);
    } catch (thrown) {
      if (!(thrown instanceof TwinError)) throw thrown;
      dropParticipants(core, run);
    }
  }
  dropParticipants(core, run);
  return fuels;
}

/** Queries first, for commands change what they see. */
function commonInputs(core: EngineCore, { name, manifest: older }: CapabilityRecord, newer: Manifest): MethodInput[] {
  const recorded = recordedInputs(core, name);
  return (["query", "command"] as const).flatMap((kind) =>
    Object.entries(newer.methods)
      .filter(([method, description]) => description.kind === kind && method !== MIGRATE)
      .filter(([method]) => Object.hasOwn(older.methods, method) && older.methods[method]!.kind === kind)
      .flatMap(([method, { params }]): MethodInput[] => {
        const payload = recorded.get(method);
        if (payload !== undefined) return [{ method, input: "recorded", payload }];
        const sample = sampleOf(params);
        return sample === undefined ? [] : [{ method, input: "smallest", payload: jsonEncode(sample) }];
      }),
  );
}

/** The input of the last recorded call of each method that ended well. */
function recordedInputs({ recordings }: EngineCore, name: string): Map<string, Uint8Array> {
  const kept = recordings.list().find(({ capability }) => capability === name)?.kept ?? [];
  const inputs = new Map<string, Uint8Array>();
  for (const sequence of kept) {
    const { method, payload, outcome } = recordings.find(sequence);
    if (outcome.outcome === "ok") inputs.set(method, base64UrlDecode(payload));
  }
  return inputs;
}

/** Undefined when its file is gone or damaged: that is no reason against a newer one. */
function loadIfWhole(core: EngineCore, record: CapabilityRecord): LoadedCapability | undefined {
  try {
    return core.shelf.load(record);
  } catch (thrown) {
    if (thrown instanceof TwinError) return undefined;
    throw thrown;
  }
}
