// The owner's phonebook: how strangers find the twin, and it them.

import { toTwinError, TwinError } from "./base/errors.ts";
import { accountAddressOf } from "./identity/account-address.ts";
import type { OpenTwin } from "./open-twin.ts";
import type { Peers } from "./peers/peers.ts";
import { type Announcement, announceRelay, planAnnouncement } from "./phonebook/announce-relay.ts";
import { parseRelayName, recordPath } from "./phonebook/relay-name.ts";
import { decodeTwinRecord } from "./phonebook/twin-record.ts";
import type { AnnouncementRequest } from "./rpc/api.ts";
import type { PhonebookPart } from "./rpc/owner-parts.ts";
import type { Tfchain } from "./tfchain.ts";

/** What the part is made of. */
export interface PhonebookOrigins {
  readonly twin: Pick<OpenTwin, "identity" | "contacts" | "directory" | "settings" | "tfchain">;
  /** Absent while there is no network: then the record is the last one that was issued. */
  readonly peers?: Pick<Peers, "ownRecord"> | undefined;
}

const DECIMALS = 7;

/** The phonebook of `twin`, for its owner. */
export function createPhonebookPart({ twin, peers }: PhonebookOrigins): PhonebookPart {
  const { identity, contacts, directory, settings, tfchain } = twin;
  const parts = (): { link: Tfchain["link"]; identity: OpenTwin["identity"] } => ({
    link: requireChain(tfchain).link,
    identity,
  });
  const ownRecord = async (): Promise<Uint8Array> => {
    const signed = await (peers?.ownRecord() ?? contacts.signedRecord(identity.id));
    if (signed !== undefined) return signed;
    throw new TwinError("TWIN_HOST_BUSY", "This twin has no record yet: start its host with `twin start`.");
  };
  return {
    status: async () => ({
      tfchain: tfchain?.url,
      account: accountAddressOf(identity.id),
      relay: (await settings.get("relay")) || undefined,
      path: recordPath(identity.id),
    }),
    find: async (other) => {
      const { record, source } = (await directory.find(other)) ?? {};
      if (record === undefined || source === undefined) return undefined;
      const { name, hosts, issuedAtMs, expiresAtMs } = record;
      const addresses = hosts.flatMap(({ peerId, multiaddrs }) => multiaddrs.map((place) => `${place}/p2p/${peerId}`));
      return { twin: other, name, addresses, issuedAtMs, expiresAtMs, source };
    },
    plan: async (request) => {
      const { chain, account, free, steps, fee } = await planAnnouncement(parts(), announcementOf(request));
      const told = steps.map((step) => ({ call: step.call, fee: formatTft(step.fee) }));
      return { chain, account, balance: formatTft(free), steps: told, fee: formatTft(fee) };
    },
    announce: async (request, onProgress) => {
      const wanted = announcementOf(request);
      const chain = requireChain(tfchain);
      const before = await settings.get("relay");
      const name = wanted.relay === undefined ? undefined : parseRelayName(wanted.relay);
      if (name !== undefined) {
        await settings.set("relay", name);
        await requireServed(chain, { name, twin: identity.id }).catch(async (thrown: unknown) => {
          await settings.set("relay", before ?? "");
          throw thrown;
        });
      }
      await announceRelay(parts(), wanted, onProgress);
      if (wanted.relay === undefined) await settings.set("relay", "");
    },
    ownRecord,
    servedRecord: async () => ((await settings.get("relay")) ? await ownRecord() : undefined),
  };
}

function requireChain(tfchain: Tfchain | undefined): Tfchain {
  if (tfchain !== undefined) return tfchain;
  const message = "No node of TFChain is named: start the host with --tfchain wss://NODE, or put it into config.json.";
  throw new TwinError("TWIN_CONFIG_INVALID", message);
}

/** A name that leads nowhere is not worth its fee, and would mislead whoever looks. */
async function requireServed(
  { fetchRecord }: Tfchain,
  { name, twin }: { readonly name: string; readonly twin: OpenTwin["identity"]["id"] },
): Promise<void> {
  const refused = (why: string, cause?: unknown): TwinError => {
    const message = `https://${name}${recordPath(twin)} does not serve this twin's record (${why}): have ${name} pass that path on to this host (docs/guides/operate.md), or serve what \`twin phonebook record\` writes.`;
    return new TwinError("TWIN_FETCH_FAILED", message, {}, cause);
  };
  const signed = await fetchRecord(name, twin, {}).catch((thrown: unknown) => {
    throw refused(toTwinError(thrown).message, thrown);
  });
  if (signed === undefined) throw refused("nothing is there");
  if (decodeTwinRecord(signed).twin !== twin) throw refused("it is the one of another twin");
}

function announcementOf({ relay, terms }: AnnouncementRequest): Announcement {
  return { relay: relay ?? undefined, terms };
}

function formatTft(units: bigint): string {
  const digits = units.toString().padStart(DECIMALS + 1, "0");
  return `${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`;
}
