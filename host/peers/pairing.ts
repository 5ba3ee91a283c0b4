// Pairing over one stream: both sides prove their twins, then that they know the invite's secret,
// without telling it, then swap signed records (docs/formats/peer-protocol.md, "Pairing").

import { base64UrlDecode, base64UrlEncode, equalBytes, equalSecrets, jsonDecode, jsonEncode } from "../base/bytes.ts";
import { errorFromWire, toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Identity } from "../identity/identity.ts";
import type { TwinId } from "../identity/twin-id.ts";
import type { SignedTwinRecord } from "../phonebook/phonebook.ts";
import { decodeTwinRecord } from "../phonebook/twin-record.ts";
import type { Frames } from "./frame-stream.ts";
import type { InviteBook } from "./invite-book.ts";
import { type InviteContent, inviteId, inviteProof, twinHash } from "./invite-code.ts";
import { type Ends, type ProvenEnds, proveTwins, statement } from "./twin-proof.ts";

/** Name of the libp2p protocol. */
export const PAIR_PROTOCOL = "/twin/pair/1";

/** A record in base64 and a few short fields. */
const FRAME_SIZE_BYTES = LIMITS.phonebook.recordSizeBytes * 2;

/** What both sides bring to a pairing. */
export interface PairingParts {
  readonly identity: Identity;
  readonly random: Random;
  ownRecord(): Promise<SignedTwinRecord>;
  /** Makes the other twin a contact; durable when it resolves. May be called again for the same twin. */
  welcome(twin: TwinId, record: SignedTwinRecord): Promise<void>;
}

/** The acceptor's side. Returns the twin that is now a contact. Throws `TWIN_INVITE_*` or `TWIN_PEER_*`. */
export async function acceptInvite(
  frames: Frames,
  ends: Ends,
  invite: InviteContent,
  parts: PairingParts,
): Promise<TwinId> {
  const proven = await proveTwins(frames, ends, parts.identity, parts.random).catch((thrown: unknown) => {
    throw toTwinError(thrown).code === "TWIN_PEER_UNKNOWN" ? otherTwin() : thrown;
  });
  if (!equalBytes(twinHash(proven.remote.twin), invite.twinHash)) throw otherTwin();
  const binding = statement(ends.protocol, proven.local, proven.remote);
  frames.limitFrames(FRAME_SIZE_BYTES);
  await frames.send(
    jsonEncode({
      invite: base64UrlEncode(inviteId(invite.secret)),
      proof: base64UrlEncode(inviteProof(invite.secret, "acceptor", binding)),
      record: base64UrlEncode(await parts.ownRecord()),
    }),
  );
  const answer = decodeFields(await frames.receive());
  if (answer.error !== undefined) throw refusalOf(answer.error);
  if (!equalSecrets(decodeBytes(answer.proof), inviteProof(invite.secret, "inviter", binding)))
    throw new TwinError("TWIN_PEER_IMPOSTOR", "The other twin cannot prove to have made this invite.");
  await welcomeProven(proven, decodeBytes(answer.record), parts);
  return proven.remote.twin;
}

/** The inviter's side. A refusal is told to the other side, then thrown. Returns the twin that is now a contact. */
export async function answerAcceptor(
  frames: Frames,
  ends: Ends,
  invites: InviteBook,
  parts: PairingParts,
): Promise<TwinId> {
  const proven = await proveTwins(frames, ends, parts.identity, parts.random);
  const binding = statement(ends.protocol, proven.remote, proven.local);
  frames.limitFrames(FRAME_SIZE_BYTES);
  const request = decodeFields(await frames.receive());
  const [id, proof, record] = [request.invite, request.proof, request.record].map(decodeBytes);
  try {
    const secret = await invites.redeem(id!, proven.remote.twin, (secret) =>
      equalSecrets(proof!, inviteProof(secret, "acceptor", binding)),
    );
    await welcomeProven(proven, record!, parts);
    await frames.send(
      jsonEncode({
        proof: base64UrlEncode(inviteProof(secret, "inviter", binding)),
        record: base64UrlEncode(await parts.ownRecord()),
      }),
    );
  } catch (thrown) {
    const error = toTwinError(thrown);
    await frames.send(jsonEncode({ error: error.toWire() }));
    throw error;
  }
  return proven.remote.twin;
}

function otherTwin(): TwinError {
  return new TwinError("TWIN_INVITE_INVALID", "Another twin answers at the address of this invite; ask for a new one.");
}

/** A record speaks for its own twin alone: one of a third twin is refused. */
async function welcomeProven(proven: ProvenEnds, record: SignedTwinRecord, parts: PairingParts): Promise<void> {
  if (decodeTwinRecord(record).twin !== proven.remote.twin)
    throw new TwinError("TWIN_RECORD_INVALID", "The other twin sent the record of a third one.");
  await parts.welcome(proven.remote.twin, record);
}

/** What a refusal may say: reasons of pairing, nothing else that the other side likes to claim. */
function refusalOf(wire: unknown): TwinError {
  const { code, message, details } = errorFromWire(wire);
  const ours = code.startsWith("TWIN_INVITE_") || code === "TWIN_RECORD_INVALID";
  return ours
    ? new TwinError(code, message.slice(0, 300), details)
    : new TwinError("TWIN_PEER_PROTOCOL", "The other twin could not complete the pairing; try the invite again.");
}

function decodeFields(frame: Uint8Array): Readonly<Partial<Record<string, unknown>>> {
  let fields: unknown;
  try {
    fields = jsonDecode(frame);
  } catch {
    throw malformed();
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) throw malformed();
  return fields as Readonly<Record<string, unknown>>;
}

function decodeBytes(text: unknown): Uint8Array {
  if (typeof text !== "string") throw malformed();
  try {
    return base64UrlDecode(text);
  } catch {
    throw malformed();
  }
}

function malformed(): TwinError {
  return new TwinError("TWIN_PEER_PROTOCOL", "The other host sent something that is not part of a pairing.");
}
