// Every limit of the host, in one place: its unit in the name, the reason or the attack beside it.
// docs/limits.md is checked against this table by a test.

const KIB = 1024;
const MIB = 1024 * KIB;

/** Grouped by the room that enforces them. */
export const LIMITS = {
  sandbox: {
    /** A module that takes seconds to compile is an attack on installation. */
    moduleSizeBytes: 4 * MIB,
    /** V8 compiles a function in one piece: a huge body stalls it (SQLite and QuickJS fit). */
    functionBodySizeBytes: 64 * KIB,
    /** Locals cost stack in every frame and time in the compiler. */
    functionLocalCount: 1_000,
    /** Deep nesting overflows recursive compilers. */
    blockDepth: 1_024,
    /** Loop nesting makes register allocation super-linear. */
    loopDepth: 32,
    /** Jump tables multiply code size after compilation. */
    branchTableLength: 4_096,
    functionCount: 20_000,
    typeCount: 2_000,
    /** Every call and branch moves what its type carries; compilers emit far fewer. */
    typeParamCount: 128,
    typeResultCount: 16,
    globalCount: 1_000,
    exportCount: 200,
    importCount: 64,
    dataSegmentCount: 10_000,
    elementSegmentCount: 1_000,
    /** Over all segments: each instance writes them to its table before any meter runs. */
    elementCount: 100_000,
    /** Custom sections are stripped before V8 sees the module; a flood of them only costs parsing. */
    customSectionCount: 64,
    tableElementCount: 10_000,
    /** Default memory of a guest. */
    memorySizeBytes: 16 * MIB,
    /** What a manifest may ask for at most. */
    memorySizeBytesMax: 256 * MIB,
    /** Fuel of a call: about a third of a second of this machine class. Stops endless loops. */
    callFuel: 1_000_000_000,
    /** Weighted frames: our own count, because V8's own depth varies with its tier. */
    callDepth: 10_000,
    /** Wall clock of a query or a command, for what fuel cannot see. */
    callTimeoutMs: 5_000,
    /** Live instances in one worker: V8 caps memories near 16,000 in a process. */
    instanceCount: 2_000,
    logLineSizeBytes: 4 * KIB,
    logLineCount: 100,
  },
  state: {
    keySizeBytes: 512,
    valueSizeBytes: 128 * KIB,
    /** Per capability. */
    capabilitySizeBytes: 64 * MIB,
    /** Names of namespaces are in every seal behind a 16-bit size. */
    namespaceLength: 64,
    scanCount: 1_000,
    /** What one scan of a guest may bring: its entries are copied twice. */
    scanSizeBytes: 4 * MIB,
    /** Pages of one open state file that SQLite keeps in memory. */
    cacheSizeBytes: 8 * MIB,
    /** A state file up to this size is checked in full when it is opened; larger ones would delay the start. */
    checkAtOpenSizeBytes: 32 * MIB,
    /** A command's write set is memory until it commits. */
    writeSetSizeBytes: 16 * MIB,
    /** A commit of very many rows delays all others. */
    writeSetCount: 20_000,
  },
  grants: {
    /** Every call looks through them. */
    grantCount: 1_000,
    reasonLength: 1_000,
  },
  engine: {
    payloadSizeBytes: 1 * MIB,
    /** Deep nesting overflows the stacks of those who walk JSON later: clients, guests, other hosts. */
    payloadDepth: 64,
    /** Calls waiting for one capability; beyond, the caller is told to slow down. */
    queueLength: 1_000,
    nestedCallDepth: 16,
    /** What a caller may ask for at most: a waiting call holds a place in the queue. */
    callTimeoutMsMax: 60_000,
    callIdLength: 64,
    /** Messages one command may send. */
    commandSendCount: 100,
    commandEventCount: 100,
    /** A dead peer must not fill the disk. */
    outboxLength: 100_000,
    /** Refused messages kept for the owner to see. */
    parkedKept: 1_000,
    /** How far back a repeated message still gets the refusal that it got at first. */
    inboxOutcomesKept: 64,
    eventsKept: 10_000,
    receiptsKept: 10_000,
    /** Receipts that no commit took along are written after this time. */
    receiptFlushMs: 250,
    callIdsKept: 10_000,
    /** Recorded answers together: large answers are forgotten sooner. */
    answersSizeBytes: 64 * MIB,
    /** Rows of one answer to the main thread. */
    pageLength: 1_000,
    failMessageSizeBytes: 1 * KIB,
    /** Memory of all idle guests together; the least recently used ones go first. */
    guestMemorySizeBytes: 512 * MIB,
    /** How long the worker runs calls before it looks for new messages. */
    sliceMs: 10,
    /** Installing, listing and other work of the engine itself. */
    operationTimeoutMs: 60_000,
    /** Extra wall clock beyond a call's own deadline before its worker is replaced. */
    watchdogGraceMs: 1_000,
    /** How often the watchdog looks; bounds how late it notices. */
    watchdogTickMs: 250,
    closeTimeoutMs: 2_000,
  },
  packages: {
    /** It is parsed before anything is known of its author. */
    manifestSizeBytes: 256 * KIB,
    methodCount: 200,
    topicCount: 50,
    /** What an owner can read before saying yes. */
    permissionCount: 20,
    /** A schema becomes code: deep ones overflow the recursion that writes it, large ones stall it. */
    schemaDepth: 16,
    schemaNodeCount: 500,
    experienceCount: 200,
    experienceFileCount: 2_000,
    /** It becomes one row of the state. */
    experienceManifestSizeBytes: 64 * KIB,
    experienceSizeBytes: 64 * MIB,
  },
  vault: {
    chunkSizeBytesMin: 256 * KIB,
    chunkSizeBytesTarget: 1 * MIB,
    chunkSizeBytesMax: 4 * MIB,
    segmentSizeBytes: 16 * MIB,
    /** Segments of one put that are on their way to the stores while the next one fills: the bound of its memory. */
    segmentsInFlight: 2,
    frameSizeBytes: 64 * KIB,
    leafSizeBytes: 64 * KIB,
    /** GF(2^8) has no more: data and parity shards of a segment together. */
    shardCount: 255,
    /** Children of one manifest node: 4,096 x 40 bytes is a block of 160 KiB. */
    manifestEntryCount: 4_096,
    /** Depth of a manifest tree: 4,096^3 chunks; a deeper one is not ours. */
    manifestDepth: 4,
    objectNameSizeBytes: 1 * KIB,
    objectTypeSizeBytes: 255,
    /** Puts at work; the rest waits. Each may hold about 64 MiB. */
    putCount: 16,
    /** A store that hangs must not hang a reader: beyond, the bytes are rebuilt from other stores. */
    storeReadTimeoutMs: 3_000,
    /** A store that hangs must not hang a put: beyond, the shard goes elsewhere or the put is refused. */
    storeWriteTimeoutMs: 30_000,
    /** After a failure a store is asked last for this long. */
    storeSuspectMs: 10_000,
    /** Shards that nothing refers to are deleted when they have been seen for this long. */
    orphanGraceMs: 24 * 60 * 60 * 1_000,
  },
  phonebook: {
    /** A record travels with every connection and is kept per contact: it must stay small. */
    recordSizeBytes: 8 * KIB,
    recordLifetimeMs: 30 * 24 * 60 * 60 * 1_000,
    hostCount: 4,
    peerIdLength: 128,
    /** Every address of a record is dialled: a long list makes us knock at doors of its choice. */
    multiaddrCount: 16,
    multiaddrLength: 256,
    nameLength: 64,
  },
  peers: {
    frameSizeBytes: 2 * MIB,
    requestTimeoutMs: 10_000,
    dialTimeoutMs: 5_000,
    /** One address that swallows packets must not use up the whole dial. */
    addressDialTimeoutMs: 2_000,
    inviteLifetimeMs: 24 * 60 * 60 * 1_000,
    inviteCount: 100,
    connectionCount: 500,
    /** Silent connections would use up the count. */
    idleConnectionMs: 30_000,
    inboundConnectionsPerSecond: 100,
    /** Requests one peer may have in flight; the rest waits in its own stream. */
    requestsInFlight: 64,
    deliveryBackoffMs: 60_000,
  },
  rpc: {
    /** capnweb itself has no bound on calls in flight. */
    callsInFlight: 256,
    /** Events or receipts sent to one listener that it has not answered yet; the rest waits in the tables. */
    deliveriesInFlight: 64,
    frameSizeBytes: 4 * MIB,
    /** Deep nesting overflows whoever walks the value next. */
    jsonDepth: 64,
    /** Receipts waiting for a listener that does not keep up; beyond, its subscription ends with a reason. */
    listenerQueueLength: 4_096,
    /** Subscriptions of one connection. */
    subscriptionCount: 64,
    /** Answers that a client has not released: one that never does would grow our tables without end. */
    answersHeld: 4_096,
    answersHeldSizeBytes: 64 * MIB,
    /** Bytes queued to a client that does not read. */
    queuedSizeBytes: 64 * MIB,
    /** Nesting of a message, which ends the connection: twice `jsonDepth` (capnweb wraps each list once more) and the call around it. */
    messageDepth: 160,
  },
  control: {
    /** A program that leaks connections to the local socket must not take the host's file handles. */
    connectionCount: 64,
    /** A capability's file travels as base64 in one message. */
    frameSizeBytes: 8 * MIB,
  },
  web: {
    /** A socket that does not answer its challenge in this time holds a place for nothing. */
    challengeLifetimeMs: 60_000,
    /** Guesses at a login token, and noise in the log. */
    loginAttemptsPerMinute: 30,
    /** Links that were never opened: beyond this the oldest are worth nothing. */
    loginTokenCount: 100,
    /** A link lies in a terminal's history; it must not open the twin next week. */
    loginTokenLifetimeMs: 60 * 60 * 1_000,
    /** Each open experience is an origin and a door. */
    openExperienceCount: 32,
    /** Browsers that may act as the owner: few enough to look at. */
    ownerKeyCount: 16,
    /** A browser that went to sleep without closing its socket is noticed after one of these without an answer. */
    pingIntervalMs: 30_000,
    /** Sockets that have proven their key, and as many that have not yet. */
    socketCount: 64,
    /** Tickets alive at once: each is asked for by the owner and lives a minute. */
    ticketCount: 10_000,
    /** A ticket stands in a URL. */
    ticketLifetimeMs: 60_000,
    /** One upload; beyond, it is more likely a stream without an end. */
    uploadSizeBytes: 64 * 1024 * MIB,
  },
} as const;
