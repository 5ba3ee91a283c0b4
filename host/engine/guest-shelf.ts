// A twin's capabilities ready to be called, and their idle guests.

import { LIMITS } from "../base/limits.ts";
import type { CapabilityPackage, Manifest } from "../packages/manifest.ts";
import { type CompiledGuest, instantiate } from "../sandbox/guest.ts";
import type { Guest } from "../sandbox/sandbox.ts";
import { type CapabilityRecord, grantedTo } from "./capability-register.ts";
import type { Participant } from "./call-run.ts";
import type { GuestFrame } from "./guest-frame.ts";
import { createHostImplementation } from "./host-functions.ts";
import type { PackageFolder } from "./package-folder.ts";
import type { CallRecorder } from "./recording.ts";
import { permissionsOf, type Program, type ProgramCache } from "./program-cache.ts";

/** A capability that can be called. */
export interface LoadedCapability extends Participant {
  readonly record: CapabilityRecord;
  readonly compiled: CompiledGuest;
  readonly permissions: ReadonlySet<string>;
  readonly methodChecks: Program["methodChecks"];
  readonly eventChecks: Program["eventChecks"];
  /** The call that its guest is in. */
  frame: GuestFrame | undefined;
  /** The same capability with the guest that answers queries. */
  reader: LoadedCapability | undefined;
  /** Of the call that runs, if it is recorded. */
  recorder: CallRecorder | undefined;
}

/** Loads capabilities when they are first called, and bounds the memory of their guests. */
export interface GuestShelf {
  /** Without `pack` the package's file is read. Throws `TWIN_PACKAGE_INVALID` when it is gone or damaged. */
  load(record: CapabilityRecord, pack?: CapabilityPackage): LoadedCapability;
  /** The same capability with a guest of its own, that has never been part of a command. */
  readerOf(loaded: LoadedCapability): LoadedCapability;
  /** The program of that hash. Throws as `load` does. */
  program(hash: string): Program;
  /** Forgets the capability of that name. */
  evict(name: string): void;
  /** A live guest in which `frame`, already set, runs; a fresh one burns from `fuel`. Throws `TWIN_GUEST_*` as its start does. */
  guestOf(loaded: LoadedCapability, fuel: number): { readonly guest: Guest; readonly startFuel: number };
  /** Forgets the instance: its memory may hold what was not committed. */
  drop(participant: Participant): void;
  /** Drops idle guests, least recently used first, until the rest fits the limits. */
  trim(): void;
  dropAll(): void;
  count(): number;
  memorySizeBytes(): number;
}

/** A shelf over the package files of `folder`, and over `programs`, which other twins may share. */
export function createGuestShelf(folder: Pick<PackageFolder, "read">, programs: ProgramCache): GuestShelf {
  /** In order of use: the least recent first. */
  const shelf = new Map<string, LoadedCapability>();
  const all = (): LoadedCapability[] =>
    [...shelf.values()].flatMap((loaded) => (loaded.reader === undefined ? [loaded] : [loaded, loaded.reader]));
  const live = (): LoadedCapability[] => all().filter((loaded) => loaded.guest !== undefined);
  /** Of what lives. Asked after each call: no list is made for it. */
  const totals = (): { count: number; sizeBytes: number } => {
    let [count, sizeBytes] = [0, 0];
    for (const loaded of shelf.values()) {
      for (const guest of [loaded.guest, loaded.reader?.guest]) {
        if (guest === undefined) continue;
        count += 1;
        sizeBytes += guest.memorySizeBytes;
      }
    }
    return { count, sizeBytes };
  };
  return {
    load: (record, pack) => {
      const { name } = record;
      const known = shelf.get(name);
      const read = (): CapabilityPackage => pack ?? folder.read(record.hash);
      const loaded =
        known?.record.hash === record.hash ? known : loadCapability(record, programs.load(record.hash, read));
      shelf.delete(name);
      shelf.set(name, loaded);
      return loaded;
    },
    readerOf: (loaded) => (loaded.reader ??= { ...loaded, guest: undefined, frame: undefined, reader: undefined }),
    program: (hash) => programs.load(hash, () => folder.read(hash)),
    evict: (name) => {
      shelf.delete(name);
    },
    guestOf: (loaded, fuel) => {
      if (loaded.guest !== undefined && !loaded.guest.dropped) return { guest: loaded.guest, startFuel: 0 };
      const implementation = createHostImplementation(loaded.compiled.admitted.imports, () => frameOf(loaded));
      const guest = instantiate(loaded.compiled, {
        implementation: loaded.recorder?.tape.record(implementation) ?? implementation,
        limits: { callDepth: LIMITS.sandbox.callDepth },
        budget: { fuel },
      });
      loaded.guest = guest;
      return { guest, startFuel: guest.usage.fuel };
    },
    drop: (participant) => {
      participant.guest = undefined;
    },
    trim: () => {
      let { count, sizeBytes } = totals();
      const fits = (): boolean =>
        count <= LIMITS.sandbox.instanceCount && sizeBytes <= LIMITS.engine.guestMemorySizeBytes;
      if (fits()) return;
      for (const loaded of live()) {
        if (fits()) return;
        if (loaded.frame !== undefined) continue;
        sizeBytes -= loaded.guest!.memorySizeBytes;
        count -= 1;
        loaded.guest = undefined;
      }
    },
    dropAll: () => {
      for (const loaded of all()) loaded.guest = undefined;
    },
    count: () => totals().count,
    memorySizeBytes: () => totals().sizeBytes,
  };
}

/** Fuel of one call of the capability when its caller says nothing. */
export function callFuelOf({ limits }: Manifest): number {
  return Math.min(limits?.callFuel ?? LIMITS.sandbox.callFuel, LIMITS.sandbox.callFuel);
}

function loadCapability(record: CapabilityRecord, program: Program): LoadedCapability {
  // With the permissions that the owner has granted.
  const manifest = { ...program.manifest, permissions: grantedTo({ ...record, manifest: program.manifest }) };
  const { compiled, methodChecks, eventChecks } = program;
  return {
    record: { ...record, manifest },
    compiled,
    permissions: permissionsOf(manifest),
    methodChecks,
    eventChecks,
    guest: undefined,
    frame: undefined,
    reader: undefined,
    recorder: undefined,
  };
}

function frameOf({ frame, record }: LoadedCapability): GuestFrame {
  if (frame === undefined) throw new TypeError(`${record.name} calls the host outside of a call.`);
  return frame;
}
