// Guest ABI, version 1 (docs/formats/abi.md): the host's functions with their raw signatures, and
// the two buffers that cross the border. Addresses and sizes are unsigned 32-bit, text is UTF-8.

// @ts-ignore: decorator
@external("twin", "take") export declare function hostTake(address: usize): void;
// @ts-ignore: decorator
@external("twin", "kv_get") export declare function hostKvGet(key: usize, keySize: i32): i32;
// @ts-ignore: decorator
@external("twin", "kv_put") export declare function hostKvPut(key: usize, keySize: i32, value: usize, valueSize: i32): void;
// @ts-ignore: decorator
@external("twin", "kv_delete") export declare function hostKvDelete(key: usize, keySize: i32): i32;
// @ts-ignore: decorator
@external("twin", "kv_scan") export declare function hostKvScan(start: usize, startSize: i32, end: usize, endSize: i32, limit: i32, reverse: i32): i32;
// @ts-ignore: decorator
@external("twin", "blob_link") export declare function hostBlobLink(id: usize, idSize: i32): void;
// @ts-ignore: decorator
@external("twin", "blob_unlink") export declare function hostBlobUnlink(id: usize, idSize: i32): void;
// @ts-ignore: decorator
@external("twin", "send") export declare function hostSend(peer: usize, peerSize: i32, capability: usize, capabilitySize: i32, method: usize, methodSize: i32, payload: usize, payloadSize: i32): void;
// @ts-ignore: decorator
@external("twin", "emit") export declare function hostEmit(topic: usize, topicSize: i32, payload: usize, payloadSize: i32): void;
// @ts-ignore: decorator
@external("twin", "schedule") export declare function hostSchedule(dueAtMs: f64, method: usize, methodSize: i32, payload: usize, payloadSize: i32): f64;
// @ts-ignore: decorator
@external("twin", "unschedule") export declare function hostUnschedule(id: f64): i32;
// @ts-ignore: decorator
@external("twin", "call") export declare function hostCall(capability: usize, capabilitySize: i32, method: usize, methodSize: i32, payload: usize, payloadSize: i32): i32;
// @ts-ignore: decorator
@external("twin", "http_fetch") export declare function hostHttpFetch(request: usize, requestSize: i32, body: usize, bodySize: i32): i32;
// @ts-ignore: decorator
@external("twin", "peer_call") export declare function hostPeerCall(peer: usize, peerSize: i32, capability: usize, capabilitySize: i32, method: usize, methodSize: i32, payload: usize, payloadSize: i32): i32;
// @ts-ignore: decorator
@external("twin", "caller") export declare function hostCaller(): i32;
// @ts-ignore: decorator
@external("twin", "now_ms") export declare function hostNowMs(): f64;
// @ts-ignore: decorator
@external("twin", "random") export declare function hostRandom(address: usize, size: i32): void;
// @ts-ignore: decorator
@external("twin", "log") export declare function hostLog(level: i32, text: usize, textSize: i32): void;
// @ts-ignore: decorator
@external("twin", "fail") export declare function hostFail(code: usize, codeSize: i32, message: usize, messageSize: i32): void;

/** The payload of the call that runs. A global, so that it outlives the host's copying into it. */
let incoming = new ArrayBuffer(0);
/** The answer of the last call. It stays valid until the next call's `twin_alloc`. */
let outgoing = new ArrayBuffer(0);

/**
 * Address of a fresh buffer of `size` bytes, 16-aligned, for the payload of one call. No guest
 * frame is on the stack now, so this is where the garbage of the call before goes: memory stays
 * flat over any number of calls.
 */
export function twin_alloc(size: i32): usize {
  outgoing = new ArrayBuffer(0);
  incoming = new ArrayBuffer(0);
  __collect();
  incoming = new ArrayBuffer(size);
  return changetype<usize>(incoming);
}

/** Hands `bytes` to the host: the result of every method. */
export function answer(bytes: ArrayBuffer): i64 {
  outgoing = bytes;
  return ((<i64>changetype<usize>(bytes)) << 32) | (<i64>bytes.byteLength);
}

/** UTF-8 bytes of `text`. Half a surrogate pair becomes U+FFFD: everything that leaves the guest is valid UTF-8. */
export function encode(text: string): ArrayBuffer {
  return String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE);
}

/** The bytes that the host staged. */
export function take(size: i32): ArrayBuffer {
  const bytes = new ArrayBuffer(size);
  hostTake(changetype<usize>(bytes));
  return bytes;
}

/** What the runtime calls when an assertion, a bounds check or a `throw` ends the call: its author sees why in the log. */
export function onAbort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message === null ? "aborted" : message;
  const where = file === null ? "" : " at " + file + ":" + line.toString() + ":" + column.toString();
  const text = encode(what + where);
  hostLog(3, changetype<usize>(text), text.byteLength);
  unreachable();
}
