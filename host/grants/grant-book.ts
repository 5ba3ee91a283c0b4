// The twin's grants, one row each in the namespace `$grants`. What is written is checked here, so
// that `decide` never meets an unknown shape.

import { hexEncode, jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { isTwinId } from "../identity/twin-id.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import type { Grant } from "./grant.ts";

const NAMESPACE = "$grants";
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** A capability may stand beside another major version of itself. */
const CAPABILITY = /^[a-z][a-z0-9-]{0,31}(?:@[0-9]{1,9})?$/;
const METHOD = /^[a-z][a-z0-9_]{0,63}$/;
const ID_SIZE = 10;

/** A grant before the host has numbered and dated it. */
export type GrantRequest = Omit<Grant, "id" | "grantedAtMs">;

/** Grants as rows: it makes the writes, its user commits them together with what else belongs to them. */
export interface GrantBook {
  /** All grants, also expired ones, as of the last commit. */
  list(): readonly Grant[];
  /**
   * A checked grant and the write that records it. Throws `TWIN_INPUT_INVALID` for anything but the
   * documented shapes (also for `*`: every grant lists its methods), `TWIN_LIMIT_EXCEEDED` when there are too many.
   */
  prepare(request: GrantRequest, nowMs: number): { readonly grant: Grant; readonly write: StateWrite };
  /** The write that ends a grant. Throws `TWIN_GRANT_UNKNOWN`. */
  prepareRevoke(id: string): StateWrite;
  /** Must be called once writes of this book were committed. */
  reload(): void;
}

/** The book over the tables of `store`. */
export function createGrantBook(store: Pick<StateStore, "scan">, random: Random): GrantBook {
  let cache: readonly Grant[] | undefined;
  const list = (): readonly Grant[] => {
    cache ??= store
      .scan({ namespace: NAMESPACE, start: new Uint8Array(), limit: LIMITS.grants.grantCount })
      .map((entry) => jsonDecode(entry.value) as Grant);
    return cache;
  };
  return {
    list,
    prepare: (request, nowMs) => {
      checkRequest(request);
      if (list().length >= LIMITS.grants.grantCount) {
        throw new TwinError(
          "TWIN_LIMIT_EXCEEDED",
          `A twin keeps at most ${LIMITS.grants.grantCount} grants. Revoke some that are not needed.`,
          { limit: LIMITS.grants.grantCount },
        );
      }
      const { holder, capability, methods, expiresAtMs, reason } = request;
      const id = hexEncode(random.bytes(ID_SIZE));
      const grant: Grant = { id, holder, capability, methods: [...methods], grantedAtMs: nowMs, expiresAtMs, reason };
      return { grant, write: { ...rowKey(id), value: jsonEncode(grant) } };
    },
    prepareRevoke: (id) => {
      if (!list().some((grant) => grant.id === id)) {
        throw new TwinError("TWIN_GRANT_UNKNOWN", "There is no such grant; it may have been revoked already.");
      }
      return { ...rowKey(id), value: undefined };
    },
    reload: () => {
      cache = undefined;
    },
  };
}

function rowKey(id: string): { readonly namespace: string; readonly key: Uint8Array } {
  return { namespace: NAMESPACE, key: utf8Encode(id) };
}

function checkRequest(request: GrantRequest): void {
  const { holder, capability, methods, expiresAtMs, reason } = request;
  if (!isHolder(holder)) {
    throw invalid("its holder is not experience:NAME, peer:DID, circle:NAME or capability:NAME");
  }
  if (typeof capability !== "string" || !CAPABILITY.test(capability)) throw invalid("it names no capability");
  if (!Array.isArray(methods) || methods.length === 0 || methods.length > LIMITS.packages.methodCount) {
    throw invalid(`it lists no methods, or more than ${LIMITS.packages.methodCount}`);
  }
  if (!methods.every((method) => typeof method === "string" && METHOD.test(method))) {
    throw invalid("it lists something that is no method name (every method by its name; * is not one)");
  }
  if (expiresAtMs !== undefined && !Number.isSafeInteger(expiresAtMs)) throw invalid("its expiry is not a time in ms");
  if (typeof reason !== "string" || reason.trim() === "" || reason.length > LIMITS.grants.reasonLength) {
    throw invalid(`it gives no reason, or one of more than ${LIMITS.grants.reasonLength} characters`);
  }
}

function isHolder(holder: unknown): boolean {
  if (typeof holder !== "string") return false;
  const [kind, name] = [holder.slice(0, holder.indexOf(":")), holder.slice(holder.indexOf(":") + 1)];
  if (kind === "peer") return isTwinId(name);
  if (kind === "capability") return CAPABILITY.test(name);
  return (kind === "experience" || kind === "circle") && NAME.test(name);
}

function invalid(why: string): TwinError {
  return new TwinError("TWIN_INPUT_INVALID", `This cannot be granted: ${why}.`);
}
