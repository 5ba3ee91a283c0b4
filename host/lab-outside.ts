// The world outside of a lab: servers that the test plays, and the other twins of the lab.

import { jsonEncode, utf8Decode, utf8Encode } from "./base/bytes.ts";
import { errorFromWire, toTwinError, TwinError } from "./base/errors.ts";
import type { CallAnswer, CallRequest } from "./engine/engine.ts";
import { errorForPeer } from "./engine/error-for-peer.ts";
import type { Outside } from "./engine/outside.ts";

/** A request of a task, as a played server sees it. */
export interface LabRequest {
  readonly url: string;
  readonly method: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a played server answers. */
interface LabAnswer {
  /** 200 when absent. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Text or bytes as they are; anything else as JSON. */
  readonly body?: unknown;
}

/** Plays all servers. What it throws is a server that cannot be reached. */
export type LabServer = (request: LabRequest) => LabAnswer | Promise<LabAnswer>;

/** A twin as others reach it. */
interface LabPeer {
  readonly id: string;
  readonly away: boolean;
  answer(request: CallRequest): Promise<CallAnswer>;
}

/** The outside of `twin`, one of `twins`. */
export function createLabOutside(
  twin: Pick<LabPeer, "id" | "away">,
  twins: readonly LabPeer[],
  server: LabServer | undefined,
): Outside {
  return {
    fetch: async ({ url, method, headers, body }) => {
      if (server === undefined) throw unreachable(`No server is played for ${url}: open the lab with one.`);
      try {
        const answer = await server({ url, method, headers, body: utf8Decode(body) });
        return { url, status: answer.status ?? 200, headers: answer.headers ?? {}, body: bytesOf(answer.body) };
      } catch (thrown) {
        throw unreachable(thrown instanceof Error ? thrown.message : String(thrown));
      }
    },
    callPeer: async ({ peer, capability, method, payload }) => {
      const other = twins.find(({ id }) => id === peer);
      if (other === undefined || other.away || twin.away) throw new TwinError("TWIN_PEER_OFFLINE", "It is away.");
      const holder = { kind: "peer", twin: twin.id, circles: ["contacts"] } as const;
      try {
        return Uint8Array.from((await other.answer({ holder, capability, method, payload })).payload);
      } catch (thrown) {
        throw errorFromWire(errorForPeer(toTwinError(thrown)));
      }
    },
  };
}

function bytesOf(body: unknown): Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return Uint8Array.from(body);
  if (body === undefined) return new Uint8Array();
  return typeof body === "string" ? utf8Encode(body) : jsonEncode(body);
}

function unreachable(message: string): TwinError {
  return new TwinError("TWIN_FETCH_FAILED", message);
}
