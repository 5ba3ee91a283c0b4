// The phonebook of TFChain: a twin's account there names a host of DNS, which serves the twin's signed record.
// Chain and web server are hints and nothing else: what they lead to is believed only if the twin has signed it.

import type { Clock } from "../base/clock.ts";
import { equalBytes, utf8Decode } from "../base/bytes.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { publicKeyOf, type TwinId } from "../identity/twin-id.ts";
import type { ChainLink } from "./chain-link.ts";
import type { Phonebook, SignedTwinRecord, TwinRecord } from "./phonebook.ts";
import { parseRelayName } from "./relay-name.ts";
import { decodeTwinRecord } from "./twin-record.ts";

/** Fetches what `https://NAME` serves as the record of the twin; undefined when it serves none. Rejects when it cannot be asked. */
export type FetchRecord = (
  name: string,
  twin: TwinId,
  options: { readonly signal?: AbortSignal | undefined },
) => Promise<SignedTwinRecord | undefined>;

/** What the phonebook is made of. */
export interface TfchainPhonebookParts {
  readonly link: Pick<ChainLink, "ask">;
  readonly fetchRecord: FetchRecord;
  readonly clock: Clock;
}

/** A {@link Phonebook} that looks up who it does not know, and forgets with the process. */
export interface TfchainPhonebook extends Phonebook {
  /**
   * As `resolve`, but asks the chain again unless it did so a short while ago. What was known before is the answer
   * when the chain or the name does not answer.
   */
  refresh(twin: TwinId): Promise<FoundRecord | undefined>;
}

/** A record and the bytes that its twin signed. */
interface FoundRecord {
  readonly record: TwinRecord;
  readonly signed: SignedTwinRecord;
}

interface Entry {
  /** The newest one seen. */
  found?: FoundRecord | undefined;
  /** When the chain was last asked, in `elapsedMs`. */
  askedAtMs?: number | undefined;
  failure?: TwinError | undefined;
  asking?: Promise<void> | undefined;
}

/** The phonebook over `parts.link`. Publishing makes a record known here; putting one's own name on the chain is `announceRelay`. */
export function createTfchainPhonebook(parts: TfchainPhonebookParts): TfchainPhonebook {
  return new CachedPhonebook(parts);
}

class CachedPhonebook implements TfchainPhonebook {
  readonly #parts: TfchainPhonebookParts;
  /** The one that was used last is last. */
  readonly #entries = new Map<TwinId, Entry>();

  constructor(parts: TfchainPhonebookParts) {
    this.#parts = parts;
  }

  async resolve(
    twin: TwinId,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<TwinRecord | undefined> {
    return (await this.#lookUp(twin, LIMITS.phonebook.lookupLifetimeMs, signal))?.record;
  }

  refresh(twin: TwinId): Promise<FoundRecord | undefined> {
    return this.#lookUp(twin, LIMITS.phonebook.lookupRefreshMs);
  }

  publish(signed: SignedTwinRecord): Promise<void> {
    return Promise.try(() => {
      const found = readRecord(signed);
      const entry = this.#entryOf(found.record.twin);
      // It is as good as one that was just looked up.
      if (keep(entry, found)) this.#asked(entry);
    });
  }

  async #lookUp(twin: TwinId, lifetimeMs: number, signal?: AbortSignal): Promise<FoundRecord | undefined> {
    signal?.throwIfAborted();
    const entry = this.#entryOf(twin);
    if (this.#ageMs(entry) >= this.#validMs(entry, lifetimeMs)) {
      // It serves everybody who asks meanwhile, and goes on when one of them goes away.
      entry.asking ??= this.#ask(twin, entry).finally(() => (entry.asking = undefined));
      await abortable(entry.asking, signal);
    }
    if (entry.found === undefined && entry.failure !== undefined) throw entry.failure;
    return entry.found;
  }

  #validMs({ found, failure }: Entry, lifetimeMs: number): number {
    if (failure !== undefined) return LIMITS.phonebook.lookupFailureMs;
    return found === undefined ? LIMITS.phonebook.lookupRefreshMs : lifetimeMs;
  }

  async #ask(twin: TwinId, entry: Entry): Promise<void> {
    try {
      const found = await this.#fetch(twin);
      if (found !== undefined) keep(entry, found);
      entry.failure = undefined;
    } catch (thrown) {
      entry.failure = toTwinError(thrown);
    }
    this.#asked(entry);
  }

  async #fetch(twin: TwinId): Promise<FoundRecord | undefined> {
    const account = publicKeyOf(twin);
    const listed = await this.#parts.link.ask("twin", { account });
    if (listed === undefined) return undefined;
    if (!equalBytes(listed.account, account)) throw invalid("the chain answers with another account's twin");
    const name = listed.relay === undefined ? undefined : relayNameOf(listed.relay);
    // Other programs use the same table, with names and keys of their own.
    if (name === undefined || (listed.pk !== undefined && listed.pk.length !== AGREEMENT_KEY_SIZE)) return undefined;
    const signed = await this.#parts.fetchRecord(name, twin, {});
    if (signed === undefined) return undefined;
    const found = readRecord(signed);
    const { record } = found;
    if (record.twin !== twin) throw invalid(`${name} answers with the record of another twin`);
    if (listed.pk !== undefined && !equalBytes(listed.pk, record.agreementKey))
      throw invalid("its agreement key is not the one that the chain names");
    return found;
  }

  #entryOf(twin: TwinId): Entry {
    const entry = this.#entries.get(twin) ?? {};
    this.#entries.delete(twin);
    this.#entries.set(twin, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > LIMITS.phonebook.lookupCount && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }

  #asked(entry: Entry): void {
    entry.askedAtMs = this.#parts.clock.elapsedMs();
  }

  #ageMs({ askedAtMs }: Entry): number {
    return askedAtMs === undefined ? Number.POSITIVE_INFINITY : this.#parts.clock.elapsedMs() - askedAtMs;
  }
}

const AGREEMENT_KEY_SIZE = 32;

/** Keeps the newer one: neither chain nor server can take a twin back to an older address. */
function keep(entry: Entry, found: FoundRecord): boolean {
  if (entry.found !== undefined && entry.found.record.sequence >= found.record.sequence) return false;
  entry.found = found;
  return true;
}

/** Throws `TWIN_RECORD_INVALID`. The bytes stay the caller's. */
function readRecord(signed: SignedTwinRecord): FoundRecord {
  return { record: decodeTwinRecord(signed), signed: signed.slice() };
}

function relayNameOf(bytes: Uint8Array): string | undefined {
  if (bytes.length > LIMITS.phonebook.relayLength) return undefined;
  try {
    return parseRelayName(utf8Decode(bytes));
  } catch {
    return undefined;
  }
}

async function abortable<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return await work;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function invalid(why: string): TwinError {
  return new TwinError("TWIN_RECORD_INVALID", `What TFChain leads to is not this twin's record: ${why}.`);
}
