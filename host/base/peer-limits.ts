// The limits of the network between twins: a group of the table in limits.ts.

const KIB = 1024;
const MIB = 1024 * KIB;

/** Unit in the name, the reason or the attack beside it. */
export const PEER_LIMITS = {
  /** A stranger may connect: what it sends first must fit into this. */
  frameSizeBytes: 2 * MIB,
  /** A peer that hangs holds nothing longer than this. */
  requestTimeoutMs: 10_000,
  /** All addresses of a twin together. */
  dialTimeoutMs: 5_000,
  /** One address that swallows packets must not use up the whole dial. */
  addressDialTimeoutMs: 2_000,
  /** Head start of an address before the next one of the same twin is tried beside it. */
  dialStaggerMs: 200,
  /** Addresses that are dialled at once: those of twins that are away must leave room for the others. */
  dialCount: 256,
  /** An invite that lies around is a key that lies around. */
  inviteLifetimeMs: 24 * 60 * 60 * 1_000,
  /** Open ones; each is a way in. */
  inviteCount: 100,
  /** Each connection costs memory and a socket. */
  connectionCount: 500,
  /** Silent connections would use up the count. */
  idleConnectionMs: 30_000,
  /** libp2p's default of 5 resets the sixth contact after a restart. */
  inboundConnectionsPerSecond: 100,
  /** Streams of one protocol on one connection: one per pair of twins, and their successors, for hosts of a thousand twins. */
  streamsPerConnection: 1_024,
  /** Those of them behind which nobody is that their twin knows, or not yet: each may hold 256 KiB that nobody has read. */
  strangerStreamsPerConnection: 32,
  /** Streams that are opened at once on one connection, until both twins are proven: fewer than strangers may have, and than libp2p bears at a connection's start (10). */
  streamsOpening: 8,
  /** Requests one peer may have in flight; the rest waits in its own stream. */
  requestsInFlight: 64,
  /** Messages of one batch: the engine's queue of one peer has room for some of them, and for what else it asks. */
  batchMessageCount: 256,
  /** Names and sizes of a batch's messages, as JSON. */
  batchHeadsLength: 128 * KIB,
  /** Batches to one contact that may wait for their answers: the next one is there when one is done. */
  batchesInFlight: 3,
  /** The longest pause between two tries to reach a twin that is away. */
  deliveryBackoffMs: 60_000,
  /** Twins that room is lent to: all are listed in one page. */
  lentTwinCount: 1_000,
  /** Names in one answer of a holder of shards. */
  shardListLength: 1_000,
  /** Requests to one holder that wait for their answers; more would only wait longer. */
  shardRequestsInFlight: 64,
  /** What a twin whose shards are held here may cost per second, once the burst is used up; then it waits. */
  shardTrafficBytesPerSecond: 32 * MIB,
  /** What it may cost at once: a repair should not wait. */
  shardTrafficBurstBytes: 1_024 * MIB,
} as const;
