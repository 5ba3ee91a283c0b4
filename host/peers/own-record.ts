// This twin's own record: issued anew when its name or addresses change, and long before it expires.

import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import type { Identity } from "../identity/identity.ts";
import type { ContactsPhonebook } from "../phonebook/contacts-phonebook.ts";
import type { HostAddress, SignedTwinRecord, TwinRecord } from "../phonebook/phonebook.ts";
import { signTwinRecord } from "../phonebook/twin-record.ts";

/** What the record is made of. */
export interface OwnRecordParts {
  readonly identity: Identity;
  readonly phonebook: ContactsPhonebook;
  readonly clock: Clock;
  ownName(): string;
  /** Where this host listens now. */
  ownHost(): HostAddress;
}

/** The newest record of this twin, issued now if the last one no longer holds. Durable in the phonebook when it resolves. */
export async function issueOwnRecord(parts: OwnRecordParts): Promise<SignedTwinRecord> {
  const { identity, phonebook, clock } = parts;
  const known = await phonebook.resolve(identity.id);
  const nowMs = clock.nowMs();
  const host = parts.ownHost();
  const hosts = [{ ...host, multiaddrs: host.multiaddrs.slice(0, LIMITS.phonebook.multiaddrCount) }];
  const name = parts.ownName();
  const last = await phonebook.signedRecord(identity.id);
  if (known !== undefined && last !== undefined && stillHolds(known, { name, hosts, nowMs })) return last;
  const record = signTwinRecord(identity, {
    // Never below the clock: a twin restored from an older state must not repeat a sequence.
    sequence: Math.max((known?.sequence ?? 0) + 1, nowMs),
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + LIMITS.phonebook.recordLifetimeMs,
    hosts,
    name,
  });
  await phonebook.publish(record);
  // Of two that were issued at once one is kept; both callers hand out that one.
  return (await phonebook.signedRecord(identity.id)) ?? record;
}

function stillHolds(
  record: TwinRecord,
  now: { readonly name: string; readonly hosts: readonly HostAddress[]; readonly nowMs: number },
): boolean {
  return (
    record.name === now.name &&
    JSON.stringify(record.hosts) === JSON.stringify(now.hosts) &&
    record.expiresAtMs - now.nowMs > LIMITS.phonebook.recordLifetimeMs / 2
  );
}
