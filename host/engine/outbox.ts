// Messages on their way to other twins, in order per peer, until their receivers have spoken; and
// the refused ones, parked for the owner to see.

import { jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import type { ErrorWire } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { SnapshotStateStore, StateKey, StateStore, StateWrite } from "../state/state-store.ts";
import type { OutboxQuery, OutgoingMessage, ParkedMessage, Settlement } from "./engine.ts";
import { FIRST_KEY, ownedKeys } from "./row-key.ts";

const MESSAGES = "$outbox";
const PEERS = "$outbox-peers";
const PARKED = "$parked";

/** A message before it has a number. `payload` is UTF-8 JSON. */
export interface MessageDraft {
  readonly peer: string;
  readonly capability: string;
  readonly method: string;
  readonly payload: Uint8Array;
  /** `traceparent` of the command. */
  readonly trace?: string | undefined;
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
  /** Peers with messages waiting, and how many. */
  peers(): ReadonlyMap<string, number>;
  /** The oldest durable messages for `peer` behind `afterSequence`, in order: at least one when there is one, and no more than a page may hold. */
  list(peer: string, query: OutboxQuery): OutgoingMessage[];
  /** Takes the first messages out, the refused ones to the parked. Nothing to write for messages that are gone. */
  settle(peer: string, settlement: Settlement, nowMs: number): StateWrite[];
  /** Newest last. */
  parked(): ParkedMessage[];
  reload(): void;
}

/** The outbox over the tables of `store`. */
export function createOutbox(store: Pick<SnapshotStateStore, "scan" | "durable">): Outbox {
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
      const rows = drafts.map(({ peer, capability, method, payload, trace }) => {
        const { nextSequence, waiting } = peerOf(peer);
        changed.set(peer, setPeer(peer, { nextSequence: nextSequence + 1, waiting: waiting + 1 }));
        const row: MessageRow = {
          peer,
          sequence: nextSequence,
          capability,
          method,
          payload: utf8Decode(payload),
          queuedAtMs: nowMs,
          trace,
        };
        return { namespace: MESSAGES, key: ownedKeys(peer)(nextSequence), value: jsonEncode(row) };
      });
      return [...rows, ...changed.values()];
    },
    length: () => length,
    parkedCount: () => (parkedCount ??= readParked(store).length),
    peers: () => new Map([...peers].flatMap(([peer, { waiting }]) => (waiting > 0 ? [[peer, waiting]] : []))),
    list: (peer, { afterSequence = 0, limit }) => {
      const { nextSequence, waiting } = peerOf(peer);
      const first = Math.max(nextSequence - waiting, afterSequence + 1);
      const count = Math.min(limit, LIMITS.engine.pageLength, nextSequence - first);
      const messages: OutgoingMessage[] = [];
      const keyOf = ownedKeys(peer);
      for (let sizeBytes = 0; messages.length < count && sizeBytes < LIMITS.engine.outboxPageSizeBytes;) {
        const message = readMessage(store, keyOf(first + messages.length));
        if (message === undefined) break;
        messages.push(message);
        sizeBytes += message.payload.length;
      }
      return messages;
    },
    settle: (peer, { throughSequence, refused }, nowMs) => {
      const { nextSequence, waiting } = peerOf(peer);
      const first = nextSequence - waiting;
      const last = Math.min(throughSequence, nextSequence - 1);
      if (last < first) return [];
      const keys = Array.from({ length: last - first + 1 }, (_, index) => first + index).map(ownedKeys(peer));
      const parking = refused
        .filter(({ sequence }) => sequence >= first && sequence <= last)
        .map(({ sequence, error }) => parkedMessage(readMessage(store, keys[sequence - first]!)!, error, nowMs));
      const gone = keys.map((key): StateWrite => ({ namespace: MESSAGES, key, value: undefined }));
      const row = setPeer(peer, { nextSequence, waiting: nextSequence - 1 - last });
      if (parking.length === 0) return [...gone, row];
      parkedCount = undefined;
      return [...gone, row, ...park(store, parking)];
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

/** Durable ones only: what a peer is told must never be taken back, least of all its number. */
function readMessage(store: Pick<SnapshotStateStore, "durable">, key: Uint8Array): OutgoingMessage | undefined {
  const value = store.durable.get({ namespace: MESSAGES, key });
  if (value === undefined) return undefined;
  const row = jsonDecode(value) as MessageRow;
  return { ...row, payload: utf8Encode(row.payload) };
}

function parkedMessage(message: OutgoingMessage, error: ErrorWire, nowMs: number): ParkedMessage {
  const { peer, sequence, capability, method } = message;
  // The receiver's words, as long as our own may be.
  const [code, text] = [error.code, error.message].map((words) => words.slice(0, LIMITS.engine.failMessageSizeBytes));
  return { peer, sequence, capability, method, code: code!, message: text!, parkedAtMs: nowMs };
}

function parkedKey({ peer, sequence }: ParkedMessage): StateKey {
  return { namespace: PARKED, key: ownedKeys(peer)(sequence) };
}

/** The writes that park, and those that make room: all of them fit. */
function park(store: Pick<StateStore, "scan">, messages: readonly ParkedMessage[]): StateWrite[] {
  const parked = readParked(store);
  const tooMany = Math.max(0, parked.length + messages.length - LIMITS.engine.parkedKept);
  return [
    ...parked.slice(0, tooMany).map((message) => ({ ...parkedKey(message), value: undefined })),
    ...messages.map((message) => ({ ...parkedKey(message), value: jsonEncode(message) })),
  ];
}

function lengthOf(peers: ReadonlyMap<string, PeerRow>): number {
  return [...peers.values()].reduce((length, { waiting }) => length + waiting, 0);
}
