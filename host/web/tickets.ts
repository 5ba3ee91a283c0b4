// Short-lived bearers for large content, which does not fit through the owner's socket: one upload,
// or one object for a while.

import { base64UrlEncode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { ObjectId } from "../vault/object.ts";

const TICKET_SIZE_BYTES = 32;

/** What a ticket is good for. */
export type Errand =
  | { readonly kind: "upload" }
  | { readonly kind: "download"; readonly id: ObjectId; readonly name: string; readonly type: string };

interface Issued {
  readonly errand: Errand;
  readonly holder: object;
  readonly expiresAtMs: number;
}

/** Issued tickets, in memory: they do not outlive the host, nor the desk that issued them. */
export class Tickets {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #issued = new Map<string, Issued>();

  constructor(parts: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = parts.clock;
    this.#random = parts.random;
  }

  /** A ticket for `LIMITS.web.ticketLifetimeMs`, or until `holder`'s are revoked. Throws `TWIN_LIMIT_EXCEEDED` when too many are alive. */
  issue(errand: Errand, holder: object): string {
    this.#forgetExpired();
    if (this.#issued.size >= LIMITS.web.ticketCount)
      throw new TwinError("TWIN_LIMIT_EXCEEDED", "Too many transfers were asked for at once: wait a minute.");
    const ticket = base64UrlEncode(this.#random.bytes(TICKET_SIZE_BYTES));
    this.#issued.set(ticket, { errand, holder, expiresAtMs: this.#clock.nowMs() + LIMITS.web.ticketLifetimeMs });
    return ticket;
  }

  /** Takes the ticket of one upload: it is worth nothing from now on. Throws `TWIN_LOGIN_REFUSED`. */
  useUpload(ticket: string | undefined): void {
    if (this.#find(ticket)?.kind !== "upload") throw refused();
    this.#issued.delete(ticket!);
  }

  /** What the ticket says of the download of `id`. Throws `TWIN_LOGIN_REFUSED`. */
  useDownload(ticket: string | undefined, id: ObjectId): Extract<Errand, { kind: "download" }> {
    const errand = this.#find(ticket);
    if (errand?.kind !== "download" || errand.id !== id) throw refused();
    return errand;
  }

  /** Ends all tickets of `holder`. */
  revoke(holder: object): void {
    for (const [ticket, issued] of this.#issued) if (issued.holder === holder) this.#issued.delete(ticket);
  }

  #find(ticket: string | undefined): Errand | undefined {
    const found = ticket === undefined ? undefined : this.#issued.get(ticket);
    return found !== undefined && found.expiresAtMs > this.#clock.nowMs() ? found.errand : undefined;
  }

  #forgetExpired(): void {
    const nowMs = this.#clock.nowMs();
    // All live equally long, so the map's order is that of expiry.
    for (const [ticket, { expiresAtMs }] of this.#issued) {
      if (expiresAtMs > nowMs) return;
      this.#issued.delete(ticket);
    }
  }
}

function refused(): TwinError {
  return new TwinError("TWIN_LOGIN_REFUSED", "This transfer's ticket is unknown, used or expired: start it again.");
}
