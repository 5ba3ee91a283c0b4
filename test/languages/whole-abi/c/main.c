// A guest in C that uses every host function once, and four methods that misbehave.

#include <stdint.h>

#define IMPORT(name) __attribute__((import_module("twin"), import_name(#name))) extern
#define METHOD(name) __attribute__((export_name(#name))) uint64_t name(const char *payload, uint32_t size)
#define TEXT(literal) (literal), (sizeof(literal) - 1)

IMPORT(take) void host_take(void *to);
IMPORT(kv_get) int32_t host_kv_get(const char *, uint32_t);
IMPORT(kv_put) void host_kv_put(const char *, uint32_t, const char *, uint32_t);
IMPORT(kv_delete) int32_t host_kv_delete(const char *, uint32_t);
IMPORT(kv_scan) int32_t host_kv_scan(const char *, uint32_t, const char *, uint32_t, uint32_t, uint32_t);
IMPORT(blob_link) void host_blob_link(const char *, uint32_t);
IMPORT(blob_unlink) void host_blob_unlink(const char *, uint32_t);
IMPORT(send) void host_send(const char *, uint32_t, const char *, uint32_t, const char *, uint32_t, const char *, uint32_t);
IMPORT(emit) void host_emit(const char *, uint32_t, const char *, uint32_t);
IMPORT(schedule) double host_schedule(double, const char *, uint32_t, const char *, uint32_t);
IMPORT(unschedule) int32_t host_unschedule(double);
IMPORT(call) int32_t host_call(const char *, uint32_t, const char *, uint32_t, const char *, uint32_t);
IMPORT(http_fetch) int32_t host_http_fetch(const char *, uint32_t, const char *, uint32_t);
IMPORT(peer_call) int32_t host_peer_call(const char *, uint32_t, const char *, uint32_t, const char *, uint32_t, const char *, uint32_t);
IMPORT(caller) int32_t host_caller(void);
IMPORT(now_ms) double host_now_ms(void);
IMPORT(random) void host_random(void *, uint32_t);
IMPORT(log) void host_log(uint32_t, const char *, uint32_t);
IMPORT(fail) void host_fail(const char *, uint32_t, const char *, uint32_t);

#define ROOM 65536
static _Alignas(8) char incoming[ROOM];
static char outgoing[ROOM];
static uint32_t written;

__attribute__((export_name("twin_alloc"))) void *twin_alloc(uint32_t size) { return size <= ROOM ? incoming : 0; }

static void expect(int holds, const char *what, uint32_t size) {
  if (!holds) host_fail(TEXT("expected"), what, size);
}

/** Appends what the host staged to the answer. */
static void take(int32_t size) {
  expect(size >= 0 && written + (uint32_t)size <= ROOM, TEXT("room for what was staged"));
  host_take(outgoing + written);
  written += size;
}

METHOD(everything) {
  written = 0;
  host_kv_put(TEXT("a"), payload, size);
  host_kv_put(TEXT("b"), TEXT("2"));
  expect(host_kv_get(TEXT("none")) == -1, TEXT("an absent key"));
  int32_t found = host_kv_get(TEXT("a"));
  expect((uint32_t)found == size, TEXT("the size that was put"));
  take(found);
  take(host_kv_scan(TEXT("a"), TEXT(""), 10, 1));
  expect(host_kv_delete(TEXT("b")) == 1, TEXT("a key to delete"));
  expect(host_kv_delete(TEXT("b")) == 0, TEXT("no key to delete"));
  host_blob_link(TEXT("blob"));
  host_blob_unlink(TEXT("blob"));
  host_send(TEXT("did:key:peer"), TEXT("chat"), TEXT("receive"), TEXT("{\"text\":\"\u00e4\"}"));
  host_emit(TEXT("changed"), TEXT("{}"));
  double timer = host_schedule(host_now_ms() + 1000, TEXT("tick"), TEXT("[]"));
  expect(host_unschedule(timer) == 1, TEXT("a timer to take back"));
  take(host_call(TEXT("contacts"), TEXT("list"), TEXT("{}")));
  take(host_http_fetch(TEXT("{}"), TEXT("body")));
  take(host_peer_call(TEXT("did:key:peer"), TEXT("chat"), TEXT("list"), TEXT("{}")));
  take(host_caller());
  host_random(outgoing + written, 8);
  written += 8;
  host_log(1, TEXT("done"));
  return ((uint64_t)(uint32_t)outgoing << 32) | written;
}

METHOD(refuse) {
  (void)payload, (void)size;
  host_fail(TEXT("not-today"), TEXT("Come back tomorrow."));
  return 0;
}

METHOD(loop) {
  (void)payload, (void)size;
  for (volatile uint32_t count = 0;; count++) {
  }
}

static uint64_t dive(uint64_t depth) {
  volatile uint64_t room[16] = {depth};
  return dive(depth + 1) + room[depth & 15];
}

METHOD(recurse) {
  (void)payload, (void)size;
  return dive(0);
}

METHOD(wild) {
  (void)payload, (void)size;
  *(volatile uint32_t *)0xfffffff0 = 1;
  return 0;
}
