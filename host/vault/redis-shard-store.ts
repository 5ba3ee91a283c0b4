// A service that speaks the Redis protocol as a place for shards: Redis itself, or 0-db in user key mode,
// which knows fewer commands. Whether an answered SET is durable is a setting of the service
// (Redis: `appendfsync always`; 0-db: `--sync`).

import { utf8Decode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { createRespConnection, type RespAnswer, RespError } from "./resp-connection.ts";
import { checkShardName, isShardName } from "./shard-name.ts";
import type { ShardStat, ShardStore } from "./shard-store.ts";

/** Where the service is, and how it is spoken to. */
export interface RedisPlace {
  readonly name: string;
  readonly domain: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** `0-db` is asked for nothing beyond SET, GET, EXISTS, DEL and its own SCAN. */
  readonly dialect: "redis" | "0-db";
  /** Number of the Redis database, or name of the 0-db namespace. */
  readonly database: string;
  /** Secret. Of Redis's default user, or of the namespace. */
  readonly password?: string | undefined;
}

const KEY_PREFIX = "shard:";
const SCAN_COUNT = "1000";

/** A store over the service. Nothing is asked of it until the first operation. */
export function createRedisShardStore(place: RedisPlace): ShardStore {
  const connection = createRespConnection({ ...place, greeting: greetingOf(place) });
  const isRedis = place.dialect === "redis";

  async function ask(timeoutMs: number, ...command: (string | Uint8Array)[]): Promise<RespAnswer> {
    let answer: RespAnswer;
    try {
      answer = await connection.ask(command, AbortSignal.timeout(timeoutMs));
    } catch (cause) {
      throw failure(place, cause as Error);
    }
    if (answer instanceof RespError && !isEndOfScan(answer)) throw failure(place, answer);
    return answer;
  }
  const read = (...command: (string | Uint8Array)[]): Promise<RespAnswer> =>
    ask(LIMITS.vault.storeReadTimeoutMs, ...command);
  const write = (...command: (string | Uint8Array)[]): Promise<RespAnswer> =>
    ask(LIMITS.vault.storeWriteTimeoutMs, ...command);

  const whole = async (shard: string): Promise<Uint8Array | undefined> =>
    bytesOf(place, await read("GET", keyOf(shard)));
  const exists = async (shard: string): Promise<boolean> => (await read("EXISTS", keyOf(shard))) === 1;

  async function stat(shard: string): Promise<ShardStat | undefined> {
    if (!isRedis) {
      const bytes = await whole(shard);
      return bytes && { name: shard, sizeBytes: bytes.length };
    }
    const sizeBytes = Number(await read("STRLEN", keyOf(shard)));
    return sizeBytes > 0 || (await exists(shard)) ? { name: shard, sizeBytes } : undefined;
  }

  return {
    name: place.name,
    domain: place.domain,
    async put(shard, data) {
      await write("SET", keyOf(shard), data);
    },
    async get(shard, { offset = 0, sizeBytes } = {}) {
      if (!isRedis || (offset === 0 && sizeBytes === undefined) || sizeBytes === 0) {
        return (await whole(shard))?.subarray(offset, sizeBytes === undefined ? undefined : offset + sizeBytes);
      }
      const end = sizeBytes === undefined ? -1 : offset + sizeBytes - 1;
      const bytes = bytesOf(place, await read("GETRANGE", keyOf(shard), String(offset), String(end)));
      // Redis has an empty range of what is absent, too.
      return bytes?.length === 0 && !(await exists(shard)) ? undefined : bytes;
    },
    stat,
    async delete(shard) {
      // 0-db calls it an error to delete what is absent.
      if (isRedis || (await exists(shard))) await write("DEL", keyOf(shard));
    },
    async *list() {
      // A walk of Redis may meet a key twice.
      const seen = new Set<string>();
      let cursor: string | Uint8Array | undefined = isRedis ? "0" : undefined;
      for (;;) {
        const page = isRedis
          ? await read("SCAN", cursor!, "MATCH", `${KEY_PREFIX}*`, "COUNT", SCAN_COUNT)
          : await read("SCAN", ...(cursor === undefined ? [] : [cursor]));
        if (page instanceof RespError) return;
        if (!Array.isArray(page) || !(page[0] instanceof Uint8Array) || !Array.isArray(page[1])) throw nonsense(place);
        for (const entry of page[1] as RespAnswer[]) {
          const name = nameIn(Array.isArray(entry) ? (entry as RespAnswer[])[0] : entry);
          if (name === undefined || seen.has(name)) continue;
          seen.add(name);
          const found = await stat(name);
          if (found !== undefined) yield found;
        }
        [cursor] = page as [Uint8Array];
        if (isRedis && utf8Decode(cursor) === "0") return;
      }
    },
  };
}

/** Redis: the password, then the database. 0-db: the namespace with its password. */
function greetingOf({ dialect, database, password }: RedisPlace): string[][] {
  if (dialect === "0-db") return [["SELECT", database, ...(password === undefined ? [] : [password])]];
  return [...(password === undefined ? [] : [["AUTH", password]]), ["SELECT", database]];
}

function keyOf(shard: string): string {
  return KEY_PREFIX + checkShardName(shard);
}

function nameIn(key: RespAnswer): string | undefined {
  if (!(key instanceof Uint8Array)) return undefined;
  const text = new TextDecoder().decode(key);
  const name = text.slice(KEY_PREFIX.length);
  return text.startsWith(KEY_PREFIX) && isShardName(name) ? name : undefined;
}

function bytesOf(place: RedisPlace, answer: RespAnswer): Uint8Array | undefined {
  if (answer === undefined || answer instanceof Uint8Array) return answer;
  throw nonsense(place);
}

/** How 0-db ends a walk over its keys. */
function isEndOfScan(error: RespError): boolean {
  return /^(ERR )?No more data/i.test(error.message);
}

function nonsense({ name }: RedisPlace): TwinError {
  return new TwinError("TWIN_STORE_FAILED", `Store ${name} gives answers of another kind than asked for.`, {
    store: name,
  });
}

function failure({ name }: RedisPlace, cause: Error): TwinError {
  if (cause instanceof RespError && /^OOM |no space|limit/i.test(cause.message)) {
    return new TwinError("TWIN_STORE_FULL", `Store ${name} is full: give it more room.`, { store: name }, cause);
  }
  return new TwinError("TWIN_STORE_FAILED", `Store ${name} failed: ${cause.message}`, { store: name }, cause);
}
