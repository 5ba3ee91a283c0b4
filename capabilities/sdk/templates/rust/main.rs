// Contacts leave a line from their twins; the owner reads the book.
// State: line/<number, 16 hex digits>, each the JSON of a line.

mod twin;

#[no_mangle]
pub extern "C" fn sign(address: *const u8, size: usize) -> u64 {
    twin::method(address, size, |payload| {
        let last = twin::scan("line/", 1, true);
        let number = 1 + last.first().map_or(0, |line| twin::number(twin::field(line, "number"), 0));
        let caller = twin::calling();
        let line = format!(
            r#"{{"number":{},"by":{},"text":{},"atMs":{}}}"#,
            number,
            twin::field(&caller, "twin").unwrap_or("\"\""),
            twin::field(payload, "text").unwrap_or("\"\""),
            twin::time_ms(),
        );
        twin::put(&format!("line/{:016x}", number), &line);
        twin::emit_event("guestbook.signed", &format!(r#"{{"line":{}}}"#, line));
        line
    })
}

#[no_mangle]
pub extern "C" fn list(address: *const u8, size: usize) -> u64 {
    twin::method(address, size, |payload| {
        let limit = twin::number(twin::field(payload, "limit"), 50);
        format!("[{}]", twin::scan("line/", limit as u32, true).join(","))
    })
}
