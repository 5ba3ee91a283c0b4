// Every limit of the host, in one place: its unit in the name, the reason or the attack beside it.
// docs/limits.md is checked against this table by a test. Groups that are long have files of their own.

import { PACKAGE_LIMITS } from "./package-limits.ts";
import { PEER_LIMITS } from "./peer-limits.ts";

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
    /** Each function costs the compiler time and the process memory (SQLite has about 2,000). */
    functionCount: 20_000,
    /** Types are compared with each other during validation. */
    typeCount: 2_000,
    /** Every call and branch moves what its type carries; compilers emit far fewer. */
    typeParamCount: 128,
    /** Many results multiply the moves at each branch. */
    typeResultCount: 16,
    /** Each global is instance memory that no memory limit counts. */
    globalCount: 1_000,
    /** An export object per instance; a capability offers methods, not an API by the thousand. */
    exportCount: 200,
    /** There are fewer host functions than this. */
    importCount: 64,
    /** Names of imports and exports appear in messages and lists. */
    nameSizeBytes: 256,
    /** Segments are parsed and kept one by one. */
    dataSegmentCount: 10_000,
    /** Segments are parsed and kept one by one. */
    elementSegmentCount: 1_000,
    /** Over all segments: each instance writes them to its table before any meter runs. */
    elementCount: 100_000,
    /** Custom sections are stripped before V8 sees the module; a flood of them only costs parsing. */
    customSectionCount: 64,
    /** Table elements live outside of the memory that is limited. */
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
    /** Live instances in all workers: well below what V8 and the kernel can map. */
    processInstanceCount: 12_000,
    /** Memory of all guests in all workers; each may reach its own limit, their sum may not. */
    processMemorySizeBytes: 4_096 * MIB,
    /** Calls on stacks of their own in all workers: V8 aborts the process near 30,000. */
    suspendedCount: 8_000,
    /** One wait for a host function: V8 never frees the stack of a wait without an end. */
    waitTimeoutMs: 30_000,
    /** How often waits are looked at; bounds how late one ends. */
    waitTickMs: 10,
    /** Admission of the largest module takes a tenth of this. */
    admitTimeoutMs: 5_000,
    /** Calls and admissions that one worker has at once; most of them wait. */
    poolFlightCount: 10_000,
    /** Calls of one guest that wait in line. */
    poolQueueLength: 1_000,
    /** About 3 ms: who burns more keeps others waiting. */
    poolQuickFuel: 10_000_000,
    /** Quick calls in a row by which a guest earns a place on the worker that is kept for quick ones. */
    poolQuickCallCount: 8,
    /** A call that has not begun by then goes to another worker. */
    poolStallMs: 4,
    /** How often the workers are looked at while they have something to do. */
    poolWatchMs: 4,
    /** Workers that stand ready for the place of one that has to be ended: starting one takes a tenth of a second and more. */
    poolSpareCount: 1,
    /** How long an end of a line between threads looks for the next message before it sleeps: waking up takes as long. */
    poolSpinUs: 50,
    /** Time beyond its deadline that a call has for ending by itself before its worker is ended. */
    watchdogGraceMs: 20,
    /** Host functions of a worker that leak must not take the process along. */
    workerHeapSizeBytes: 512 * MIB,
    /** Pause before a worker that could not start is tried again. */
    workerRestartMs: 1_000,
    /** A log is for people; a flood of it would fill the disk. */
    logLineSizeBytes: 4 * KIB,
    /** Of one call: a loop that logs must not fill the disk. */
    logLineCount: 100,
  },
  state: {
    /** Keys stand in index pages: long ones make every look-up slow. */
    keySizeBytes: 512,
    /** A value is sealed and copied as a whole; what is larger belongs into the vault. */
    valueSizeBytes: 128 * KIB,
    /** Per capability. */
    capabilitySizeBytes: 64 * MIB,
    /** Names of namespaces are in every seal behind a 16-bit size. */
    namespaceLength: 64,
    /** A scan is held in memory as a whole. */
    scanCount: 1_000,
    /** What one scan of a guest may bring: its entries are copied twice. */
    scanSizeBytes: 4 * MIB,
    /** Pages of one open state file that SQLite keeps in memory; of all that are only read together. */
    cacheSizeBytes: 8 * MIB,
    /** State files of sleepers, and of twins that only read, that a worker has open at once: each holds a descriptor and pages. */
    readerCount: 32,
    /** Opened values of one open state file that are kept in memory. */
    valueCacheSizeBytes: 1 * MIB,
    /** A state file up to this size is checked in full when it is opened; larger ones would delay the start. */
    checkAtOpenSizeBytes: 32 * MIB,
    /** A command's write set is memory until it commits. */
    writeSetSizeBytes: 16 * MIB,
    /** A commit of very many rows delays all others. */
    writeSetCount: 20_000,
    /** Laid out at once and read at once: what a start has to go through, and what an idle host keeps on disk. */
    journalSegmentSizeBytes: 4 * MIB,
    /** Beyond so many the twins that keep the oldest one are asked to make their tables safe: all are read at a start. */
    journalSegmentCount: 8,
    /** The first segment of a process: somebody waits for it, and most short ones never fill it. */
    journalFirstSizeBytes: 256 * KIB,
    /** A disk that mostly writes quicker than this may keep a worker that has nothing else to do: what comes meanwhile waits so long. */
    quickWriteUs: 500,
    /** Durable rows wait this long for more before the tables take them: a page that many share and a row that is written often are written once, a row that is gone by then not at all. */
    applyDelayMs: 250,
    /** How much longer they may wait, while calls do, in a file that would have to be opened for them: that makes another file, and a thousand twins may have woken at once. */
    openDelayMsMax: 2_000,
    /** Rows that wait for the tables before they are taken at once: all of them are memory, and work for the next start after a crash. */
    applyRowCount: 16_384,
    /** How long the tables take rows before calls run again, when new rows come as quickly as they are taken; else less, and more when very much waits. */
    applySliceMs: 2,
    /** Tables that could not take rows (a full disk) are tried again after this. */
    applyRetryMs: 1_000,
    /** Durable rows in memory that the tables have not taken, with what they need there: beyond, commits are refused. */
    waitingSizeBytes: 64 * MIB,
    /** SQLite's log is copied into the tables beyond this: it is read at the start, and copying is one pause. */
    checkpointSizeBytes: 8 * MIB,
  },
  grants: {
    /** Every call looks through them. */
    grantCount: 1_000,
    /** Shown to the owner, kept for ever. */
    reasonLength: 1_000,
  },
  engine: {
    /** Payloads are copied between threads and checked as JSON; what is larger belongs into the vault. */
    payloadSizeBytes: 1 * MIB,
    /** Deep nesting overflows the stacks of those who walk JSON later: clients, guests, other hosts. */
    payloadDepth: 64,
    /** Calls waiting for one capability; beyond, the caller is told to slow down. */
    queueLength: 1_000,
    /** Nested calls share a stack and a transaction. */
    nestedCallDepth: 16,
    /** Nested calls that a receipt tells of: a loop of them must not fill it. */
    nestedCallsKept: 32,
    /** What a caller may ask for at most: a waiting call holds a place in the queue. */
    callTimeoutMsMax: 60_000,
    /** Kept with the recorded answer. */
    callIdLength: 64,
    /** Wall clock of a task, its waits included: it holds a guest and a stack all the time. */
    taskTimeoutMs: 60_000,
    /** Tasks of one twin at once. */
    taskCount: 256,
    /** Of one caller: a flood of waiting tasks must leave room for others. */
    tasksPerCaller: 64,
    /** Tasks of all twins of one worker: each has a stack of its own, and V8 aborts the process near 30,000. */
    workerTaskCount: 2_000,
    /** Memory of the guests of all tasks of one worker: they cannot be dropped as idle ones can. */
    taskMemorySizeBytes: 1_024 * MIB,
    /** Messages one command may send. */
    commandSendCount: 100,
    /** A command that floods its listeners. */
    commandEventCount: 100,
    /** A dead peer must not fill the disk. */
    outboxLength: 100_000,
    /** Messages for one peer that are read and sent together; one that is larger goes alone. */
    outboxPageSizeBytes: 256 * KIB,
    /** Refused messages kept for the owner to see. */
    parkedKept: 1_000,
    /** How far back a repeated message still gets the refusal that it got at first. */
    inboxOutcomesKept: 64,
    /** Senders that are remembered; a stranger beyond them is told to come again, and leaves no row. Identities cost nothing. */
    inboxSenderCount: 10_000,
    /** A browser that was away longer reads the state anew. */
    eventsKept: 10_000,
    /** Sums are kept for ever, single receipts are for looking into. */
    receiptsKept: 10_000,
    /** Recorded calls of one capability that are kept. */
    recordingsKept: 100,
    /** Of one recorded call; one that read or wrote more is not kept. */
    recordingSizeBytes: 1 * MIB,
    /** Receipts of queries that one page keeps: a flood of them must not cost a row each. Their sums count all. */
    queryReceiptsPerPage: 256,
    /** Sums of one day held in memory; strangers must not make them many. */
    openSumCount: 1_000,
    /** Sums of one answer to the main thread. */
    sumsShown: 10_000,
    /** Timers of one twin: each is rows, and a call to come. */
    timerCount: 10_000,
    /** A loop that schedules. */
    commandTimerCount: 100,
    /** Due timers that are read at once: after a long time down there may be many. */
    timersPerTurn: 64,
    /** The longest sleep until the next timer: the machine's clock may have been set. */
    timerLookMs: 60_000,
    /** The first pause after a timer that could not fire; it doubles. */
    timerRetryMs: 1_000,
    /** Engine workers of a host: one serves thousands of twins, more only help where many guests burn at once. */
    workerCount: 1,
    /** A twin that nothing was asked of for so long falls asleep: an open one holds files, pages and guests. */
    idleMs: 60_000,
    /** An other twin of the host that nobody uses for so long is closed, but for its engine: an open one holds a vault, a copy that is kept, a web and a place in the network. */
    openIdleMs: 600_000,
    /** How often the host looks for such twins. */
    openIdleLookMs: 60_000,
    /** How often a worker looks for twins that may fall asleep. */
    idleLookMs: 1_000,
    /** Twins of a worker that are awake at once, if it can be helped: each holds four files and a cache. */
    awakeCount: 128,
    /** The same while requests wait, for a short time: after a worker's death all of its twins may be asked at once. */
    awakeCountMax: 1_024,
    /** How long closing twins may wait because of requests. */
    crowdedGraceMs: 5_000,
    /** How often a worker with more looks whom it may put to sleep. */
    crowdedLookMs: 50,
    /** Pause between two twins that a worker looks at after its start: thousands must not delay who calls. */
    firstLookPauseMs: 1,
    /** The same while requests wait; who is asked is looked at anyway. */
    busyLookPauseMs: 10,
    /** After the start of a worker, until the one is started that stands ready for its place. */
    spareDelayMs: 1_000,
    /** The first pause before a worker that died is replaced; it doubles while the next ones die too. */
    reviveMs: 25,
    /** The longest such pause; a worker that has served for longer died by chance. */
    reviveMsMax: 60_000,
    /** Receipts that no commit took along are written after this time. */
    receiptFlushMs: 250,
    /** A repeat comes soon or never. */
    callIdsKept: 10_000,
    /** Recorded answers together: large answers are forgotten sooner. */
    answersSizeBytes: 64 * MIB,
    /** Rows of one answer to the main thread. */
    pageLength: 1_000,
    /** A refusal is a sentence, not a channel. */
    failMessageSizeBytes: 1 * KIB,
    /** Memory of all idle guests together; the least recently used ones go first. */
    guestMemorySizeBytes: 512 * MIB,
    /** Compiled programs of a worker that are kept for whichever twin runs them next; the least recently used ones go first. */
    programCount: 64,
    /** How long the worker runs calls before it looks for new messages. */
    sliceMs: 2,
    /** Installing, listing and other work of the engine itself. */
    operationTimeoutMs: 60_000,
    /** Extra wall clock beyond a call's own deadline before its worker is replaced. */
    watchdogGraceMs: 1_000,
    /** How often the watchdog looks; bounds how late it notices. */
    watchdogTickMs: 250,
    /** Closing only spares the next start some work. */
    closeTimeoutMs: 2_000,
  },
  outside: {
    /** One request of a task with all of its redirects; shorter than a wait may be, so that the guest learns why. */
    fetchTimeoutMs: 25_000,
    /** An answer is held in memory as a whole, and then in the guest's. */
    answerSizeBytes: 1 * MIB,
    /** Of a request; few need more than ten. */
    headerCount: 64,
    /** Hops of one request: loops of redirects would never end. */
    redirectCount: 5,
  },
  packages: PACKAGE_LIMITS,
  kernels: {
    /** Jobs that wait for a worker: each holds a chunk or a segment in memory. */
    jobsWaiting: 64,
    /** A worker that has nothing to do for this long gives its memory back. */
    workerIdleMs: 30_000,
    /** A mistyped setting must not start thousands of threads, each with memory of its own. */
    workersMax: 64,
  },
  vault: {
    /** Smaller chunks cost more in bookkeeping than they save. */
    chunkSizeBytesMin: 256 * KIB,
    /** The average: small enough to find repeats, large enough to seal fast. */
    chunkSizeBytesTarget: 1 * MIB,
    /** Bounds the memory of a put on data without boundaries. */
    chunkSizeBytesMax: 4 * MIB,
    /** A put holds some of these in memory; 5 MiB was 8% slower with 3.5 times the files. */
    segmentSizeBytes: 16 * MIB,
    /** Segments of one put that are on their way to the stores while the next one fills: the bound of its memory. */
    segmentsInFlight: 2,
    /** What a small range read has to open; 0.024% larger, 4 to 7 times faster. */
    frameSizeBytes: 64 * KIB,
    /** What can be verified, blamed and rebuilt alone. */
    leafSizeBytes: 64 * KIB,
    /** GF(2^8) has no more: data and parity shards of a segment together. */
    shardCount: 255,
    /** Children of one manifest node: 4,096 x 40 bytes is a block of 160 KiB. */
    manifestEntryCount: 4_096,
    /** Decoded manifest nodes in memory, of up to 0.2 MiB each, so that ranges of an object are found at once. */
    manifestNodesKept: 16,
    /** Blocks of a long read that are fetched before they are asked for: 1 MiB each on average. */
    readAheadCount: 4,
    /** Records of segments, and of objects, that were read lately, mostly of less than 1 KiB each: what short reads want again and again. */
    recordsKept: 512,
    /** Buffers of 256 KiB, half of it used, that short reads leave to the next ones: garbage made one read in a hundred wait. */
    readBufferCount: 8,
    /** Depth of a manifest tree: 4,096^3 chunks; a deeper one is not ours. */
    manifestDepth: 4,
    /** Part of the manifest of every object. */
    objectNameSizeBytes: 1 * KIB,
    /** Part of the manifest of every object. */
    objectTypeSizeBytes: 255,
    /** Puts at work; the rest waits. Each holds up to 64 KiB, or twice that of what is to be stored. */
    putCount: 512,
    /** Puts of more than 64 KiB among them; each holds up to 1 MiB, or twice that. */
    middlePutCount: 128,
    /** Puts of more than 1 MiB among them; each may hold 150 MiB. */
    largePutCount: 8,
    /** What is left at the end of a put and is smaller shares a segment with others. */
    sharedSizeBytes: 1 * MIB,
    /** Objects that become known in one commit, for which the host's own thread stands still: some 50 ms. */
    smallBatchCount: 1_024,
    /** Objects that are put many at a time: as small as the smallest chunk, so each is one. */
    smallObjectSizeBytes: 256 * KIB,
    /** A store that hangs must not hang a reader: beyond, the bytes are rebuilt from other stores. */
    storeReadTimeoutMs: 3_000,
    /** A store far away needs its time for long reads: so much longer it gets for each byte. */
    storeReadBytesPerSecond: 512 * KIB,
    /** A store that hangs must not hang a put: beyond, the shard goes elsewhere or the put is refused. */
    storeWriteTimeoutMs: 30_000,
    /** A store that answers without end must not fill the memory: no shard is larger (k = 1: 16 MiB and a header). */
    storeAnswerSizeBytes: 40 * MIB,
    /** A store that lists without end must not keep a scrub for ever: 10 million shards of 4 MiB are 40 TB. */
    storeListCount: 10_000_000,
    /** A store that drips its list, name by name, must not keep a scrub for ever: so long it may take for each, beyond the time of a write. */
    storeListMsPerName: 20,
    /** A store that has not answered a read by then is raced against the others. */
    hedgeDelayMs: 250,
    /** After a failure a store is asked last for this long. */
    storeSuspectMs: 10_000,
    /** An item of a snapshot is held in memory: a row, or a file of a package or an experience. */
    snapshotItemSizeBytes: 80 * MIB,
    /** Writes of one tick; more become several. */
    tickSizeBytes: 4 * MIB,
    /** Goal: so much acknowledged work a total loss of the host may cost. */
    tickMs: 250,
    /** Ticks after a snapshot; then it is made anew, which also bounds a restore. */
    ticksKept: 1_000,
    /** Ticks after a snapshot, or a quarter of it if that is more: then it is made anew. */
    ticksSizeBytes: 8 * MIB,
    /** Between two restore drills. */
    drillIntervalMs: 7 * 24 * 60 * 60 * 1_000,
    /** A drill that is older is an alarm. */
    drillAlarmMs: 8 * 24 * 60 * 60 * 1_000,
    /** That an object was forgotten is remembered for so long: shards of it may come back with a lost store. */
    forgottenKeptMs: 90 * 24 * 60 * 60 * 1_000,
    /** Between two samples of what the stores hold. */
    sampleIntervalMs: 60 * 60 * 1_000,
    /** Segments of one sample. 64 an hour find a store that lacks 1% of its shards within a day, but for one time in five million. */
    sampleCount: 64,
    /** Between two rounds over the twins that nobody has open: one that changed is copied after at most about this. */
    sleeperRoundMs: 60_000,
    /** Between two looks at the vault of a twin that nobody has open: each look opens it. */
    sleeperLookMs: 24 * 60 * 60 * 1_000,
    /** Between two compactions: what is forgotten may take its room so much longer. */
    compactIntervalMs: 24 * 60 * 60 * 1_000,
    /** Between two walks over every shard. */
    scrubIntervalMs: 30 * 24 * 60 * 60 * 1_000,
    /** Shards that nothing refers to are deleted when they have been seen for this long. */
    orphanGraceMs: 24 * 60 * 60 * 1_000,
  },
  phonebook: {
    /** A record travels with every connection and is kept per contact: it must stay small. */
    recordSizeBytes: 8 * KIB,
    /** An expired record is only a hint: where a twin was. */
    recordLifetimeMs: 30 * 24 * 60 * 60 * 1_000,
    /** A record is fetched before anything is known of its twin. */
    hostCount: 4,
    /** A record is fetched before anything is known of its twin. */
    peerIdLength: 128,
    /** Every address of a record is dialled: a long list makes us knock at doors of its choice. */
    multiaddrCount: 16,
    /** A record is fetched before anything is known of its twin. */
    multiaddrLength: 256,
    /** Shown in lists. */
    nameLength: 64,
    /** A node may take as long as it likes to confirm; the worker that waits for it is then given up. */
    chainFinalityTimeoutMs: 3 * 60 * 1_000,
    /** A node's types are its own invention, and @polkadot/api builds what they say: MiB of JavaScript heap. */
    chainHeapSizeMib: 512,
    /** The worker and its library take about 200 MB. */
    chainIdleMs: 60 * 1_000,
    /** The largest honest message, the metadata, has about 1 MB. */
    chainMessageSizeBytes: 8 * MIB,
    /** What is asked waits in the worker. */
    chainQuestionsInFlight: 16,
    /** A node that never answers holds up who asks for a stranger; the first start of the library is in it. */
    chainReadTimeoutMs: 60 * 1_000,
    /** A node that fails at once would have the library started again and again. */
    chainRestMs: 5 * 1_000,
    /** How rarely a node is tried that keeps failing. */
    chainRestMaxMs: 5 * 60 * 1_000,
    /** A node could send without an end what nobody asked for. */
    chainTrafficSizeBytes: 64 * MIB,
    /** Twins that were asked for outside: whoever makes us look for ever more of them fills the memory. */
    lookupCount: 1_024,
    /** A chain that failed is not asked for the same twin again at once. */
    lookupFailureMs: 30 * 1_000,
    /** What was found is asked for again after that. */
    lookupLifetimeMs: 60 * 60 * 1_000,
    /** Who was not found, or is not reached at the old addresses, is looked up again after that. */
    lookupRefreshMs: 30 * 60 * 1_000,
    /** A name of DNS (RFC 1035, 2.3.4). */
    relayLength: 253,
    /** Of the link and of the hash of the terms, as the chain takes them. */
    termsLength: 128,
  },
  peers: PEER_LIMITS,
  rpc: {
    /** capnweb itself has no bound on calls in flight. */
    callsInFlight: 256,
    /** Events or receipts sent to one listener that it has not answered yet; the rest waits in the tables. */
    deliveriesInFlight: 64,
    /** A frame is parsed as a whole. */
    frameSizeBytes: 4 * MIB,
    /** Deep nesting overflows whoever walks the value next. */
    jsonDepth: 64,
    /** Receipts waiting for a listener that does not keep up; beyond, its subscription ends with a reason. */
    listenerQueueLength: 4_096,
    /** Subscriptions of one connection. */
    subscriptionCount: 64,
    /** Answers that a client has not released: one that never does would grow our tables without end. */
    answersHeld: 4_096,
    /** Answers that the other side has not released are memory here. */
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
    /** A part of the host that has not answered by then counts as down: who watches asks again soon. */
    healthTimeoutMs: 2_000,
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
    /** Resumable uploads that are not whole: what has come of them takes room in the stores. */
    openUploadCount: 32,
    /** A resumable upload that nothing comes for is given up, and what has come is forgotten. */
    uploadIdleMs: 24 * 60 * 60_000,
    /** Those that are done and remembered; beyond, the oldest is not. */
    uploadsKept: 1_000,
    /** Pieces of resumable uploads that are taken at once: each holds a large put's place and memory. Fewer than `largePutCount`. */
    uploadsAtOnce: 4,
    /** One upload; beyond, it is more likely a stream without an end. */
    uploadSizeBytes: 64 * 1024 * MIB,
    /** After so long what has come of a piece is made durable, and others get their turn: a kill costs no more. */
    uploadStepMs: 15_000,
    /** For each so many bytes that came before, that time once more: a step costs work for every chunk before it. */
    uploadStepSizeBytes: 1024 * MIB,
    /** A resumable upload that is done is remembered, so that who missed the answer learns it. */
    uploadStoredMs: 10 * 60_000,
  },
} as const;
