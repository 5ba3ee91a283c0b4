// The SDK of a capability: `import { kv } from "twin"`. A thin, typed layer over the guest ABI
// (docs/formats/abi.md). Nothing here gives authority: a capability may do only what its manifest
// asks for and its owner granted; anything else ends the call.

export { kv, Entry } from "./twin/kv";
export { blobs } from "./twin/blobs";
export { ABSENT, call, emit, schedule, send, some, unschedule } from "./twin/effects";
export { Caller, caller, fail, log, nowMs, randomBytes, randomId, require } from "./twin/context";
export { HttpAnswer, HttpRequest, PeerAnswer, ask, http } from "./twin/outside";
export { Table, ordered } from "./twin/table";
export { ObjectId, TimeMs, TwinId } from "./twin/types";
