// The guest ABI, version 1, for Rust without crates (docs/formats/abi.md): safe functions over the
// host's, and as much JSON as a capability of this size needs.

#![allow(dead_code)]

use std::cell::RefCell;

#[link(wasm_import_module = "twin")]
extern "C" {
    fn take(to: *mut u8);
    fn kv_get(key: *const u8, key_size: usize) -> i32;
    fn kv_put(key: *const u8, key_size: usize, value: *const u8, value_size: usize);
    fn kv_delete(key: *const u8, key_size: usize) -> i32;
    fn kv_scan(start: *const u8, start_size: usize, end: *const u8, end_size: usize, limit: u32, reverse: u32) -> i32;
    fn blob_link(id: *const u8, id_size: usize);
    fn blob_unlink(id: *const u8, id_size: usize);
    fn send(peer: *const u8, peer_size: usize, capability: *const u8, capability_size: usize, method: *const u8, method_size: usize, payload: *const u8, payload_size: usize);
    fn emit(topic: *const u8, topic_size: usize, payload: *const u8, payload_size: usize);
    fn schedule(due_at_ms: f64, method: *const u8, method_size: usize, payload: *const u8, payload_size: usize) -> f64;
    fn unschedule(id: f64) -> i32;
    fn call(capability: *const u8, capability_size: usize, method: *const u8, method_size: usize, payload: *const u8, payload_size: usize) -> i32;
    fn http_fetch(request: *const u8, request_size: usize, body: *const u8, body_size: usize) -> i32;
    fn peer_call(peer: *const u8, peer_size: usize, capability: *const u8, capability_size: usize, method: *const u8, method_size: usize, payload: *const u8, payload_size: usize) -> i32;
    fn caller() -> i32;
    fn now_ms() -> f64;
    fn random(to: *mut u8, size: usize);
    fn log(level: u32, text: *const u8, text_size: usize);
    fn fail(code: *const u8, code_size: usize, message: *const u8, message_size: usize);
}

thread_local! {
    /// The payload of the call that runs, and its answer until the next call begins.
    static PAYLOAD: RefCell<Vec<u64>> = RefCell::new(Vec::new());
    static ANSWER: RefCell<String> = RefCell::new(String::new());
}

/// Called by the host before each call. Whole words, so that the address is 8-aligned.
#[no_mangle]
pub extern "C" fn twin_alloc(size: usize) -> *mut u8 {
    PAYLOAD.with(|payload| {
        *payload.borrow_mut() = vec![0; size / 8 + 1];
        payload.borrow_mut().as_mut_ptr() as *mut u8
    })
}

/// Runs a method: its payload in, its answer out, both JSON.
pub fn method(address: *const u8, size: usize, run: fn(&str) -> String) -> u64 {
    // The host wrote `size` bytes of UTF-8 to the address that `twin_alloc` gave it.
    let payload = unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(address, size)) };
    let answer = run(payload);
    ANSWER.with(|kept| {
        *kept.borrow_mut() = answer;
        let text = kept.borrow();
        ((text.as_ptr() as u64) << 32) | text.len() as u64
    })
}

fn taken(size: i32) -> Vec<u8> {
    let mut bytes = vec![0; size as usize];
    unsafe { take(bytes.as_mut_ptr()) };
    bytes
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// The text at `key`.
pub fn get(key: &str) -> Option<String> {
    let size = unsafe { kv_get(key.as_ptr(), key.len()) };
    if size < 0 { None } else { Some(text(taken(size))) }
}

/// Only in a command.
pub fn put(key: &str, value: &str) {
    unsafe { kv_put(key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

/// Whether there was something to delete. Only in a command.
pub fn delete(key: &str) -> bool {
    unsafe { kv_delete(key.as_ptr(), key.len()) == 1 }
}

/// At most `limit` values whose keys begin with `prefix`, in the order of their keys or in reverse.
pub fn scan(prefix: &str, limit: u32, reverse: bool) -> Vec<String> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        // UTF-8 has no byte 0xff, so the last one can always be raised.
        *last += 1;
    }
    let size = unsafe { kv_scan(prefix.as_ptr(), prefix.len(), end.as_ptr(), end.len(), limit, reverse as u32) };
    let staged = taken(size);
    let mut parts = Vec::new();
    let mut rest = &staged[..];
    while rest.len() >= 4 {
        let size = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        parts.push(text(rest[4..4 + size].to_vec()));
        rest = &rest[4 + size..];
    }
    // Keys and values alternate.
    parts.into_iter().skip(1).step_by(2).collect()
}

/// Adds a durable event. Only in a command.
pub fn emit_event(topic: &str, payload: &str) {
    unsafe { emit(topic.as_ptr(), topic.len(), payload.as_ptr(), payload.len()) }
}

/// Says that this capability needs an object of the vault: it is kept. Only in a command.
pub fn link(object: &str) {
    unsafe { blob_link(object.as_ptr(), object.len()) }
}

/// Takes one `link` back. Only in a command.
pub fn unlink(object: &str) {
    unsafe { blob_unlink(object.as_ptr(), object.len()) }
}

/// Queues a message for another twin: its host calls that method there, once, in order. Only in a command.
pub fn send_to(peer: &str, capability: &str, method: &str, payload: &str) {
    let (to, target, name) = (peer.as_ptr(), capability.as_ptr(), method.as_ptr());
    unsafe { send(to, peer.len(), target, capability.len(), name, method.len(), payload.as_ptr(), payload.len()) }
}

/// Calls a command or task of this capability at that time, once, also when the host was down then. Returns the timer's id.
pub fn call_later(due_at_ms: u64, method: &str, payload: &str) -> u64 {
    unsafe { schedule(due_at_ms as f64, method.as_ptr(), method.len(), payload.as_ptr(), payload.len()) as u64 }
}

/// Takes a timer away; false when it has fired or never was.
pub fn cancel(timer: u64) -> bool {
    unsafe { unschedule(timer as f64) == 1 }
}

/// The answer of a method of another capability, in this call's transaction. When it fails, this call fails.
pub fn call_other(capability: &str, method: &str, payload: &str) -> String {
    let (target, name) = (capability.as_ptr(), method.as_ptr());
    text(taken(unsafe { call(target, capability.len(), name, method.len(), payload.as_ptr(), payload.len()) }))
}

/// What the outside said, or why it did not: JSON of a `code` and a `message`.
fn outcome(size: i32) -> Result<Vec<u8>, String> {
    if size < 0 { Err(text(taken(-size))) } else { Ok(taken(size)) }
}

/// The answer of a web server: its head as JSON (`url`, `status`, `headers`) and its body. Only in a task.
pub fn fetch(request: &str, body: &[u8]) -> Result<(String, Vec<u8>), String> {
    let size = unsafe { http_fetch(request.as_ptr(), request.len(), body.as_ptr(), body.len()) };
    let answer = outcome(size)?;
    let head = u32::from_le_bytes([answer[0], answer[1], answer[2], answer[3]]) as usize;
    Ok((text(answer[4..4 + head].to_vec()), answer[4 + head..].to_vec()))
}

/// The answer of a method of another twin, JSON. Only in a task.
pub fn call_peer(peer: &str, capability: &str, method: &str, payload: &str) -> Result<String, String> {
    let (to, target, name) = (peer.as_ptr(), capability.as_ptr(), method.as_ptr());
    let size = unsafe { peer_call(to, peer.len(), target, capability.len(), name, method.len(), payload.as_ptr(), payload.len()) };
    outcome(size).map(text)
}

/// Random bytes, seeded per call.
pub fn chance(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    unsafe { random(bytes.as_mut_ptr(), size) };
    bytes
}

/// A line in the host's log; `level` 0 debug, 1 info, 2 warn, 3 error. Never what people wrote.
pub fn note(level: u32, line: &str) {
    unsafe { log(level, line.as_ptr(), line.len()) }
}

/// Who calls, as JSON: `{"kind":...,"name":...,"twin":...,"self":...}`.
pub fn calling() -> String {
    text(taken(unsafe { caller() }))
}

/// Milliseconds since the Unix epoch; the same during the whole call.
pub fn time_ms() -> u64 {
    unsafe { now_ms() as u64 }
}

/// Ends the call; nothing of it takes effect.
pub fn give_up(code: &str, message: &str) -> ! {
    unsafe { fail(code.as_ptr(), code.len(), message.as_ptr(), message.len()) };
    std::process::abort()
}

/// The JSON of the field `name` of an object. Text keeps its quotes and escapes, so it can go into
/// other JSON as it is. The host writes payloads in one spelling: no spaces, no doubled keys.
pub fn field<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = json.get(1..json.len() - 1)?;
    while !rest.is_empty() {
        let key_end = value_end(rest);
        let (key, after) = (&rest[1..key_end - 1], &rest[key_end + 1..]);
        let end = value_end(after);
        if key == name {
            return Some(&after[..end]);
        }
        rest = after.get(end + 1..).unwrap_or("");
    }
    None
}

/// A whole number that is not below zero.
pub fn number(json: Option<&str>, absent: u64) -> u64 {
    json.and_then(|text| text.parse().ok()).unwrap_or(absent)
}

/// Behind the value that `json` begins with.
fn value_end(json: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' | b':' if depth == 0 => return at,
            _ => {}
        }
    }
    json.len()
}
