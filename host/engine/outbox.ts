// Messages on their way to other twins, in order per peer, until their receivers have spoken; and
// the refused ones, parked for the owner to see.

import { jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import type { StateStore, StateWrite } from "../state/state-store.ts";
import type { Delivery, OutgoingMessage, ParkedMessage } from "./engine.ts";
import { FIRST_KEY, ownedKey, ownedRange } from "./row-key.ts";

const MESSAGES = "$outbox";
const PEERS = "$outbox-peers";
const PARKED = "$parked";

/** A message before it has a number. `payload` is UTF-8 JSON. */
export interface MessageDraft {
  readonly peer: string;
  readonly capability: string;
  readonly method: string;
  readonly payload: Uint8Array;
}

interface PeerRow {
  readonly nextSequence: number;
  readonly waiting: number;
}

interface MessageRow extends Omit<OutgoingMessage, "payload"> {
  /** JSON text. */
  readonly payload: string;
}

const NEW_PEER: PeerRow = { nextSequence: 1, waiting: 0 };

/** The outbox of one twin. It makes writes; its user commits them, and calls `reload` when that failed. */
export interface Outbox {
  /** Numbers the messages per peer, in order. */
  append(drafts: readonly MessageDraft[], nowMs: number): StateWrite[];
  /** Messages waiting, of all peers. */
  length(): number;
  /** Refused messages that are kept. */
  parkedCount(): number;
  /** Peers with messages waiting. */
  peers(): string[];
  /** The oldest messages for `peer`, in order. */
  list(peer: string, limit: number): OutgoingMessage[];
  /** Takes the message out, to the parked ones when it was refused. Nothing to write for a gap or a message that is gone. */
  settle(
    message: { readonly peer: string; readonly sequence: number },
    delivery: Delivery,
    nowMs: number,
  ): StateWrite[];
  /** Newest last. */
  parked(): ParkedMessage[];
  reload(): void;
}

/** The outbox over the tables of `store`. */
export function createOutbox(store: Pick<StateStore, "get" | "scan">): Outbox {
  let peers = readPeers(store);
  let length = lengthOf(peers);
  let parkedCount: number | undefined;
  const peerOf = (peer: string): PeerRow => peers.get(peer) ?? NEW_PEER;
  const setPeer = (peer: string, row: PeerRow): StateWrite => {
    length += row.waiting - peerOf(peer).waiting;
    peers.set(peer, row);
    return { namespace: PEERS, key: utf8Encode(peer), value: jsonEncode(row) };
  };
  return {
    append: (drafts, nowMs) => {
      const changed = new Map<string, StateWrite>();
      const rows = drafts.map(({ peer, capability, method, payload }) => {
        const { nextSequence, waiting } = peerOf(peer);
        changed.set(peer, setPeer(peer, { nextSequence: nextSequence + 1, waiting: waiting + 1 }));
        const row: MessageRow = {
          peer,
          sequence: nextSequence,
          capability,
          method,
          payload: utf8Decode(payload),
          queuedAtMs: nowMs,
        };
        return { namespace: MESSAGES, key: ownedKey(peer, nextSequence), value: jsonEncode(row) };
      });
      return [...rows, ...changed.values()];
    },
    length: () => length,
    parkedCount: () => (parkedCount ??= readParked(store).length),
    peers: () => [...peers].filter(([, { waiting }]) => waiting > 0).map(([peer]) => peer),
    list: (peer, limit) => {
      const count = Math.min(limit, LIMITS.engine.pageLength);
      const entries = store.scan({ namespace: MESSAGES, ...ownedRange(peer), limit: count });
      return entries.map((entry) => {
        const row = jsonDecode(entry.value) as MessageRow;
        return { ...row, payload: utf8Encode(row.payload) };
      });
    },
    settle: ({ peer, sequence }, delivery, nowMs) => {
      const at = { namespace: MESSAGES, key: ownedKey(peer, sequence) };
      const value = delivery.status === "gap" ? undefined : store.get(at);
      if (value === undefined) return [];
      const { nextSequence, waiting } = peerOf(peer);
      const writes = [{ ...at, value: undefined }, setPeer(peer, { nextSequence, waiting: waiting - 1 })];
      if (delivery.status !== "refused") return writes;
      const { capability, method } = jsonDecode(value) as MessageRow;
      // The receiver's words, as long as our own may be.
      const [code, message] = [delivery.error.code, delivery.error.message].map((text) =>
        text.slice(0, LIMITS.engine.failMessageSizeBytes),
      ) as [string, string];
      parkedCount = undefined;
      return [...writes, ...park(store, { peer, sequence, capability, method, code, message, parkedAtMs: nowMs })];
    },
    parked: () => readParked(store),
    reload: () => {
      peers = readPeers(store);
      length = lengthOf(peers);
      parkedCount = undefined;
    },
  };
}

function readPeers(store: Pick<StateStore, "scan">): Map<string, PeerRow> {
  const entries = store.scan({ namespace: PEERS, start: FIRST_KEY, limit: Number.MAX_SAFE_INTEGER });
  return new Map(entries.map((entry) => [utf8Decode(entry.key), jsonDecode(entry.value) as PeerRow]));
}

/** Oldest first. */
function readParked(store: Pick<StateStore, "scan">): ParkedMessage[] {
  return store
    .scan({ namespace: PARKED, start: FIRST_KEY, limit: LIMITS.engine.parkedKept })
    .map((entry) => jsonDecode(entry.value) as ParkedMessage)
    .toSorted((left, right) => left.parkedAtMs - right.parkedAtMs);
}

/** The write that parks, and the one that makes room for it. */
function park(store: Pick<StateStore, "scan">, message: ParkedMessage): StateWrite[] {
  const parked = readParked(store);
  const oldest = parked.length >= LIMITS.engine.parkedKept ? parked.slice(0, 1) : [];
  return [
    ...oldest.map(({ peer, sequence }) => ({ namespace: PARKED, key: ownedKey(peer, sequence), value: undefined })),
    { namespace: PARKED, key: ownedKey(message.peer, message.sequence), value: jsonEncode(message) },
  ];
}

function lengthOf(peers: ReadonlyMap<string, PeerRow>): number {
  return [...peers.values()].reduce((length, { waiting }) => length + waiting, 0);
}
