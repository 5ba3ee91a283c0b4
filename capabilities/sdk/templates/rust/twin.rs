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
    fn emit(topic: *const u8, topic_size: usize, payload: *const u8, payload_size: usize);
    fn caller() -> i32;
    fn now_ms() -> f64;
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
