// A bucket of any S3 (Amazon S3 API reference, 2006-03-01) as a place for shards: path-style addresses,
// signature version 4. An object is replaced as a whole, so a torn shard never shows.

import { AwsClient } from "aws4fetch";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { checkShardName, isShardName } from "./shard-name.ts";
import type { ShardRange, ShardStat, ShardStore } from "./shard-store.ts";

/** Where a bucket is, and who may use it. */
export interface S3Place {
  readonly name: string;
  readonly domain: string;
  /** `https://s3.example.com`, without the bucket. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Before every key, so that a bucket can serve several twins; may be empty. */
  readonly prefix: string;
  readonly accessKeyId: string;
  /** Secret. */
  readonly secretAccessKey: string;
}

/** Before each shard's name, so that no name (`.`, `..`) means something to a URL. */
const KEY_PREFIX = "s-";
/** Tries beyond the first, for what the service says is only for now; the guard's deadline ends them. */
const RETRIES = 2;
const RETRY_MS = 50;
const FULL_CODES = new Set(["QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "EntityTooLarge"]);

/** A store over a bucket, which must exist. Nothing is asked of it until the first operation. */
export function createS3ShardStore(place: S3Place): ShardStore {
  const { accessKeyId, secretAccessKey, region } = place;
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    region,
    service: "s3",
    retries: RETRIES,
    initRetryMs: RETRY_MS,
  });
  const bucket = `${place.endpoint.replace(/\/+$/, "")}/${encodeURIComponent(place.bucket)}`;
  const prefix = `${place.prefix}${KEY_PREFIX}`;
  const urlOf = (shard: string): string =>
    `${bucket}/${prefix.split("/").map(encodeURIComponent).join("/")}${checkShardName(shard)}`;

  async function ask(url: string, init: RequestInit, timeoutMs: number): Promise<Response> {
    try {
      return await client.fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    } catch (cause) {
      throw new TwinError("TWIN_STORE_FAILED", `Store ${place.name} does not answer at ${place.endpoint}.`, {}, cause);
    }
  }

  const read = (url: string, init: RequestInit = {}): Promise<Response> =>
    ask(url, init, LIMITS.vault.storeReadTimeoutMs);
  const write = (url: string, init: RequestInit): Promise<Response> => ask(url, init, LIMITS.vault.storeWriteTimeoutMs);

  async function stat(shard: string): Promise<ShardStat | undefined> {
    const response = await read(urlOf(shard), { method: "HEAD" });
    if (response.status === 404) return undefined;
    if (!response.ok) throw await refusal(place, response);
    return { name: shard, sizeBytes: Number(response.headers.get("content-length")) };
  }

  return {
    name: place.name,
    domain: place.domain,
    async put(shard, data) {
      // A copy: the caller may use its buffer again while a retry reads it.
      const response = await write(urlOf(shard), { method: "PUT", body: data.slice() });
      if (!response.ok) throw await refusal(place, response);
      await response.body?.cancel();
    },
    async get(shard, range = {}) {
      const url = urlOf(shard);
      if (range.sizeBytes === 0) return (await stat(shard)) && new Uint8Array(0);
      const wanted = rangeHeader(range);
      const response = await read(url, wanted === undefined ? {} : { headers: { range: wanted } });
      if (response.status === 416) {
        await response.body?.cancel();
        return new Uint8Array(0);
      }
      if (response.status === 404) return absence(place, response);
      if (!response.ok) throw await refusal(place, response);
      const body = await boundedBody(place, response);
      // A service that does not know ranges answers with everything.
      return response.status === 206 ? body : cut(body, range);
    },
    stat,
    async delete(shard) {
      const response = await write(urlOf(shard), { method: "DELETE" });
      if (!response.ok && response.status !== 404) throw await refusal(place, response);
      await response.body?.cancel();
    },
    list: () => listBucket(place, { bucket, prefix, read }),
  };
}

async function* listBucket(
  place: S3Place,
  at: { readonly bucket: string; readonly prefix: string; readonly read: (url: string) => Promise<Response> },
): AsyncGenerator<ShardStat, void, undefined> {
  let token: string | undefined;
  do {
    const query = new URLSearchParams({ "list-type": "2", prefix: at.prefix });
    if (token !== undefined) query.set("continuation-token", token);
    const response = await at.read(`${at.bucket}?${query}`);
    if (!response.ok) throw await refusal(place, response);
    const page = new TextDecoder().decode(await boundedBody(place, response));
    yield* statsIn(page, at.prefix);
    token = /<IsTruncated>true<\/IsTruncated>/.test(page) ? textIn(page, "NextContinuationToken") : undefined;
  } while (token !== undefined);
}

function rangeHeader({ offset = 0, sizeBytes }: ShardRange): string | undefined {
  if (offset === 0 && sizeBytes === undefined) return undefined;
  return `bytes=${offset}-${sizeBytes === undefined ? "" : offset + sizeBytes - 1}`;
}

function cut(bytes: Uint8Array, { offset = 0, sizeBytes = bytes.length }: ShardRange): Uint8Array {
  return bytes.subarray(offset, offset + sizeBytes);
}

function* statsIn(page: string, prefix: string): Generator<ShardStat, void, undefined> {
  for (const [, contents = ""] of page.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
    const key = textIn(contents, "Key") ?? "";
    const name = key.slice(prefix.length);
    if (key.startsWith(prefix) && isShardName(name)) yield { name, sizeBytes: Number(textIn(contents, "Size")) };
  }
}

/** The text of the first element of that name. */
function textIn(xml: string, element: string): string | undefined {
  const text = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1];
  return text
    ?.replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll(/&#(?:39|x27);|&apos;/g, "'")
    .replaceAll("&amp;", "&");
}

/** An object that is not there is no error, a bucket that is not there is. */
async function absence(place: S3Place, response: Response): Promise<undefined> {
  const answer = new TextDecoder().decode(await boundedBody(place, response));
  if (textIn(answer, "Code") !== "NoSuchBucket") return undefined;
  throw new TwinError("TWIN_STORE_FAILED", `Store ${place.name} has no bucket ${place.bucket}: make it first.`, {
    store: place.name,
  });
}

async function refusal(place: S3Place, response: Response): Promise<TwinError> {
  const answer = new TextDecoder().decode(await boundedBody(place, response));
  const code = textIn(answer, "Code") ?? "no code";
  const facts = { store: place.name, status: response.status };
  if (response.status === 507 || FULL_CODES.has(code)) {
    return new TwinError("TWIN_STORE_FULL", `Store ${place.name} is full (${code}): raise its quota.`, facts);
  }
  const advice = response.status === 403 ? "check its key, secret and region" : "see its own log";
  return new TwinError(
    "TWIN_STORE_FAILED",
    `Store ${place.name} refused (${response.status}, ${code.slice(0, 64)}): ${advice}.`,
    facts,
  );
}

/** The body, unless it is larger than anything that was put. */
async function boundedBody(place: S3Place, response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const part of response.body ?? []) {
      sizeBytes += part.length;
      if (sizeBytes > LIMITS.vault.storeAnswerSizeBytes) break;
      parts.push(part);
    }
  } catch (cause) {
    throw new TwinError("TWIN_STORE_FAILED", `Store ${place.name} broke off in its answer.`, {}, cause);
  }
  if (sizeBytes > LIMITS.vault.storeAnswerSizeBytes) {
    throw new TwinError("TWIN_STORE_FAILED", `Store ${place.name} answers without end.`, { store: place.name });
  }
  const body = new Uint8Array(sizeBytes);
  let filled = 0;
  for (const part of parts) {
    body.set(part, filled);
    filled += part.length;
  }
  return body;
}
