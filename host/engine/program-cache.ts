// What capabilities run: admitted, compiled, with compiled schemas. Twins that have the same package
// share one of it, so that a twin which wakes has nothing to compile.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { CapabilityPackage, Manifest } from "../packages/manifest.ts";
import { permissionGroup } from "../packages/permission.ts";
import { compileSchema, type SchemaCheck } from "../packages/schema.ts";
import { admit } from "../sandbox/admit.ts";
import { compileGuest, type CompiledGuest } from "../sandbox/guest.ts";
import type { AdmittedModule } from "../sandbox/sandbox.ts";
import { HOST_INTERFACE, permissionOf } from "./host-functions.ts";

/** The checks of one method. */
interface MethodChecks {
  readonly params: SchemaCheck;
  readonly result: SchemaCheck;
}

/** A package that can be run. Nothing of a twin is in it. */
export interface Program {
  /** That of the verified file: what was judged is what runs. */
  readonly manifest: Manifest;
  readonly compiled: CompiledGuest;
  readonly methodChecks: ReadonlyMap<string, MethodChecks>;
  readonly eventChecks: ReadonlyMap<string, SchemaCheck>;
}

/** Programs by the hash of their package. */
export interface ProgramCache {
  /** The program of that hash; `read` is asked for its verified package when it is not here. Throws as `read` does, `TWIN_MODULE_*` or `TWIN_PACKAGE_INVALID`. */
  load(hash: string, read: () => CapabilityPackage): Program;
}

/** An empty cache. */
export function createProgramCache(): ProgramCache {
  /** In order of use: the least recent first. */
  const programs = new Map<string, Program>();
  return {
    load: (hash, read) => {
      const program = programs.get(hash) ?? compileProgram(read());
      programs.delete(hash);
      programs.set(hash, program);
      if (programs.size > LIMITS.engine.programCount) programs.delete(programs.keys().next().value!);
      return program;
    },
  };
}

function compileProgram(pack: CapabilityPackage): Program {
  const { manifest } = pack;
  return {
    manifest,
    compiled: compileGuest(admitPackage(pack)),
    methodChecks: new Map(
      Object.entries(manifest.methods).map(([name, { params, result }]) => [
        name,
        { params: compileSchema(params), result: compileSchema(result) },
      ]),
    ),
    eventChecks: new Map(Object.entries(manifest.events).map(([topic, schema]) => [topic, compileSchema(schema)])),
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

/** The kinds of host functions that the manifest allows. */
export function permissionsOf(manifest: Manifest): Set<string> {
  const groups = new Set(manifest.permissions.map(({ permission }) => permissionGroup(permission)));
  // Its tasks may call its own queries and commands.
  if (Object.values(manifest.methods).some(({ kind }) => kind === "task")) groups.add("call");
  return groups;
}

function invalid(why: string): TwinError {
  return new TwinError("TWIN_PACKAGE_INVALID", `This package cannot be installed: ${why}.`);
}
