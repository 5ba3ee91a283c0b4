// One-time links and what they are exchanged for: the registration of a browser's key.

import { createHash } from "node:crypto";

import { base64UrlDecode, base64UrlEncode, equalSecrets } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { isKeyAlgorithm, type OwnerKeys, type PresentedKey } from "./owner-keys.ts";

const TOKEN_SIZE_BYTES = 32;
const LABEL_LENGTH_MAX = 100;
const MINUTE_MS = 60_000;

interface Issued {
  /** SHA-256 of the token: a dump of the host's memory logs nobody in. */
  readonly hash: Uint8Array;
  readonly expiresAtMs: number;
}

/** Issues tokens and takes each of them once. */
export class Login {
  readonly #parts: { readonly keys: OwnerKeys; readonly clock: Clock; readonly random: Random };
  #issued: Issued[] = [];
  #attempts = { count: 0, sinceMs: 0 };

  constructor(parts: { readonly keys: OwnerKeys; readonly clock: Clock; readonly random: Random }) {
    this.#parts = parts;
  }

  /** A fresh token, valid once and for `LIMITS.web.loginTokenLifetimeMs`. */
  issue(): string {
    const nowMs = this.#parts.clock.nowMs();
    const token = base64UrlEncode(this.#parts.random.bytes(TOKEN_SIZE_BYTES));
    this.#issued = this.#issued.filter(({ expiresAtMs }) => expiresAtMs > nowMs).slice(1 - LIMITS.web.loginTokenCount);
    this.#issued.push({ hash: hashOf(token), expiresAtMs: nowMs + LIMITS.web.loginTokenLifetimeMs });
    return token;
  }

  /**
   * Registers the key of a `POST /login` body and returns its id. The token is spent by the attempt,
   * whatever becomes of it. Throws `TWIN_LOGIN_REFUSED`, `TWIN_INPUT_INVALID`, `TWIN_LIMIT_EXCEEDED`
   * and, above the rate limit, `TWIN_HOST_BUSY`.
   */
  async exchange(body: unknown): Promise<string> {
    this.#countAttempt();
    const { token, ...key } = parseBody(body);
    this.#spend(token);
    return await this.#parts.keys.register(key);
  }

  #spend(token: string): void {
    const nowMs = this.#parts.clock.nowMs();
    const hash = hashOf(token);
    const found = this.#issued.filter((issued) => equalSecrets(issued.hash, hash) && issued.expiresAtMs > nowMs);
    this.#issued = this.#issued.filter((issued) => !found.includes(issued));
    if (found.length === 0)
      throw new TwinError(
        "TWIN_LOGIN_REFUSED",
        "This link is used up, expired, or not of this host: ask for a fresh one with `twin link`.",
      );
  }

  #countAttempt(): void {
    const nowMs = this.#parts.clock.nowMs();
    const fresh = Math.abs(nowMs - this.#attempts.sinceMs) >= MINUTE_MS;
    this.#attempts = fresh
      ? { count: 1, sinceMs: nowMs }
      : { count: this.#attempts.count + 1, sinceMs: this.#attempts.sinceMs };
    if (this.#attempts.count > LIMITS.web.loginAttemptsPerMinute)
      throw new TwinError("TWIN_HOST_BUSY", "Too many login attempts: wait a minute, then try again.");
  }
}

function parseBody(body: unknown): PresentedKey & { readonly token: string } {
  const { token, algorithm, publicKey, label = "" } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (
    typeof token !== "string" ||
    typeof publicKey !== "string" ||
    typeof label !== "string" ||
    label.length > LABEL_LENGTH_MAX ||
    !isKeyAlgorithm(algorithm)
  ) {
    throw new TwinError(
      "TWIN_INPUT_INVALID",
      `Expected {"token", "algorithm": "Ed25519" or "ES256", "publicKey", "label"}, texts, "label" of at most ${LABEL_LENGTH_MAX} characters.`,
    );
  }
  return { token, algorithm, publicKey: decodeKey(publicKey), label: label.trim() || "A browser" };
}

function decodeKey(text: string): Uint8Array<ArrayBuffer> {
  try {
    return base64UrlDecode(text);
  } catch {
    throw new TwinError("TWIN_INPUT_INVALID", "The public key is not URL-safe base64.");
  }
}

function hashOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
