// Every case that the bench can measure: its name, its unit and what it does. docs/benchmarks.md
// lists exactly these; checks and comparisons go by the names, which never change.

/** Units of figures and how a sample becomes one. A sample is seconds for one run, unless the unit says otherwise. */
export const UNITS = {
  /** 10^6 bytes per second, of the bytes that one run works on. */
  "MB/s": { higherIsBetter: true, of: (seconds: number, bytes: number) => bytes / seconds / 1e6 },
  "ops/s": { higherIsBetter: true, of: (seconds: number) => 1 / seconds },
  s: { higherIsBetter: false, of: (seconds: number) => seconds },
  ms: { higherIsBetter: false, of: (seconds: number) => seconds * 1e3 },
  us: { higherIsBetter: false, of: (seconds: number) => seconds * 1e6 },
  ns: { higherIsBetter: false, of: (seconds: number) => seconds * 1e9 },
  /** The sample is bytes. */
  KB: { higherIsBetter: false, of: (bytes: number) => bytes / 1e3 },
  /** The sample is bytes. */
  MB: { higherIsBetter: false, of: (bytes: number) => bytes / 1e6 },
  /** The sample is a ratio of times: metered to unmetered. */
  slowdown: { higherIsBetter: false, of: (ratio: number) => ratio },
  /** The sample is a ratio of times: disturbed to undisturbed. */
  times: { higherIsBetter: false, of: (ratio: number) => ratio },
} as const satisfies Readonly<
  Record<string, { readonly higherIsBetter: boolean; readonly of: (sample: number, bytes: number) => number }>
>;

/** A unit's name. */
export type Unit = keyof typeof UNITS;

/** What a case measures. */
export interface CaseFacts {
  readonly unit: Unit;
  /** One sentence for people who read the table. */
  readonly what: string;
}

const rate = (what: string): CaseFacts => ({ unit: "MB/s", what });
const meter = (what: string): CaseFacts => ({ unit: "slowdown", what: `Metered against unmetered: ${what}.` });
const micros = (what: string): CaseFacts => ({ unit: "us", what });

const longest = (what: string): CaseFacts => ({
  unit: "ms",
  what: `The longest of the attacks ${what}: its time beyond the 50 ms that it may take, or all of it when it ended before.`,
});
const noticed = (what: string): CaseFacts => ({
  unit: "times",
  what: `99th percentile of a good neighbour's calls during attacks ${what}, by that without.`,
});

/** Suite -> case -> facts. */
export const CASES = {
  kernels: {
    "chacha20poly1305-seal": rate("Encrypts and authenticates one message (RFC 8439) where it lies."),
    "chacha20poly1305-open": rate("Checks and decrypts one message where it lies."),
    "chacha20poly1305-seal-into": rate("Encrypts from the caller's buffer into another one, copies included."),
    "chacha20poly1305-seal-batch": rate("Encrypts 64 messages of one key at once; size is that of one."),
    "xchacha20poly1305-seal": rate("As chacha20poly1305-seal with a 24-byte nonce, as the vault seals its blocks."),
    blake3: rate("Hashes one message to 32 bytes, where it lies."),
    "blake3-into": rate("The same from the caller's buffer into another one, copies included."),
    "blake3-batch": rate("Hashes 64 messages at once; size is that of one."),
    sha256: rate("Hashes one message to 32 bytes; as a host does it where Node has nothing of its own."),
    "rs-encode-16+4": rate("Makes 4 parity shards of 16 data shards; counted are the data bytes, size is a shard's."),
    "rs-encode-10+4": rate("Makes 4 parity shards of 10 data shards."),
    "rs-reconstruct-16+4": rate("Gives 4 lost data shards of 16 back."),
    "chunk-gear": rate("Finds the content-defined chunk boundaries of 16 MiB of random bytes."),
    "put-pipeline": rate(
      "Chunk, keyed id, seal, encode 4+2: what a put does to 16 MiB, in one thread, without a disk.",
    ),
    "lane-chacha20poly1305-seal": rate("The host's own choice: our WebAssembly against node:crypto by the same door."),
    "lane-chacha20poly1305-open": rate("The same for opening."),
    "lane-sha256": rate("The same for SHA-256."),
    "lane-workers": rate(
      "Cuts and names chunks of 1 MiB in the pool, by its number of workers; ours is the usual one.",
    ),
  },
  sandbox: {
    "echo-64": micros("One call of a guest that answers its 64-byte payload, same thread."),
    "echo-1k": micros("The same with 1 KiB."),
    "echo-64k": micros("The same with 64 KiB."),
    "echo-64-worker": micros("One call of a guest in another thread, 64 bytes."),
    "echo-1k-worker": micros("The same with 1 KiB."),
    "echo-64k-worker": micros("The same with 64 KiB."),
    "host-call": { unit: "ns", what: "One call from a guest to a host function that does nothing." },
    "host-call-waiting": {
      unit: "ns",
      what: "The same to one that answers by a promise: the guest stands still for it.",
    },
    instantiate: micros("One more instance of a module of about 20 KB that is compiled already."),
    "instantiate-capability": micros("The same of a built-in capability, whose JSON code has tables to fill."),
    "admit-1mb": { unit: "ms", what: "Validates, parses and meters a module of 1 MB." },
    "attack-time": longest("that compute for ever, by fuel"),
    "attack-endless": longest("that compute for ever, by the deadline alone"),
    "attack-memory": longest("on memory and tables"),
    "attack-shape": longest("by the shape of a module"),
    "attack-authority": longest("on what the host offers"),
    "attack-answer": longest("by wild answers"),
    "neighbour-time": noticed("that compute for ever, by fuel"),
    "neighbour-endless": noticed("that compute for ever, by the deadline alone"),
    "neighbour-memory": noticed("on memory and tables"),
    "neighbour-shape": noticed("by the shape of a module"),
    "neighbour-authority": noticed("on what the host offers"),
    "neighbour-answer": noticed("by wild answers"),
    "meter-crc32": meter("a checksum by bits"),
    "meter-fib": meter("recursive calls"),
    "meter-hash": meter("64-bit FNV-1a over 64 KiB"),
    "meter-interpreter": meter("a byte-code loop with a jump table"),
    "meter-json": meter("scanning and summing JSON text"),
    "meter-mandelbrot": meter("floating point with an early exit"),
    "meter-matrix": meter("a product of two 64 x 64 matrices"),
    "meter-nbody": meter("floating point with square roots"),
    "meter-pointer-chase": meter("dependent loads over 1 MiB"),
    "meter-quickjs": meter("a JavaScript program in QuickJS"),
    "meter-regex": meter("a backtracking matcher"),
    "meter-sort": meter("quicksort of 4,096 numbers"),
    "meter-sqlite": meter("queries in SQLite"),
    "meter-word-count": meter("counting words in a hash table"),
  },
  engine: {
    "command-durable": { unit: "ops/s", what: "Commands of one caller, each durable before its answer." },
    "command-durable-concurrent": { unit: "ops/s", what: "The same of 64 callers at once over 20,000 keys." },
    query: { unit: "ops/s", what: "Queries with a 1 KB answer, 64 in flight, grants and schemas checked." },
    "query-while-writing": { unit: "ops/s", what: "The same queries while 64 other callers write, against without." },
    task: { unit: "ops/s", what: "Tasks with one wait for a page that is there at once, 64 in flight." },
    "message-exactly-once": {
      unit: "ops/s",
      what: "Messages from one host process to another, a command each, until they took effect.",
    },
  },
  vault: {
    put: rate("Stores one object of random bytes durably, 4+2 over local directories."),
    "put-small": { unit: "ops/s", what: "Objects of 16 KiB stored durably, 64 at once." },
    "put-texts": rate(
      "500 MB of text files of 17 KB on average stored durably, each an object, as `twin put FOLDER` stores them.",
    ),
    get: rate("Reads it back whole."),
    "get-range": micros("Reads 64 KiB somewhere in it."),
    "get-degraded": rate("The same with two of six stores lost."),
    "get-range-degraded": micros("Reads 64 KiB somewhere in it with two of six stores lost."),
    repair: rate("Scrubs and rebuilds all that a lost store held; counted are the object's bytes."),
    restore: rate("Finds and reads everything again where the index and two of six stores are lost."),
    "replication-lag": {
      unit: "ms",
      what: "How old the oldest write is that the stores do not have yet, at 500 commands a second: 99th percentile.",
    },
  },
  rpc: {
    "call-sequential": { unit: "ops/s", what: "Calls of one client over a WebSocket, one after another." },
    "call-concurrent": { unit: "ops/s", what: "The same, 64 in flight." },
    "call-binary-1mb": rate("Calls whose argument is 1 MB of bytes."),
  },
  peers: {
    request: { unit: "ops/s", what: "Requests of one twin to another over libp2p, 16 in flight." },
    "deliver-while-away": {
      unit: "ops/s",
      what: "Messages to 10 contacts that are up while 30 others swallow every dial, against without those.",
    },
    stream: rate("Frames of 64 KiB from one host to another over an encrypted stream."),
  },
  host: {
    start: { unit: "s", what: "From starting the process to the first answered call, on an existing data folder." },
    "memory-idle": { unit: "MB", what: "Resident memory of a host with one idle twin." },
    "memory-per-twin": { unit: "KB", what: "Resident memory that one more hibernated twin costs." },
    wake: { unit: "ms", what: "The first call of a hibernated twin." },
    "worker-death": {
      unit: "ms",
      what: "From the death of the worker in which all twins live to the answer of one of them, when another one stands ready (a second after the start of the last).",
    },
    "worker-death-all": { unit: "ms", what: "The same to the answers of all of them, asked at once." },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, CaseFacts>>>>;

/** A suite's name. */
export type SuiteName = keyof typeof CASES;

/** All suites, in the order in which they run. */
export const SUITE_NAMES: readonly SuiteName[] = Object.keys(CASES) as SuiteName[];

/** The facts of a case. Throws for a name that is not in the table. */
export function caseFacts(suite: SuiteName, name: string): CaseFacts {
  const cases: Readonly<Record<string, CaseFacts>> = CASES[suite];
  const facts = Object.hasOwn(cases, name) ? cases[name] : undefined;
  if (facts === undefined)
    throw new RangeError(`The suite ${suite} has no case "${name}"; bench/case-table.ts lists them.`);
  return facts;
}
