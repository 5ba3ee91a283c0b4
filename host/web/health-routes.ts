// How a watching machine sees the host: whether it lives, whether it can work, and, for who holds the
// token, what it counts (docs/guides/operate.md).

import { createHash, timingSafeEqual } from "node:crypto";

import type { FastifyInstance, FastifyRequest } from "fastify";

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { OwnerParts } from "../rpc/owner-parts.ts";
import { type Metrics, METRICS_TYPE } from "./metrics.ts";

/** Answered at every name of the host. */
export const HEALTH_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

const NOT_READY = 503;
const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/u;

/** What the routes need. */
export interface HealthParts {
  readonly owner: Pick<OwnerParts, "engine" | "vault" | "clock" | "brokenTwins">;
  readonly metrics: Metrics;
  /** Who shows it may read the metrics; without one nobody may. */
  readonly metricsToken: string | undefined;
}

/** Adds the routes to a site. */
export function addHealthRoutes(app: FastifyInstance, parts: HealthParts): void {
  app.get("/healthz", () => ({ ok: true }));
  app.get("/readyz", async (_request, reply) => {
    const readiness = await checkReadiness(parts.owner);
    return await reply.code(readiness.ready ? 200 : NOT_READY).send(readiness);
  });
  app.get("/metrics", async (request, reply) => {
    requireToken(request, parts.metricsToken);
    return await reply.type(METRICS_TYPE).send(await parts.metrics.text());
  });
}

/** Whether the host can serve its owner. Counts, and no names: anybody may ask. */
interface Readiness {
  /** The engine answers: calls are served, whatever became of stores and peers. */
  readonly ready: boolean;
  /** Stores of the vault, and how many of them were healthy when they were last looked at. */
  readonly stores?: { readonly healthy: number; readonly all: number } | undefined;
  /** Other twins of the host that cannot be used: the others are served. Their names are for the owner. */
  readonly brokenTwins?: number | undefined;
}

async function checkReadiness({ engine, vault, clock, brokenTwins }: HealthParts["owner"]): Promise<Readiness> {
  const stop = new AbortController();
  const late = clock.sleep(LIMITS.web.healthTimeoutMs, { signal: stop.signal }).then(noAnswer, noAnswer);
  const within = <Answer>(work: Promise<Answer>): Promise<Answer | undefined> =>
    Promise.race([work.catch(noAnswer), late]);
  const [status, vaultStatus] = await Promise.all([within(engine.status()), within(vault.status())]);
  stop.abort();
  const { stores } = vaultStatus ?? {};
  const healthy = stores?.filter((store) => store.healthy).length ?? 0;
  return {
    ready: status !== undefined,
    stores: stores && { healthy, all: stores.length },
    brokenTwins: brokenTwins?.().length,
  };
}

/** The token crosses the network in the clear: it counts on this machine only. */
function requireToken(request: FastifyRequest, token: string | undefined): void {
  const { remoteAddress = "" } = request.raw.socket;
  if (token === undefined || !LOOPBACK.test(remoteAddress))
    throw new TwinError("TWIN_PATH_UNKNOWN", "Nothing is at this path.");
  const [, given = ""] = /^Bearer (.+)$/u.exec(request.headers.authorization ?? "") ?? [];
  if (timingSafeEqual(digest(given), digest(token))) return;
  throw new TwinError("TWIN_LOGIN_REFUSED", "The metrics are for who holds their token: send it as a bearer token.");
}

function noAnswer(): undefined {
  return undefined;
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
