// The limits of packages, capabilities' and experiences': a group of the table in limits.ts.

const KIB = 1024;
const MIB = 1024 * KIB;

/** Unit in the name, the reason or the attack beside it. */
export const PACKAGE_LIMITS = {
  /** It is parsed before anything is known of its author. */
  manifestSizeBytes: 256 * KIB,
  /** Shown to the owner at installation; nobody reads more. */
  methodCount: 200,
  /** Shown to the owner at installation; nobody reads more. */
  topicCount: 50,
  /** What an owner can read before saying yes. */
  permissionCount: 20,
  /** Places that the tasks of a capability may send requests to: what an owner can read before saying yes. */
  httpPlaceCount: 20,
  /** What an owner can find and install before saying yes. */
  dependencyCount: 20,
  /** All are described in one answer to another twin. */
  offerCount: 100,
  /** Offered packages are rows of the state, together as much as one capability may keep. */
  offeredSizeBytes: 64 * MIB,
  /** What one other twin may take in an hour: one that asks again and again would use up the line. */
  takenSizeBytesPerHour: 64 * MIB,
  /** Versions of a capability that can be gone back to: each is a copy of all of its data. */
  keptVersionCount: 3,
  /** A removal can be taken back for so long; then its data is deleted. */
  removedKeptMs: 30 * 24 * 60 * 60 * 1_000,
  /** Publishers that an owner refuses: all are read before each installation. */
  refusedPublisherCount: 1_000,
  /** Each is a signature to verify before anything is known of the package. */
  reviewCount: 16,
  /** Of one method that is tried to measure it: a dry run may try all of them. */
  sampleFuel: 50_000_000,
  /** A schema becomes code: deep ones overflow the recursion that writes it, large ones stall it. */
  schemaDepth: 16,
  /** A schema is compiled to code: a huge one is an attack on installation. */
  schemaNodeCount: 500,
  /** All are listed in one page. */
  experienceCount: 200,
  /** All are hashed at installation and listed in memory. */
  experienceFileCount: 2_000,
  /** It becomes one row of the state. */
  experienceManifestSizeBytes: 64 * KIB,
  /** An app, not an archive; media belong into the vault. */
  experienceSizeBytes: 64 * MIB,
} as const;
