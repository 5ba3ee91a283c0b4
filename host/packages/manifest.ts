// The manifest of a capability: what it offers, what it asks for, and why.

import type { Review } from "./review.ts";

/** A JSON Schema (2020-12 subset that the validator accepts). */
export type JsonSchema = { readonly [key: string]: unknown } | boolean;

/** How a method may act (capability page, section 2). */
export type MethodKind = "query" | "command" | "task";

/** One method. Its export in the module has the same name. */
export interface Method {
  readonly kind: MethodKind;
  readonly doc: string;
  readonly params: JsonSchema;
  readonly result: JsonSchema;
  /** Circles whose members may call it from their twins, unless the owner decides otherwise. Absent: nobody. `anyone` is not a circle. */
  readonly exposeTo?: readonly string[] | undefined;
}

/** Groups of host functions that a manifest may ask for. Those of context need no permission. */
export type Permission =
  | "state"
  | "blobs"
  | "send"
  | "emit"
  | "schedule"
  /** Calls of methods of other twins, and waiting for their answers. */
  | "peer_call"
  | { readonly call: string; readonly methods: readonly string[] }
  /** Requests to these places (http-place.ts) and to no others. */
  | { readonly http: readonly string[] };

/** A permission with the author's reason, shown to the owner. */
export interface PermissionRequest {
  readonly permission: Permission;
  readonly reason: string;
}

/** How data moves to this version. */
interface Migration {
  /** Prefixes of keys of which no row may be lost; an upgrade that loses one is refused. */
  readonly keeps: readonly string[];
}

/** Content of the custom section `twin.manifest`, JSON. */
export interface Manifest {
  readonly abi: 1;
  /** `[a-z][a-z0-9-]{0,31}` */
  readonly name: string;
  /** Semantic version. */
  readonly version: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  readonly source?: string | undefined;
  readonly methods: Readonly<Record<string, Method>>;
  /** Topics that it emits, with the schema of their payloads. */
  readonly events: Readonly<Record<string, JsonSchema>>;
  readonly permissions: readonly PermissionRequest[];
  readonly limits?:
    | { readonly memorySizeBytes?: number | undefined; readonly callFuel?: number | undefined }
    | undefined;
  /** Names of capabilities that it cannot do without, with the versions that will do: a range such as `^1.2.0`. */
  readonly dependencies?: Readonly<Record<string, string>> | undefined;
  readonly dataVersion: number;
  /** Declares the command `migrate`, which the host runs when a version with another `dataVersion` takes the place of this capability's. */
  readonly migration?: Migration | undefined;
}

/** What a package file is, once its parts have been read and its signature checked. */
export interface CapabilityPackage {
  readonly manifest: Manifest;
  /** did:key of the publisher, whose signature holds. */
  readonly publisher: string;
  /** Hex of the BLAKE3 hash of `bytes`. */
  readonly hash: string;
  /** The file without its reviews. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whose signatures hold, in the order of their keys. */
  readonly reviews: readonly Review[];
}

/** What the owner sees of an installed capability. JSON. */
export interface InstalledCapability {
  /** What it is called by here: its manifest's name, or `name@MAJOR` when it stands beside another major version. */
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly description: string;
  readonly publisher: string;
  readonly hash: string;
  readonly sizeBytes: number;
  readonly installedAtMs: number;
  /** What it may do. */
  readonly permissions: readonly PermissionRequest[];
  /** What it asks for and the owner has not granted. */
  readonly withheld: readonly PermissionRequest[];
  readonly dependencies: Readonly<Record<string, string>>;
  /** did:keys of those whose reviews it carries. */
  readonly reviewers: readonly string[];
  readonly methods: Readonly<Record<string, Method>>;
  /** Where a rollback can lead to, the version that was left last first; in a list alone. `leftAtMs` is 0 for one that an earlier build kept. */
  readonly keptVersions?: readonly { readonly version: string; readonly leftAtMs: number }[] | undefined;
}

/** What was removed and can come back. JSON. */
export interface RemovedCapability {
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly removedAtMs: number;
  /** Its data is deleted then. */
  readonly keptUntilMs: number;
}
