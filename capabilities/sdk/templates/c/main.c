// Contacts leave a line from their twins; the owner reads the book.
// State: line/<number, 16 hex digits>, each the JSON of a line.

#include "twin.h"

#define PREFIX TWIN_TEXT("line/")
#define KEY_SIZE (5 + 16)
// A character may be six bytes of JSON; the rest of a line is short.
#define LINE_SIZE_MAX (500 * 12 + 256)

/** The last `limit` lines, as the host stages them: u32 size, key, u32 size, value; each is little-endian. */
static twin_text scan_newest(uint32_t limit) {
  // '0' is the character behind '/', so this is behind every key of ours.
  twin_text end = TWIN_TEXT("line0");
  return twin_take((uint32_t)twin_host_kv_scan(PREFIX.at, PREFIX.size, end.at, end.size, limit, 1));
}

static twin_text next_part(twin_text entries, uint32_t *at) {
  uint32_t size;
  __builtin_memcpy(&size, entries.at + *at, sizeof size);
  twin_text part = {entries.at + *at + sizeof size, size};
  *at += (uint32_t)sizeof size + size;
  return part;
}

static uint64_t last_number(void) {
  twin_text entries = scan_newest(1);
  if (entries.size == 0) return 0;
  uint32_t at = 0;
  next_part(entries, &at);
  return twin_json_number(twin_json_field(next_part(entries, &at), TWIN_TEXT("number")), 0);
}

static void put_line(uint64_t number, twin_text line) {
  char key[KEY_SIZE] = "line/";
  for (uint32_t digit = 0; digit < 16; digit++) key[5 + digit] = "0123456789abcdef"[(number >> (60 - 4 * digit)) & 15];
  twin_host_kv_put(key, sizeof key, line.at, line.size);
}

TWIN_METHOD(sign) {
  twin_text text = twin_json_field((twin_text){address, size}, TWIN_TEXT("text"));
  twin_text by = twin_json_field(twin_take((uint32_t)twin_host_caller()), TWIN_TEXT("twin"));
  uint64_t number = last_number() + 1;

  twin_builder line = twin_build(LINE_SIZE_MAX);
  twin_add(&line, TWIN_TEXT("{\"number\":"));
  twin_add_number(&line, number);
  twin_add(&line, TWIN_TEXT(",\"by\":"));
  twin_add(&line, by);
  twin_add(&line, TWIN_TEXT(",\"text\":"));
  twin_add(&line, text);
  twin_add(&line, TWIN_TEXT(",\"atMs\":"));
  twin_add_number(&line, (uint64_t)twin_host_now_ms());
  twin_add(&line, TWIN_TEXT("}"));
  put_line(number, twin_built(line));

  twin_builder event = twin_build(line.size + 16);
  twin_add(&event, TWIN_TEXT("{\"line\":"));
  twin_add(&event, twin_built(line));
  twin_add(&event, TWIN_TEXT("}"));
  twin_text topic = TWIN_TEXT("guestbook.signed");
  twin_host_emit(topic.at, topic.size, event.at, event.size);
  return twin_answer(twin_built(line));
}

TWIN_METHOD(list) {
  twin_text limit = twin_json_field((twin_text){address, size}, TWIN_TEXT("limit"));
  twin_text entries = scan_newest((uint32_t)twin_json_number(limit, 50));
  // Each value is shorter than its entry, so the answer is no longer than the entries.
  twin_builder answer = twin_build(entries.size + 2);
  twin_add(&answer, TWIN_TEXT("["));
  for (uint32_t at = 0; at < entries.size;) {
    next_part(entries, &at);
    if (answer.size > 1) twin_add(&answer, TWIN_TEXT(","));
    twin_add(&answer, next_part(entries, &at));
  }
  twin_add(&answer, TWIN_TEXT("]"));
  return twin_answer(twin_built(answer));
}
