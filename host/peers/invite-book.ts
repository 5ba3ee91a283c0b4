// The invites that this twin gave out, in a table: each works once, for a time, over restarts.

import { hexEncode, jsonDecode, jsonEncode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Engine } from "../engine/engine.ts";
import type { TwinId } from "../identity/twin-id.ts";
import { INVITE_SECRET_SIZE, inviteId } from "./invite-code.ts";

const NAMESPACE = "$invites";

interface InviteRow {
  readonly secret: string;
  readonly expiresAtMs: number;
  readonly usedBy?: TwinId | undefined;
}

/** Creates and redeems invites. Each change is durable before it is told. */
export class InviteBook {
  readonly #table: Pick<Engine, "readTable" | "writeTable">;
  readonly #clock: Clock;
  readonly #random: Random;
  /** One change at a time: of two who bring the same secret at once only one may find it unused. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(table: Pick<Engine, "readTable" | "writeTable">, clock: Clock, random: Random) {
    this.#table = table;
    this.#clock = clock;
    this.#random = random;
  }

  /** A fresh secret (16 bytes) and when it ends. Throws `TWIN_LIMIT_EXCEEDED` while too many are open. */
  create(): Promise<{ readonly secret: Uint8Array; readonly expiresAtMs: number }> {
    return this.#inTurn(async () => {
      await this.#forgetExpired();
      const secret = this.#random.bytes(INVITE_SECRET_SIZE);
      const expiresAtMs = this.#clock.nowMs() + LIMITS.peers.inviteLifetimeMs;
      await this.#write(inviteId(secret), { secret: secret.toHex(), expiresAtMs });
      return { secret, expiresAtMs };
    });
  }

  /**
   * Marks the invite `id` as used by `twin` and gives its secret, if `proves` finds that the twin
   * knows it. The same twin may redeem it again (its answer may have been lost). Throws
   * `TWIN_INVITE_USED` when another twin was first, `TWIN_INVITE_INVALID` when it is unknown,
   * expired or not proven.
   */
  redeem(id: Uint8Array, twin: TwinId, proves: (secret: Uint8Array) => boolean): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      const row = await this.#read(id);
      const secret = row === undefined ? undefined : Uint8Array.fromHex(row.secret);
      if (row === undefined || secret === undefined || !proves(secret))
        throw new TwinError(
          "TWIN_INVITE_INVALID",
          "The other twin does not know this invite (any more); ask for a new one.",
        );
      if (row.usedBy === twin) return secret;
      if (row.usedBy !== undefined)
        throw new TwinError("TWIN_INVITE_USED", "This invite was used by another twin already; ask for a new one.");
      if (row.expiresAtMs <= this.#clock.nowMs())
        throw new TwinError("TWIN_INVITE_INVALID", "This invite has expired; ask for a new one.");
      await this.#write(id, { ...row, usedBy: twin });
      return secret;
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #forgetExpired(): Promise<void> {
    const limit = LIMITS.peers.inviteCount * 2;
    const rows = await this.#table.readTable({ namespace: NAMESPACE, start: new Uint8Array(), limit });
    const now = this.#clock.nowMs();
    const expired = rows.filter(({ value }) => decodeRow(value).expiresAtMs <= now);
    if (expired.length > 0)
      await this.#table.writeTable(expired.map(({ key }) => ({ namespace: NAMESPACE, key, value: undefined })));
    if (rows.length - expired.length >= LIMITS.peers.inviteCount)
      throw new TwinError(
        "TWIN_LIMIT_EXCEEDED",
        `There are ${LIMITS.peers.inviteCount} invites of the last day already; wait until some have expired.`,
      );
  }

  async #read(id: Uint8Array): Promise<InviteRow | undefined> {
    const [entry] = await this.#table.readTable({ namespace: NAMESPACE, start: id, limit: 1 });
    return entry !== undefined && hexEncode(entry.key) === hexEncode(id) ? decodeRow(entry.value) : undefined;
  }

  async #write(id: Uint8Array, row: InviteRow): Promise<void> {
    await this.#table.writeTable([{ namespace: NAMESPACE, key: id, value: jsonEncode(row) }]);
  }
}

function decodeRow(value: Uint8Array): InviteRow {
  return jsonDecode(value) as InviteRow;
}
