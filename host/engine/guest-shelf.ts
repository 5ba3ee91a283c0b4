// Capabilities ready to be called: admitted, compiled, with compiled schemas; and their idle guests.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { CapabilityPackage, Manifest } from "../packages/manifest.ts";
import { permissionGroup } from "../packages/permission.ts";
import { compileSchema, type SchemaCheck } from "../packages/schema.ts";
import { admit } from "../sandbox/admit.ts";
import { compileGuest, type CompiledGuest, instantiate } from "../sandbox/guest.ts";
import type { AdmittedModule, Guest } from "../sandbox/sandbox.ts";
import { type CapabilityRecord, grantedTo } from "./capability-register.ts";
import type { GuestFrame } from "./guest-frame.ts";
import { createHostImplementation, HOST_INTERFACE, permissionOf } from "./host-functions.ts";
import type { PackageFolder } from "./package-folder.ts";

/** The checks of one method. */
interface MethodChecks {
  readonly params: SchemaCheck;
  readonly result: SchemaCheck;
}

/** A capability that can be called. */
export interface LoadedCapability {
  readonly record: CapabilityRecord;
  readonly compiled: CompiledGuest;
  readonly permissions: ReadonlySet<string>;
  readonly methodChecks: ReadonlyMap<string, MethodChecks>;
  readonly eventChecks: ReadonlyMap<string, SchemaCheck>;
  /** The idle instance, or the one that is in a call. */
  guest: Guest | undefined;
  /** The call that its guest is in. */
  frame: GuestFrame | undefined;
  /** The same capability with the guest that answers queries. */
  reader: LoadedCapability | undefined;
}

/** Loads capabilities when they are first called, and bounds the memory of their guests. */
export interface GuestShelf {
  /** Without `pack` the package's file is read. Throws `TWIN_PACKAGE_INVALID` when it is gone or damaged. */
  load(record: CapabilityRecord, pack?: CapabilityPackage): LoadedCapability;
  /** The same capability with a guest of its own, that has never been part of a command. */
  readerOf(loaded: LoadedCapability): LoadedCapability;
  /** Forgets the capability of that name. */
  evict(name: string): void;
  /** A live guest in which `frame`, already set, runs; a fresh one burns from `fuel`. Throws `TWIN_GUEST_*` as its start does. */
  guestOf(loaded: LoadedCapability, fuel: number): { readonly guest: Guest; readonly startFuel: number };
  /** Forgets the instance: its memory may hold what was not committed. */
  drop(loaded: LoadedCapability): void;
  /** Drops idle guests, least recently used first, until the rest fits the limits. */
  trim(): void;
  dropAll(): void;
  count(): number;
  memorySizeBytes(): number;
}

/** A shelf over the package files of `folder`. */
export function createGuestShelf(folder: Pick<PackageFolder, "read">): GuestShelf {
  /** In order of use: the least recent first. */
  const shelf = new Map<string, LoadedCapability>();
  const all = (): LoadedCapability[] =>
    [...shelf.values()].flatMap((loaded) => (loaded.reader === undefined ? [loaded] : [loaded, loaded.reader]));
  const live = (): LoadedCapability[] => all().filter((loaded) => loaded.guest !== undefined);
  const memorySizeBytes = (): number => live().reduce((size, { guest }) => size + guest!.memorySizeBytes, 0);
  return {
    load: (record, pack) => {
      const { name } = record;
      const known = shelf.get(name);
      const loaded =
        known?.record.hash === record.hash ? known : loadCapability(record, pack ?? folder.read(record.hash));
      shelf.delete(name);
      shelf.set(name, loaded);
      return loaded;
    },
    readerOf: (loaded) => (loaded.reader ??= { ...loaded, guest: undefined, frame: undefined, reader: undefined }),
    evict: (name) => {
      shelf.delete(name);
    },
    guestOf: (loaded, fuel) => {
      if (loaded.guest !== undefined && !loaded.guest.dropped) return { guest: loaded.guest, startFuel: 0 };
      const guest = instantiate(loaded.compiled, {
        implementation: createHostImplementation(() => frameOf(loaded)),
        limits: { callDepth: LIMITS.sandbox.callDepth },
        budget: { fuel },
      });
      loaded.guest = guest;
      return { guest, startFuel: guest.usage.fuel };
    },
    drop: (loaded) => {
      loaded.guest = undefined;
    },
    trim: () => {
      let [count, size] = [live().length, memorySizeBytes()];
      for (const loaded of live()) {
        if (count <= LIMITS.sandbox.instanceCount && size <= LIMITS.engine.guestMemorySizeBytes) return;
        if (loaded.frame !== undefined) continue;
        size -= loaded.guest!.memorySizeBytes;
        count -= 1;
        loaded.guest = undefined;
      }
    },
    dropAll: () => {
      for (const loaded of all()) loaded.guest = undefined;
    },
    count: () => live().length,
    memorySizeBytes,
  };
}

/**
 * Judges a package as if it were to be called: the sandbox's admission, imports against the
 * permissions that the manifest asks for, and one export per method. Throws `TWIN_MODULE_*` or
 * `TWIN_PACKAGE_INVALID`.
 */
function admitPackage({ manifest, bytes }: CapabilityPackage): AdmittedModule {
  const memorySizeBytes = Math.min(
    manifest.limits?.memorySizeBytes ?? LIMITS.sandbox.memorySizeBytes,
    LIMITS.sandbox.memorySizeBytesMax,
  );
  const admitted = admit(bytes, { hostInterface: HOST_INTERFACE, limits: { memorySizeBytes } });
  const permissions = permissionsOf(manifest);
  for (const name of admitted.imports) {
    const permission = permissionOf(name);
    if (permission === undefined || permissions.has(permission)) continue;
    throw invalid(`it imports ${name}, but its manifest does not ask for the permission "${permission}"`);
  }
  for (const method of Object.keys(manifest.methods)) {
    if (!admitted.exports.includes(method)) {
      throw invalid(`its manifest offers the method ${method}, which the module does not export as (i32, i32) -> i64`);
    }
  }
  return admitted;
}

/** Fuel of one call of the capability when its caller says nothing. */
export function callFuelOf({ limits }: Manifest): number {
  return Math.min(limits?.callFuel ?? LIMITS.sandbox.callFuel, LIMITS.sandbox.callFuel);
}

function loadCapability(record: CapabilityRecord, pack: CapabilityPackage): LoadedCapability {
  // What was judged is what runs: the manifest of the verified file, not a copy beside it; with the
  // permissions that the owner has granted.
  const manifest = { ...pack.manifest, permissions: grantedTo({ ...record, manifest: pack.manifest }) };
  return {
    record: { ...record, manifest },
    compiled: compileGuest(admitPackage(pack)),
    permissions: permissionsOf(manifest),
    methodChecks: new Map(
      Object.entries(manifest.methods).map(([name, { params, result }]) => [
        name,
        { params: compileSchema(params), result: compileSchema(result) },
      ]),
    ),
    eventChecks: new Map(Object.entries(manifest.events).map(([topic, schema]) => [topic, compileSchema(schema)])),
    guest: undefined,
    frame: undefined,
    reader: undefined,
  };
}

function permissionsOf(manifest: Manifest): Set<string> {
  const groups = new Set(manifest.permissions.map(({ permission }) => permissionGroup(permission)));
  // Its tasks may call its own queries and commands.
  if (Object.values(manifest.methods).some(({ kind }) => kind === "task")) groups.add("call");
  return groups;
}

function frameOf({ frame, record }: LoadedCapability): GuestFrame {
  if (frame === undefined) throw new TypeError(`${record.name} calls the host outside of a call.`);
  return frame;
}

function invalid(why: string): TwinError {
  return new TwinError("TWIN_PACKAGE_INVALID", `This package cannot be installed: ${why}.`);
}
