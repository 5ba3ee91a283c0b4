// Puts the name at which a twin's record is served on TFChain, or takes it away. Only ever by the owner's own
// command, who has seen first what it costs.

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { accountAddressOf } from "../identity/account-address.ts";
import type { Identity } from "../identity/identity.ts";
import { publicKeyOf } from "../identity/twin-id.ts";
import { type ChainCall, signCall, unsignedCall } from "./chain-call.ts";
import type { ChainLink } from "./chain-link.ts";
import type { ChainAccount } from "./chain-messages.ts";
import { parseRelayName } from "./relay-name.ts";

/** What the chain is to say of the twin. */
export interface Announcement {
  /** The DNS name at which the record is served; absent: none from now on. */
  readonly relay?: string | undefined;
  /** The terms of the chain that the owner has read and accepts: needed once per account. */
  readonly terms?: { readonly link: string; readonly hash: string } | undefined;
}

/** What it takes. Amounts in the chain's smallest unit. */
export interface AnnouncementPlan {
  /** What the node calls the chain. */
  readonly chain: string;
  /** The twin's account (SS58), from which it is paid. */
  readonly account: string;
  readonly free: bigint;
  /** In this order; none: the chain says so already, or has nothing to take away. */
  readonly steps: readonly { readonly call: ChainCall["name"]; readonly fee: bigint }[];
  readonly fee: bigint;
}

/** What announcing needs. */
export interface AnnounceParts {
  readonly link: Pick<ChainLink, "ask">;
  readonly identity: Identity;
}

const TERMS = /^[!-~]+$/u;

/** What {@link announceRelay} would do, and cost. Nothing is signed. Throws `TWIN_INPUT_INVALID`, `TWIN_CHAIN_*`. */
export async function planAnnouncement(parts: AnnounceParts, wanted: Announcement): Promise<AnnouncementPlan> {
  const { link, identity } = parts;
  const account = await readAccount(parts);
  const steps: { call: ChainCall["name"]; fee: bigint }[] = [];
  for (const call of callsFor(identity, account, wanted)) {
    const fee = await link.ask("fee", { transaction: unsignedCall(identity.id, call, account) });
    steps.push({ call: call.name, fee });
  }
  const { chain, free } = account;
  const fee = steps.reduce((sum, step) => sum + step.fee, 0n);
  return { chain, account: accountAddressOf(identity.id), free, steps, fee };
}

/**
 * Signs and submits one transaction after the other, each when the one before is final, and reports how many
 * are. Throws as {@link planAnnouncement}; what is final by then stays, and the same again goes on from there.
 */
export async function announceRelay(
  parts: AnnounceParts,
  wanted: Announcement,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const { link, identity } = parts;
  const { free, fee, account: address } = await planAnnouncement(parts, wanted);
  if (free < fee)
    throw new TwinError(
      "TWIN_CHAIN_REFUSED",
      `The account ${address} has ${free} units of the ${fee} that this costs: send TFT there first. Nothing was signed.`,
    );
  let account = await readAccount(parts);
  const calls = callsFor(identity, account, wanted);
  for (const [index, call] of calls.entries()) {
    if (index > 0) account = await readAccount(parts);
    await link.ask("submit", { transaction: signCall(identity, call, account) });
    onProgress?.(index + 1, calls.length);
  }
}

function readAccount({ link, identity }: AnnounceParts): Promise<ChainAccount> {
  return link.ask("account", { account: publicKeyOf(identity.id) });
}

function callsFor(identity: Identity, account: ChainAccount, { relay, terms }: Announcement): ChainCall[] {
  if (relay === undefined) return account.hasTwin ? [{ name: "update_twin" }] : [];
  const name = parseRelayName(relay);
  if (name === undefined)
    throw new TwinError(
      "TWIN_INPUT_INVALID",
      "A relay is a public DNS name such as twin.example.org, without a scheme, a port or a path.",
    );
  const entry = { relay: name, pk: identity.agreementKey };
  if (account.hasTwin) return [{ name: "update_twin", ...entry }];
  const create = { name: "create_twin", ...entry } as const;
  return account.hasAcceptedTerms ? [create] : [acceptance(terms), create];
}

function acceptance(terms: Announcement["terms"]): ChainCall {
  if (terms === undefined)
    throw new TwinError(
      "TWIN_INPUT_INVALID",
      "This account has not accepted the terms of the chain yet: read them, then say which by --terms-link and --terms-hash.",
    );
  for (const text of [terms.link, terms.hash]) {
    if (TERMS.test(text) && text.length <= LIMITS.phonebook.termsLength) continue;
    const expected = `1 to ${LIMITS.phonebook.termsLength} printable characters without spaces`;
    throw new TwinError("TWIN_INPUT_INVALID", `The link and the hash of the terms have ${expected} each.`);
  }
  return { name: "user_accept_tc", documentLink: terms.link, documentHash: terms.hash };
}
