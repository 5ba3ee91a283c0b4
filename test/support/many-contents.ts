// What a put of many puts where a process is killed at it.

import { seededBytes } from "./seeded-bytes.ts";

/** Contents of six objects, each another one. */
export const MANY: readonly Uint8Array[] = Array.from({ length: 6 }, (_, at) => seededBytes(80 + at, 1 + at * 9_000));

/** An object whose shards are so large that they go past the page cache. */
export const LARGE_SIZE = 4_500_000;
