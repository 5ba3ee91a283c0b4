// A grant: the durable record that a holder may call these methods of that capability, until then.

/** Who calls. Only the owner holds full authority. */
export type Holder =
  | { readonly kind: "owner" }
  | { readonly kind: "experience"; readonly name: string }
  /** Another twin, proven by its key, with the circles that the owner's contacts put it in. */
  | { readonly kind: "peer"; readonly twin: string; readonly circles: readonly string[] }
  | { readonly kind: "capability"; readonly name: string }
  /** A timer that the capability of that name set. */
  | { readonly kind: "timer"; readonly name: string };

/** Whom a grant speaks of: `experience:NAME`, `peer:DID`, `circle:NAME` or `capability:NAME`. */
export type GrantHolder = `experience:${string}` | `peer:${string}` | `circle:${string}` | `capability:${string}`;

/** One durable grant. JSON. */
export interface Grant {
  /** Chosen by the host; stable. */
  readonly id: string;
  readonly holder: GrantHolder;
  readonly capability: string;
  /** Method names; `*` alone means all of the version that was shown to the owner and is refused at write time: every grant lists its methods. */
  readonly methods: readonly string[];
  readonly grantedAtMs: number;
  readonly expiresAtMs?: number | undefined;
  /** What the owner was told. */
  readonly reason: string;
}

/** What is asked of {@link decide}. */
export interface CallAttempt {
  readonly holder: Holder;
  readonly capability: string;
  readonly method: string;
  readonly nowMs: number;
}

/** Allowed through which grant (absent for the owner and a capability's own timer), or why not. */
export type Decision =
  | { readonly allowed: true; readonly grantId?: string | undefined }
  | { readonly allowed: false; readonly reason: string };
