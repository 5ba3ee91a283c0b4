import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../host/base/limits.ts";
import { systemRandom } from "../../../host/base/random.ts";
import { InviteBook } from "../../../host/peers/invite-book.ts";
import { inviteId } from "../../../host/peers/invite-code.ts";
import { createMemoryTables } from "../../support/memory-tables.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { createSettableClock } from "../../support/test-peers.ts";

const ada = testIdentity(1).id;
const ben = testIdentity(2).id;
const proven = (): boolean => true;
const invalid = { code: "TWIN_INVITE_INVALID" };

function openBook(
  rows = new Map(),
  clock = createSettableClock(),
): { book: InviteBook; clock: typeof clock; rows: typeof rows } {
  return { book: new InviteBook(createMemoryTables(rows), clock, systemRandom), clock, rows };
}

describe("invite book", () => {
  test("lets one twin use an invite, as often as it needs, and no other", async () => {
    const { book } = openBook();
    const { secret } = await book.create();
    expect(await book.redeem(inviteId(secret), ada, proven)).toEqual(secret);
    expect(await book.redeem(inviteId(secret), ada, proven)).toEqual(secret);
    await expect(book.redeem(inviteId(secret), ben, proven)).rejects.toMatchObject({ code: "TWIN_INVITE_USED" });
  });

  test("lets one of two win who bring the same secret at once", async () => {
    const { book } = openBook();
    const { secret } = await book.create();
    const results = await Promise.allSettled([ada, ben].map((twin) => book.redeem(inviteId(secret), twin, proven)));
    expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  test("remembers over a restart which were used", async () => {
    const { book, rows } = openBook();
    const { secret } = await book.create();
    await book.redeem(inviteId(secret), ada, proven);
    await expect(openBook(rows).book.redeem(inviteId(secret), ben, proven)).rejects.toMatchObject({
      code: "TWIN_INVITE_USED",
    });
  });

  test("refuses unknown, unproven and expired ones, and an unproven try uses nothing up", async () => {
    const { book, clock } = openBook();
    const { secret, expiresAtMs } = await book.create();
    await expect(book.redeem(new Uint8Array(8), ada, proven)).rejects.toMatchObject(invalid);
    await expect(book.redeem(inviteId(secret).subarray(0, 4), ada, proven)).rejects.toMatchObject(invalid);
    await expect(book.redeem(inviteId(secret), ben, () => false)).rejects.toMatchObject(invalid);
    clock.aheadMs += expiresAtMs - clock.nowMs() - 1_000;
    expect(await book.redeem(inviteId(secret), ada, proven)).toEqual(secret);
    const late = await book.create();
    clock.aheadMs += LIMITS.peers.inviteLifetimeMs;
    await expect(book.redeem(inviteId(late.secret), ada, proven)).rejects.toThrow("expired");
  });

  test("bounds how many are open, and forgets the expired ones", async () => {
    const { book, clock, rows } = openBook();
    for (let count = 0; count < LIMITS.peers.inviteCount; count++) await book.create();
    await expect(book.create()).rejects.toMatchObject({ code: "TWIN_LIMIT_EXCEEDED" });
    clock.aheadMs += LIMITS.peers.inviteLifetimeMs;
    await book.create();
    expect(rows.size).toBe(1);
  });
});
