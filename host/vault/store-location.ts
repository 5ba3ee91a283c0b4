// Where a store is, as its owner writes it: a path or a URL (docs/formats/vault.md, "Stores"). The URL
// may hold a secret: it is shown only without.

import { TwinError } from "../base/errors.ts";
import { isTwinId, type TwinId } from "../identity/twin-id.ts";
import type { RedisPlace } from "./redis-shard-store.ts";
import type { S3Place } from "./s3-shard-store.ts";

/** A location, read. */
export type StoreLocation =
  | { readonly kind: "directory"; readonly path: string }
  | ({ readonly kind: "s3" } & Omit<S3Place, "name" | "domain">)
  | ({ readonly kind: "redis" } & Omit<RedisPlace, "name" | "domain">)
  | { readonly kind: "twin"; readonly twin: TwinId };

const FORMS =
  "a path, s3://KEY:SECRET@HOST/BUCKET/PREFIX, redis://:PASSWORD@HOST/0, zdb://:PASSWORD@HOST/NAMESPACE or twin:DID";
const PORTS = { redis: 6_379, rediss: 6_379, zdb: 9_900 } as const;

/** Reads a location. Throws `TWIN_CONFIG_INVALID` that says what is missing, and never repeats a secret. */
export function parseStoreLocation(text: string): StoreLocation {
  const scheme = /^([a-z][a-z0-9+]*):/.exec(text)?.[1];
  if (scheme === undefined) return { kind: "directory", path: text };
  if (scheme === "twin") return parseTwin(text.slice("twin:".length));
  const url = URL.parse(text);
  if (url === null || url.hostname === "") throw invalid("it names no host");
  if (scheme === "s3" || scheme === "s3+http") return parseS3(url, scheme === "s3");
  if (scheme === "redis" || scheme === "rediss" || scheme === "zdb") return parseRedis(url, scheme);
  throw invalid(`nobody knows "${scheme}:"`);
}

/** The location as it may be shown: without secrets. */
export function describeStoreLocation(location: StoreLocation): string {
  switch (location.kind) {
    case "directory":
      return location.path;
    case "s3":
      return `${location.endpoint}/${location.bucket}/${location.prefix}`;
    case "redis":
      return `${location.dialect} at ${location.host}:${location.port}/${location.database}`;
  }
  return location.twin;
}

/** What fails together with the place when the owner does not say; undefined for a directory, whose disk must be asked. */
export function domainOfLocation(location: StoreLocation): string | undefined {
  switch (location.kind) {
    case "directory":
      return undefined;
    case "s3":
      return new URL(location.endpoint).host;
    case "redis":
      return `${location.host}:${location.port}`;
  }
  return location.twin;
}

function parseTwin(twin: string): StoreLocation {
  if (!isTwinId(twin)) throw invalid("it names no twin (did:key:z6Mk…)");
  return { kind: "twin", twin };
}

function parseS3(url: URL, tls: boolean): StoreLocation {
  const [bucket = "", ...prefix] = url.pathname.slice(1).split("/").map(decodeURIComponent);
  if (bucket === "") throw invalid("it names no bucket");
  if (url.username === "" || url.password === "") throw invalid("it has no key and secret");
  const folders = prefix.filter((part) => part !== "");
  return {
    kind: "s3",
    endpoint: `${tls ? "https" : "http"}://${url.host}`,
    region: url.searchParams.get("region") ?? "us-east-1",
    bucket,
    prefix: folders.map((part) => `${part}/`).join(""),
    accessKeyId: decodeURIComponent(url.username),
    secretAccessKey: decodeURIComponent(url.password),
  };
}

function parseRedis(url: URL, scheme: keyof typeof PORTS): StoreLocation {
  const database = decodeURIComponent(url.pathname.slice(1));
  return {
    kind: "redis",
    host: url.hostname,
    port: url.port === "" ? PORTS[scheme] : Number(url.port),
    tls: scheme === "rediss",
    dialect: scheme === "zdb" ? "0-db" : "redis",
    database: database === "" ? (scheme === "zdb" ? "default" : "0") : database,
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
  };
}

function invalid(why: string): TwinError {
  return new TwinError("TWIN_CONFIG_INVALID", `This is no place for a store, ${why}: expected ${FORMS}.`);
}
