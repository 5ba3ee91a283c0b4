// May this holder call that method now? One pure function; everything that is not allowed is denied.

import type { CallAttempt, Decision, Grant, GrantHolder, Holder } from "./grant.ts";

/**
 * Decides an attempt over all grants of the twin. The owner may call everything, a timer only the
 * capability that set it; anybody else needs a grant that names them (a peer: itself or one of its
 * circles), the capability and the method, and that has not expired. The first such grant counts.
 */
export function decide(grants: readonly Grant[], attempt: CallAttempt): Decision {
  const { holder, capability, method, nowMs } = attempt;
  if (holder.kind === "owner") return { allowed: true };
  if (holder.kind === "timer") {
    if (holder.name === capability) return { allowed: true };
    return { allowed: false, reason: `A timer of ${holder.name} cannot call ${capability}.` };
  }
  const names = namesOf(holder);
  const grant = grants.find(
    (grant) =>
      grant.capability === capability &&
      names.includes(grant.holder) &&
      grant.methods.includes(method) &&
      (grant.expiresAtMs === undefined || nowMs < grant.expiresAtMs),
  );
  if (grant !== undefined) return { allowed: true, grantId: grant.id };
  return { allowed: false, reason: `${callerName(holder)} holds no grant for ${capability}.${method}.` };
}

/** The holder in one text, as receipts and events show it: `owner`, `experience:chat`, `peer:did:key:...`. */
export function callerName(holder: Holder): string {
  switch (holder.kind) {
    case "owner":
      return "owner";
    case "peer":
      return `peer:${holder.twin}`;
    default:
      return `${holder.kind}:${holder.name}`;
  }
}

/** Under which names grants may speak of the holder. */
function namesOf(holder: Exclude<Holder, { kind: "owner" | "timer" }>): readonly GrantHolder[] {
  if (holder.kind !== "peer") return [`${holder.kind}:${holder.name}`];
  return [`peer:${holder.twin}`, ...holder.circles.map((circle) => `circle:${circle}` as const)];
}
