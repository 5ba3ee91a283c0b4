// The guest ABI, version 1, for C without a library (docs/formats/abi.md). One file includes it.
//
// Memory: everything that `twin_take` and `twin_room` give lives until the next call begins.

#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TWIN_IMPORT(name) __attribute__((import_module("twin"), import_name(#name))) extern
/** In front of each method: `TWIN_METHOD(sign) { ... }` has the payload as `address` and `size`. */
#define TWIN_METHOD(name) \
  __attribute__((export_name(#name))) uint64_t name(const char *address, uint32_t size)

TWIN_IMPORT(take) void twin_host_take(void *to);
TWIN_IMPORT(kv_get) int32_t twin_host_kv_get(const char *key, uint32_t key_size);
TWIN_IMPORT(kv_put) void twin_host_kv_put(const char *key, uint32_t key_size, const char *value, uint32_t value_size);
TWIN_IMPORT(kv_delete) int32_t twin_host_kv_delete(const char *key, uint32_t key_size);
TWIN_IMPORT(kv_scan) int32_t twin_host_kv_scan(const char *start, uint32_t start_size, const char *end, uint32_t end_size, uint32_t limit, uint32_t reverse);
TWIN_IMPORT(blob_link) void twin_host_blob_link(const char *id, uint32_t id_size);
TWIN_IMPORT(blob_unlink) void twin_host_blob_unlink(const char *id, uint32_t id_size);
TWIN_IMPORT(emit) void twin_host_emit(const char *topic, uint32_t topic_size, const char *payload, uint32_t payload_size);
TWIN_IMPORT(send) void twin_host_send(const char *peer, uint32_t peer_size, const char *capability, uint32_t capability_size, const char *method, uint32_t method_size, const char *payload, uint32_t payload_size);
TWIN_IMPORT(schedule) double twin_host_schedule(double due_at_ms, const char *method, uint32_t method_size, const char *payload, uint32_t payload_size);
TWIN_IMPORT(unschedule) int32_t twin_host_unschedule(double id);
TWIN_IMPORT(call) int32_t twin_host_call(const char *capability, uint32_t capability_size, const char *method, uint32_t method_size, const char *payload, uint32_t payload_size);
TWIN_IMPORT(http_fetch) int32_t twin_host_http_fetch(const char *request, uint32_t request_size, const char *body, uint32_t body_size);
TWIN_IMPORT(peer_call) int32_t twin_host_peer_call(const char *peer, uint32_t peer_size, const char *capability, uint32_t capability_size, const char *method, uint32_t method_size, const char *payload, uint32_t payload_size);
TWIN_IMPORT(caller) int32_t twin_host_caller(void);
TWIN_IMPORT(now_ms) double twin_host_now_ms(void);
TWIN_IMPORT(random) void twin_host_random(void *to, uint32_t size);
TWIN_IMPORT(log) void twin_host_log(uint32_t level, const char *text, uint32_t text_size);
TWIN_IMPORT(fail) void twin_host_fail(const char *code, uint32_t code_size, const char *message, uint32_t message_size);

/** Bytes, usually UTF-8 text; not ended by a zero. */
typedef struct {
  const char *at;
  uint32_t size;
} twin_text;

/** A literal as text. */
#define TWIN_TEXT(literal) ((twin_text){(literal), sizeof(literal) - 1})

extern char __heap_base;
static uint32_t twin_heap = 0;

/** Fresh bytes, 8-aligned. Ends the call when the memory is full. */
static void *twin_room(uint32_t size) {
  if (twin_heap == 0) twin_heap = (uint32_t)&__heap_base;
  uint32_t start = (twin_heap + 7) & ~7u;
  uint32_t have = __builtin_wasm_memory_size(0) << 16;
  uint32_t end = start + size;
  if (end < start) __builtin_trap();
  if (end > have && __builtin_wasm_memory_grow(0, ((end - have) >> 16) + 1) == (uint32_t)-1) __builtin_trap();
  twin_heap = end;
  return (void *)start;
}

/** Called by the host before each call: the room of the call before is free again. */
__attribute__((export_name("twin_alloc"))) void *twin_alloc(uint32_t size) {
  twin_heap = 0;
  return twin_room(size);
}

/** Bytes that a host function staged, as many as it said. */
static twin_text twin_take(uint32_t size) {
  char *bytes = twin_room(size);
  twin_host_take(bytes);
  return (twin_text){bytes, size};
}

/** The answer of a method of another capability, in this call's transaction. When it fails, this call fails. */
__attribute__((unused)) static twin_text twin_call(twin_text capability, twin_text method, twin_text payload) {
  return twin_take((uint32_t)twin_host_call(capability.at, capability.size, method.at, method.size, payload.at, payload.size));
}

/** What the outside said, or why it did not: then `text` is JSON of a `code` and a `message`. */
typedef struct {
  bool failed;
  twin_text text;
} twin_outcome;

static twin_outcome twin_outcome_of(int32_t size) {
  return size < 0 ? (twin_outcome){true, twin_take((uint32_t)-size)} : (twin_outcome){false, twin_take((uint32_t)size)};
}

/** The answer of a web server: `u32` size of a head, the head as JSON (`url`, `status`, `headers`), the body. Only in a task. */
__attribute__((unused)) static twin_outcome twin_fetch(twin_text request, twin_text body) {
  return twin_outcome_of(twin_host_http_fetch(request.at, request.size, body.at, body.size));
}

/** The answer of a method of another twin, JSON. Only in a task. */
__attribute__((unused)) static twin_outcome twin_call_peer(twin_text peer, twin_text capability, twin_text method, twin_text payload) {
  return twin_outcome_of(twin_host_peer_call(peer.at, peer.size, capability.at, capability.size, method.at, method.size, payload.at, payload.size));
}

/** Calls a command or task of this capability at that time, once, also when the host was down then. Returns the timer's id. */
__attribute__((unused)) static double twin_schedule(double due_at_ms, twin_text method, twin_text payload) {
  return twin_host_schedule(due_at_ms, method.at, method.size, payload.at, payload.size);
}

/** What a method returns. */
static uint64_t twin_answer(twin_text text) { return ((uint64_t)(uint32_t)text.at << 32) | text.size; }

/** Ends the call; nothing of it takes effect. */
__attribute__((noreturn, unused)) static void twin_fail(twin_text code, twin_text message) {
  twin_host_fail(code.at, code.size, message.at, message.size);
  __builtin_trap();
}

// Building text.

/** Text that grows up to its room. */
typedef struct {
  char *at;
  uint32_t size;
  uint32_t room;
} twin_builder;

static twin_builder twin_build(uint32_t room) { return (twin_builder){twin_room(room), 0, room}; }

static void twin_add(twin_builder *to, twin_text text) {
  if (text.size > to->room - to->size) __builtin_trap();
  __builtin_memcpy(to->at + to->size, text.at, text.size);
  to->size += text.size;
}

static void twin_add_number(twin_builder *to, uint64_t value) {
  char digits[20];
  uint32_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  twin_add(to, (twin_text){digits + at, (uint32_t)sizeof digits - at});
}

static twin_text twin_built(twin_builder from) { return (twin_text){from.at, from.size}; }

// Reading JSON. The host has checked payloads against the manifest and writes them in one spelling:
// no spaces, no doubled keys, no escapes where none are needed.

static bool twin_equal(twin_text left, twin_text right) {
  return left.size == right.size && __builtin_memcmp(left.at, right.at, left.size) == 0;
}

/** Behind the value that begins at `at`. */
static uint32_t twin_json_skip(twin_text json, uint32_t at) {
  uint32_t depth = 0;
  for (bool quoted = false; at < json.size; at++) {
    char c = json.at[at];
    if (quoted) {
      if (c == '\\') at++;
      else if (c == '"') quoted = false;
    } else if (c == '"') quoted = true;
    else if (c == '{' || c == '[') depth++;
    else if ((c == '}' || c == ']' || c == ',') && depth == 0) return at;
    else if (c == '}' || c == ']') depth--;
  }
  return at;
}

/** The JSON of the field `name` of an object; size 0 when it is absent. Text keeps its quotes and escapes, so it can go into other JSON as it is. */
static twin_text twin_json_field(twin_text json, twin_text name) {
  for (uint32_t at = 1; at + 1 < json.size;) {
    uint32_t key = at + 1;
    uint32_t colon = key;
    while (json.at[colon] != '"') colon += json.at[colon] == '\\' ? 2 : 1;
    uint32_t end = twin_json_skip(json, colon + 2);
    if (twin_equal((twin_text){json.at + key, colon - key}, name)) return (twin_text){json.at + colon + 2, end - colon - 2};
    at = end + 1;
  }
  return (twin_text){json.at, 0};
}

/** A whole number that is not below zero, or `absent`. */
static uint64_t twin_json_number(twin_text json, uint64_t absent) {
  uint64_t value = 0;
  for (uint32_t at = 0; at < json.size; at++) value = value * 10 + (uint64_t)(json.at[at] - '0');
  return json.size == 0 ? absent : value;
}

/** Memory functions that the compiler may call. */
void *memcpy(void *to, const void *from, size_t size) {
  for (size_t at = 0; at < size; at++) ((char *)to)[at] = ((const char *)from)[at];
  return to;
}
int memcmp(const void *left, const void *right, size_t size) {
  for (size_t at = 0; at < size; at++) {
    int difference = ((const unsigned char *)left)[at] - ((const unsigned char *)right)[at];
    if (difference != 0) return difference;
  }
  return 0;
}
