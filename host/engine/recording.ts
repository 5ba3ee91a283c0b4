// Recorded calls: opt-in per capability, the last ones are kept, sealed like all state. A recorded call
// runs in a fresh guest, so that what it did rests on its recording alone.

import { base64UrlEncode, hexEncode, jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { toTwinError, TwinError, type TwinErrorCode } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import type { Receipt, RecordingSettings, ReplayedOutcome } from "./engine.ts";
import { FIRST_KEY, numberKey } from "./row-key.ts";
import { type TapeEntry, TapeWriter } from "./tape.ts";

const SETTINGS = "$recorded";
const RECORDINGS = "$recordings";

/** One recorded call. JSON. */
export interface Recording {
  /** Number of its receipt. */
  readonly sequence: number;
  readonly capability: string;
  readonly method: string;
  readonly moduleHash: string;
  /** Version of the cost table that metered it. */
  readonly meterVersion: number;
  /** As the guest got it, base64url. */
  readonly payload: string;
  /** What the guest could burn, its start included. */
  readonly fuelMax: number;
  readonly entries: readonly TapeEntry[];
  readonly outcome: ReplayedOutcome;
}

/** How a guest ended: with an answer, or with an error. */
export interface GuestEnd {
  readonly answer?: Uint8Array | undefined;
  readonly error?: TwinError | undefined;
  /** With all that it was charged. */
  readonly fuel: number;
  readonly memorySizeBytes: number;
}

/** Ended by time or by its caller, not by the guest: running it again shows nothing. */
const ENDED_FROM_OUTSIDE: ReadonlySet<TwinErrorCode> = new Set(["TWIN_GUEST_DEADLINE", "TWIN_ABORTED"]);

/** A call that is being recorded. */
export class CallRecorder {
  readonly tape: TapeWriter;
  readonly #capability: string;
  readonly #kernels: Pick<Kernels, "hash">;
  #begin: { readonly payload: Uint8Array; readonly fuelMax: number; readonly meterVersion: number } | undefined;
  #outcome: ReplayedOutcome | undefined;

  constructor(capability: string, kernels: Pick<Kernels, "hash">) {
    this.#capability = capability;
    this.#kernels = kernels;
    this.tape = new TapeWriter(kernels);
  }

  /** A guest is about to start for the call. */
  begin(begin: { readonly payload: Uint8Array; readonly fuelMax: number; readonly meterVersion: number }): void {
    this.#begin = begin;
  }

  /** The guest has ended; what comes after its first end is not its own. */
  end(end: GuestEnd): void {
    this.#outcome ??= describeEnd(end, this.#kernels);
  }

  /** The recording, under the call's receipt; undefined when no guest began, when it is too large, or when the call was ended from outside. */
  recordingOf({ sequence, method, moduleHash }: Receipt): Recording | undefined {
    const [begin, outcome] = [this.#begin, this.#outcome];
    if (begin === undefined || outcome === undefined || !this.tape.isWhole) return undefined;
    if (outcome.code !== undefined && ENDED_FROM_OUTSIDE.has(outcome.code)) return undefined;
    const { fuelMax, meterVersion } = begin;
    const payload = base64UrlEncode(begin.payload);
    const { entries } = this.tape;
    const capability = this.#capability;
    return { sequence, capability, method, moduleHash, meterVersion, payload, fuelMax, entries, outcome };
  }
}

/** What is compared of a guest's end. */
export function describeEnd(
  { answer, error, fuel, memorySizeBytes }: GuestEnd,
  kernels: Pick<Kernels, "hash">,
): ReplayedOutcome {
  const answerHash = answer === undefined ? undefined : hexEncode(kernels.hash(answer));
  return { outcome: error === undefined ? "ok" : "error", code: error?.code, answerHash, fuel, memorySizeBytes };
}

/** The end of a guest that failed, by what the sandbox says of it. */
export function endOfFailure(thrown: unknown, startFuel: number): GuestEnd {
  const error = toTwinError(thrown);
  const { fuel = 0, memorySizeBytes = 0 } = error.details;
  return { error, fuel: startFuel + Number(fuel), memorySizeBytes: Number(memorySizeBytes) };
}

/** The recordings of one twin. It makes writes; its user commits them, and calls `reload` when that failed. */
export interface RecordingBook {
  /** A recorder for one call of the capability, if its calls are recorded. */
  recorderFor(capability: string): CallRecorder | undefined;
  /** Takes a recording in; it waits for {@link RecordingBook.drain}. */
  keep(recording: Recording): void;
  /** The writes that record what waits, and forget what is too old. */
  drain(): StateWrite[];
  /** The writes that keep the last `count` calls of the capability from now on; 0 keeps none. Throws `TWIN_LIMIT_EXCEEDED`. */
  set(capability: string, count: number): StateWrite[];
  list(): RecordingSettings[];
  /** Throws `TWIN_INPUT_INVALID` when that call was not recorded, or is no longer kept. */
  find(sequence: number): Recording;
  reload(): void;
}

/** The book over the tables of `store`. */
export function createRecordingBook(
  store: Pick<StateStore, "get" | "scan">,
  kernels: Pick<Kernels, "hash">,
): RecordingBook {
  let settings = readSettings(store);
  let waiting: Recording[] = [];
  const replace = ({ capability, count, kept }: RecordingSettings): StateWrite[] => {
    const gone = kept.slice(0, Math.max(0, kept.length - count));
    const next = { capability, count, kept: kept.slice(gone.length) };
    if (count === 0) settings.delete(capability);
    else settings.set(capability, next);
    return [rowOf(next), ...gone.map((sequence) => ({ ...recordingKey(sequence), value: undefined }))];
  };
  return {
    recorderFor: (capability) => (settings.has(capability) ? new CallRecorder(capability, kernels) : undefined),
    keep: (recording) => {
      waiting.push(recording);
    },
    drain: () => {
      const recordings = waiting;
      waiting = [];
      return recordings.flatMap((recording) => {
        const { capability, sequence } = recording;
        const known = settings.get(capability);
        if (known === undefined) return [];
        const row = { ...recordingKey(sequence), value: jsonEncode(recording) };
        return [row, ...replace({ ...known, kept: [...known.kept, sequence] })];
      });
    },
    set: (capability, count) => {
      if (count > LIMITS.engine.recordingsKept) {
        const most = LIMITS.engine.recordingsKept;
        throw new TwinError("TWIN_LIMIT_EXCEEDED", `At most the last ${most} calls of a capability are kept.`);
      }
      return replace({ capability, count, kept: settings.get(capability)?.kept ?? [] });
    },
    list: () => [...settings.values()],
    find: (sequence) => {
      const value = store.get(recordingKey(sequence));
      if (value !== undefined) return jsonDecode(value) as Recording;
      const message = `The call ${sequence} was not recorded, or is no longer kept. Record the next ones: twin record CAPABILITY COUNT.`;
      throw new TwinError("TWIN_INPUT_INVALID", message);
    },
    reload: () => {
      settings = readSettings(store);
      waiting = [];
    },
  };
}

function readSettings(store: Pick<StateStore, "scan">): Map<string, RecordingSettings> {
  const rows = store.scan({ namespace: SETTINGS, start: FIRST_KEY, limit: Number.MAX_SAFE_INTEGER });
  const settings = rows.map(({ value }) => jsonDecode(value) as RecordingSettings);
  return new Map(settings.map((each) => [each.capability, each]));
}

function rowOf({ capability, count, kept }: RecordingSettings): StateWrite {
  const value = count === 0 ? undefined : jsonEncode({ capability, count, kept });
  return { namespace: SETTINGS, key: utf8Encode(capability), value };
}

function recordingKey(sequence: number): { readonly namespace: string; readonly key: Uint8Array } {
  return { namespace: RECORDINGS, key: numberKey(sequence) };
}
