// The experiences that are open: each has an unguessable origin of its own, from the moment that an
// owner's connection opens it until that connection closes it or ends.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { ExperienceInfo } from "../packages/experience.ts";
import type { OpenedExperience } from "../rpc/api.ts";
import type { OwnerDesk } from "../rpc/owner-parts.ts";
import type { Tickets } from "./tickets.ts";

const TOKEN_LENGTH = 26;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** One open experience. */
export interface OpenExperience {
  readonly experience: ExperienceInfo;
  readonly token: string;
  /** Aborts when it is closed. */
  readonly closed: AbortSignal;
  /** Whether its one door is open or being opened. */
  hasDoor: boolean;
}

/** All open experiences of this host, and the desks that open them. */
export class OpenExperiences {
  readonly #random: Random;
  readonly #tickets: Tickets;
  readonly #open = new Map<string, { readonly state: OpenExperience; readonly close: AbortController }>();

  constructor(parts: { readonly random: Random; readonly tickets: Tickets }) {
    this.#random = parts.random;
    this.#tickets = parts.tickets;
  }

  /** The open experience of that token, or undefined. */
  find(token: string): OpenExperience | undefined {
    return this.#open.get(token)?.state;
  }

  /** A desk for one connection: disposing it closes what it opened and ends its tickets. */
  createDesk(): OwnerDesk {
    const tokens = new Set<string>();
    const desk: OwnerDesk = {
      open: (experience) => {
        const opened = this.#start(experience);
        tokens.add(opened.token);
        return opened;
      },
      close: (token) => {
        if (tokens.delete(token)) this.#close(token);
      },
      uploadTicket: () => this.#tickets.issue({ kind: "upload" }, desk),
      downloadPath: (id, name, type) =>
        `/objects/${id}?ticket=${this.#tickets.issue({ kind: "download", id, name, type }, desk)}`,
      [Symbol.dispose]: () => {
        for (const token of tokens) this.#close(token);
        this.#tickets.revoke(desk);
      },
    };
    return desk;
  }

  #start(experience: ExperienceInfo): OpenedExperience {
    // "xn--" begins a punycode label, which a browser decodes instead of taking it as it is.
    if (experience.name === "xn")
      throw new TwinError("TWIN_EXPERIENCE_INVALID", 'An experience cannot be named "xn": choose another name.');
    if (this.#open.size >= LIMITS.web.openExperienceCount)
      throw new TwinError(
        "TWIN_LIMIT_EXCEEDED",
        `${this.#open.size} experiences are open, which is the limit: close one.`,
      );
    const token = createToken(this.#random);
    const close = new AbortController();
    this.#open.set(token, { state: { experience, token, closed: close.signal, hasDoor: false }, close });
    return { token, wrapperPath: `/wrapper/${token}`, doorPath: `/door/${token}` };
  }

  #close(token: string): void {
    const found = this.#open.get(token);
    this.#open.delete(token);
    found?.close.abort();
  }
}

/** 26 base32 characters of 5 random bits each. */
function createToken(random: Random): string {
  return Array.from(random.bytes(TOKEN_LENGTH), (byte) => BASE32[byte & 31]).join("");
}
