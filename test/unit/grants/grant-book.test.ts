import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { systemRandom } from "../../../host/base/random.ts";
import { createGrantBook, type GrantRequest } from "../../../host/grants/grant-book.ts";
import { createMemoryStateStore } from "../../support/memory-state-store.ts";

const TWIN = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";

function request(over: object = {}): GrantRequest {
  return { holder: "experience:chat", capability: "chat", methods: ["post"], reason: "To write.", ...over };
}

describe("the grant book", () => {
  test("records a grant and gives it back, also to another book over the same tables", async () => {
    const store = createMemoryStateStore();
    const book = createGrantBook(store, systemRandom);
    const { grant, write } = book.prepare(request({ expiresAtMs: 9 }), 5);
    expect(book.list()).toEqual([]);
    await store.commit([write]);
    book.reload();
    expect(grant).toEqual({
      ...request({ expiresAtMs: 9 }),
      id: expect.stringMatching(/^[0-9a-f]{20}$/),
      grantedAtMs: 5,
    });
    expect(book.list()).toEqual([grant]);
    expect(createGrantBook(store, systemRandom).list()).toEqual([grant]);
  });

  test("ends a grant once", async () => {
    const store = createMemoryStateStore();
    const book = createGrantBook(store, systemRandom);
    const { grant, write } = book.prepare(request(), 5);
    await store.commit([write]);
    book.reload();
    await store.commit([book.prepareRevoke(grant.id)]);
    book.reload();
    expect(book.list()).toEqual([]);
    expect(() => book.prepareRevoke(grant.id)).toThrow(expect.objectContaining({ code: "TWIN_GRANT_UNKNOWN" }));
  });

  test.each([`peer:${TWIN}`, "circle:friends", "capability:files"])("accepts the holder %s", (holder) => {
    const book = createGrantBook(createMemoryStateStore(), systemRandom);
    expect(book.prepare(request({ holder }), 0).grant.holder).toBe(holder);
  });

  test.each([
    { holder: "owner" },
    { holder: "owner:x" },
    { holder: "timer:chat" },
    { holder: "experience:" },
    { holder: "experience:*" },
    { holder: "experience:Chat" },
    { holder: "peer:did:key:zWrong" },
    { holder: "peer:*" },
    { holder: ["experience:chat"] },
    { holder: undefined },
    { capability: "*" },
    { capability: "$grants" },
    { capability: "" },
    { methods: ["*"] },
    { methods: ["post", "*"] },
    { methods: [] },
    { methods: "post" },
    { methods: [["post"]] },
    { methods: Array.from({ length: LIMITS.packages.methodCount + 1 }, (_, index) => `m${index}`) },
    { expiresAtMs: Number.NaN },
    { expiresAtMs: "tomorrow" },
    { reason: "" },
    { reason: "  " },
    { reason: "x".repeat(LIMITS.grants.reasonLength + 1) },
  ])("refuses $holder $capability $methods $expiresAtMs $reason", (over) => {
    const book = createGrantBook(createMemoryStateStore(), systemRandom);
    expect(() => book.prepare(request(over), 0)).toThrow(expect.objectContaining({ code: "TWIN_INPUT_INVALID" }));
  });

  test("is bounded", async () => {
    const store = createMemoryStateStore();
    const book = createGrantBook(store, systemRandom);
    const writes = Array.from({ length: LIMITS.grants.grantCount }, () => book.prepare(request(), 0).write);
    await store.commit(writes);
    book.reload();
    expect(() => book.prepare(request(), 0)).toThrow(expect.objectContaining({ code: "TWIN_LIMIT_EXCEEDED" }));
  });
});
