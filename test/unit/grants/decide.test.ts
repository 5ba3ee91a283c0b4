import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { callerName, decide } from "../../../host/grants/decide.ts";
import type { Grant, GrantHolder, Holder } from "../../../host/grants/grant.ts";

const PEER = "did:key:z6MkPeer";

function grant(holder: GrantHolder, over: Partial<Grant> = {}): Grant {
  return { id: "g", holder, capability: "files", methods: ["list"], grantedAtMs: 0, reason: "r", ...over };
}

function allowed(grants: readonly Grant[], holder: Holder, over: object = {}): boolean {
  return decide(grants, { holder, capability: "files", method: "list", nowMs: 1_000, ...over }).allowed;
}

const name = fc.constantFrom("chat", "files", "contacts", "friends");
const twin = fc.constantFrom(PEER, "did:key:z6MkOther");
const holder: fc.Arbitrary<Holder> = fc.oneof(
  fc.record({ kind: fc.constantFrom("experience" as const, "capability" as const, "timer" as const), name }),
  fc.record({ kind: fc.constant("peer" as const), twin, circles: fc.uniqueArray(name) }),
  fc.constant({ kind: "owner" as const }),
);
const grantHolder: fc.Arbitrary<GrantHolder> = fc.oneof(
  name.map((name): GrantHolder => `experience:${name}`),
  name.map((name): GrantHolder => `circle:${name}`),
  name.map((name): GrantHolder => `capability:${name}`),
  twin.map((twin): GrantHolder => `peer:${twin}`),
);
const anyGrant = fc.record({
  id: fc.uuid(),
  holder: grantHolder,
  capability: name,
  methods: fc.array(fc.constantFrom("list", "remove", "*"), { minLength: 1 }),
  grantedAtMs: fc.nat(2_000),
  expiresAtMs: fc.option(fc.nat(2_000), { nil: undefined }),
  reason: fc.constant("r"),
});
const attempt = fc.record({
  holder,
  capability: name,
  method: fc.constantFrom("list", "remove"),
  nowMs: fc.nat(2_000),
});

describe("a decision", () => {
  test("allows the owner everything and a timer its own capability, without a grant", () => {
    expect(decide([], { holder: { kind: "owner" }, capability: "x", method: "y", nowMs: 0 })).toEqual({
      allowed: true,
    });
    expect(allowed([], { kind: "timer", name: "files" })).toBe(true);
    expect(allowed([grant("capability:chat")], { kind: "timer", name: "chat" })).toBe(false);
  });

  test("finds the grant of an experience, a peer, a peer's circle and a capability, and says which", () => {
    const peer: Holder = { kind: "peer", twin: PEER, circles: ["friends"] };
    const found = decide([grant("experience:chat", { id: "g7" })], {
      holder: { kind: "experience", name: "chat" },
      capability: "files",
      method: "list",
      nowMs: 0,
    });
    expect(found).toEqual({ allowed: true, grantId: "g7" });
    expect(allowed([grant(`peer:${PEER}`)], peer)).toBe(true);
    expect(allowed([grant("circle:friends")], peer)).toBe(true);
    expect(allowed([grant("circle:family")], peer)).toBe(false);
    expect(allowed([grant("capability:chat")], { kind: "capability", name: "chat" })).toBe(true);
  });

  test("does not take one kind of holder for another of the same name", () => {
    const grants = [grant("experience:chat"), grant("circle:chat")];
    expect(allowed(grants, { kind: "capability", name: "chat" })).toBe(false);
    expect(allowed([grant("capability:chat")], { kind: "experience", name: "chat" })).toBe(false);
    expect(allowed([grant("experience:chat")], { kind: "peer", twin: "chat", circles: ["chat"] })).toBe(false);
  });

  test("cannot be forged by a name that holds another holder's prefix", () => {
    expect(allowed([grant(`peer:${PEER}`)], { kind: "experience", name: `peer:${PEER}` })).toBe(false);
    expect(allowed([grant("experience:chat")], { kind: "peer", twin: "x", circles: ["x", "experience:chat"] })).toBe(
      false,
    );
  });

  test("ends with its grant's expiry, to the millisecond", () => {
    const grants = [grant("experience:chat", { expiresAtMs: 1_000 })];
    expect(allowed(grants, { kind: "experience", name: "chat" }, { nowMs: 999 })).toBe(true);
    expect(allowed(grants, { kind: "experience", name: "chat" }, { nowMs: 1_000 })).toBe(false);
  });

  test("takes * for no method at all", () => {
    expect(allowed([grant("experience:chat", { methods: ["*"] })], { kind: "experience", name: "chat" })).toBe(false);
  });

  test("allows others exactly when a live grant names them, the capability and the method", () => {
    fc.assert(
      fc.property(fc.array(anyGrant), attempt, (grants, attempt) => {
        const { holder, capability, method, nowMs } = attempt;
        fc.pre(holder.kind !== "owner" && holder.kind !== "timer");
        const decision = decide(grants, attempt);
        const names = holder.kind === "peer" ? holder.circles.map((circle) => `circle:${circle}`) : [];
        const fitting = grants.filter(
          (grant) =>
            [callerName(holder), ...names].includes(grant.holder) &&
            grant.capability === capability &&
            grant.methods.includes(method) &&
            !(grant.expiresAtMs !== undefined && grant.expiresAtMs <= nowMs),
        );
        expect(decision.allowed).toBe(fitting.length > 0);
        // The first that fits counts.
        expect(decision.allowed ? [decision.grantId] : []).toEqual(fitting.slice(0, 1).map((grant) => grant.id));
      }),
    );
  });

  test("never takes away what another set of grants gave: grants only add", () => {
    fc.assert(
      fc.property(fc.array(anyGrant), fc.array(anyGrant), attempt, (grants, more, attempt) => {
        fc.pre(decide(grants, attempt).allowed);
        expect(decide([...more, ...grants], attempt).allowed).toBe(true);
      }),
    );
  });
});
