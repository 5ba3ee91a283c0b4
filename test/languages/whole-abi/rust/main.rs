//! A guest in Rust that uses every host function once, and four methods that misbehave.
#![no_std]

use core::panic::PanicInfo;
use core::ptr::{addr_of, addr_of_mut, read_volatile, write_volatile};

mod host {
    #[link(wasm_import_module = "twin")]
    extern "C" {
        pub fn take(to: *mut u8);
        pub fn kv_get(key: *const u8, key_size: usize) -> i32;
        pub fn kv_put(key: *const u8, key_size: usize, value: *const u8, value_size: usize);
        pub fn kv_delete(key: *const u8, key_size: usize) -> i32;
        pub fn kv_scan(start: *const u8, start_size: usize, end: *const u8, end_size: usize, limit: u32, reverse: u32) -> i32;
        pub fn blob_link(id: *const u8, id_size: usize);
        pub fn blob_unlink(id: *const u8, id_size: usize);
        pub fn send(peer: *const u8, peer_size: usize, capability: *const u8, capability_size: usize, method: *const u8, method_size: usize, payload: *const u8, payload_size: usize);
        pub fn emit(topic: *const u8, topic_size: usize, payload: *const u8, payload_size: usize);
        pub fn schedule(at_ms: f64, method: *const u8, method_size: usize, payload: *const u8, payload_size: usize) -> f64;
        pub fn unschedule(timer: f64) -> i32;
        pub fn call(capability: *const u8, capability_size: usize, method: *const u8, method_size: usize, payload: *const u8, payload_size: usize) -> i32;
        pub fn http_fetch(request: *const u8, request_size: usize, body: *const u8, body_size: usize) -> i32;
        pub fn peer_call(peer: *const u8, peer_size: usize, capability: *const u8, capability_size: usize, method: *const u8, method_size: usize, payload: *const u8, payload_size: usize) -> i32;
        pub fn caller() -> i32;
        pub fn now_ms() -> f64;
        pub fn random(to: *mut u8, size: usize);
        pub fn log(level: u32, text: *const u8, text_size: usize);
        pub fn fail(code: *const u8, code_size: usize, message: *const u8, message_size: usize);
    }
}

const ROOM: usize = 65_536;

#[repr(align(8))]
struct Room([u8; ROOM]);
static mut INCOMING: Room = Room([0; ROOM]);
static mut OUTGOING: Room = Room([0; ROOM]);

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

#[no_mangle]
pub unsafe extern "C" fn twin_alloc(size: usize) -> *mut u8 {
    if size <= ROOM { addr_of_mut!(INCOMING) as *mut u8 } else { core::ptr::null_mut() }
}

/// The answer, as far as it is written.
struct Answer(usize);

impl Answer {
    unsafe fn end(&self) -> *mut u8 {
        (addr_of_mut!(OUTGOING) as *mut u8).add(self.0)
    }

    /// Appends what the host staged.
    unsafe fn take(&mut self, size: i32) {
        expect(size >= 0 && self.0 + size as usize <= ROOM, "room for what was staged");
        host::take(self.end());
        self.0 += size as usize;
    }
}

unsafe fn expect(holds: bool, what: &str) {
    if !holds {
        let code = "expected";
        host::fail(code.as_ptr(), code.len(), what.as_ptr(), what.len());
    }
}

/// A host function with texts as arguments.
macro_rules! ask {
    ($name:ident $(, $text:expr)*) => { ask!(@ $name () $($text),*) };
    (@ $name:ident ($($done:expr),*)) => { host::$name($($done),*) };
    (@ $name:ident ($($done:expr),*) $text:expr $(, $rest:expr)*) => {
        ask!(@ $name ($($done,)* $text.as_ptr(), $text.len()) $($rest),*)
    };
}

#[no_mangle]
pub unsafe extern "C" fn everything(payload: *const u8, size: usize) -> u64 {
    let mut answer = Answer(0);
    let value = core::slice::from_raw_parts(payload, size);
    ask!(kv_put, "a", value);
    ask!(kv_put, "b", "2");
    expect(ask!(kv_get, "none") == -1, "an absent key");
    let found = ask!(kv_get, "a");
    expect(found as usize == size, "the size that was put");
    answer.take(found);
    answer.take(host::kv_scan("a".as_ptr(), 1, "".as_ptr(), 0, 10, 1));
    expect(ask!(kv_delete, "b") == 1, "a key to delete");
    expect(ask!(kv_delete, "b") == 0, "no key to delete");
    ask!(blob_link, "blob");
    ask!(blob_unlink, "blob");
    ask!(send, "did:key:peer", "chat", "receive", "{\"text\":\"\u{e4}\"}");
    ask!(emit, "changed", "{}");
    let timer = host::schedule(host::now_ms() + 1000.0, "tick".as_ptr(), 4, "[]".as_ptr(), 2);
    expect(host::unschedule(timer) == 1, "a timer to take back");
    answer.take(ask!(call, "contacts", "list", "{}"));
    answer.take(ask!(http_fetch, "{}", "body"));
    answer.take(ask!(peer_call, "did:key:peer", "chat", "list", "{}"));
    answer.take(host::caller());
    host::random(answer.end(), 8);
    answer.0 += 8;
    host::log(1, "done".as_ptr(), 4);
    (addr_of!(OUTGOING) as u64) << 32 | answer.0 as u64
}

#[no_mangle]
pub unsafe extern "C" fn refuse(_: *const u8, _: usize) -> u64 {
    ask!(fail, "not-today", "Come back tomorrow.");
    0
}

#[no_mangle]
pub unsafe extern "C" fn r#loop(_: *const u8, _: usize) -> u64 {
    let mut count = 0u32;
    loop {
        write_volatile(&mut count, count.wrapping_add(1));
    }
}

#[inline(never)]
unsafe fn dive(depth: u64) -> u64 {
    let mut room = [0u64; 16];
    let place = &mut room[(depth & 15) as usize] as *mut u64;
    write_volatile(place, depth);
    let below = dive(depth + 1);
    below ^ read_volatile(place)
}

#[no_mangle]
pub unsafe extern "C" fn recurse(_: *const u8, _: usize) -> u64 {
    dive(0)
}

#[no_mangle]
pub unsafe extern "C" fn wild(_: *const u8, _: usize) -> u64 {
    write_volatile(0xffff_fff0 as *mut u32, 1);
    0
}
