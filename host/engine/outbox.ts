// Messages on their way to other twins, in order per peer, until their receivers have spoken; and
// the refused ones, parked for the owner to see.

import { jsonDecode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import type { ErrorWire } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { SnapshotStateStore, StateKey, StateStore, StateWrite } from "../state/state-store.ts";
import type { OutboxPage, OutboxQuery, OutgoingMessage, ParkedMessage, Settlement } from "./engine.ts";
import { packPage } from "./outbox-page.ts";
import { FIRST_KEY, ownedKeys, rowValue } from "./row-key.ts";

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

/**
 * The outbox of one twin. It makes writes; its user commits them, with what {@link Outbox.drain} gives in the same
 * record, and calls `reload` when that failed.
 */
export interface Outbox {
  /** Numbers the messages per peer, in order. */
  append(drafts: readonly MessageDraft[], nowMs: number): StateWrite[];
  /** Messages waiting, of all peers. */
  length(): number;
  /** Refused messages that are kept. */
  parkedCount(): number;
  /** Peers with messages waiting, and how many. */
  peers(): ReadonlyMap<string, number>;
  /** The oldest durable messages for `peer` behind `afterSequence`, in order: undefined when there is none, and no more than a page may hold. */
  page(peer: string, query: OutboxQuery): OutboxPage | undefined;
  /** Takes the first messages out, the refused ones to the parked. Nothing to write for messages that are gone. */
  settle(peer: string, settlement: Settlement, nowMs: number): StateWrite[];
  /** How the peers stand whose messages have changed: a row for each peer, and not one for each message. */
  drain(): StateWrite[];
  /** Newest last. */
  parked(): ParkedMessage[];
  reload(): void;
}

/** The outbox over the tables of `store`. */
export function createOutbox(store: Pick<SnapshotStateStore, "scan" | "durable">): Outbox {
  let peers = readPeers(store);
  let length = lengthOf(peers);
  /** Peers whose row is not written. */
  const changed = new Set<string>();
  let parkedCount: number | undefined;
  const peerOf = (peer: string): PeerRow => peers.get(peer) ?? NEW_PEER;
  const setPeer = (peer: string, row: PeerRow): void => {
    length += row.waiting - peerOf(peer).waiting;
    peers.set(peer, row);
    changed.add(peer);
  };
  return {
    append: (drafts, nowMs) =>
      drafts.map(({ peer, capability, method, payload, trace }) => {
        const { nextSequence, waiting } = peerOf(peer);
        setPeer(peer, { nextSequence: nextSequence + 1, waiting: waiting + 1 });
        const row: MessageRow = {
          peer,
          sequence: nextSequence,
          capability,
          method,
          payload: utf8Decode(payload),
          queuedAtMs: nowMs,
          trace,
        };
        return { namespace: MESSAGES, key: ownedKeys(peer)(nextSequence), value: rowValue(row) };
      }),
    length: () => length,
    parkedCount: () => (parkedCount ??= readParked(store).length),
    peers: () => new Map([...peers].flatMap(([peer, { waiting }]) => (waiting > 0 ? [[peer, waiting]] : []))),
    page: (peer, { afterSequence = 0, limit }) => {
      const { nextSequence, waiting } = peerOf(peer);
      const first = Math.max(nextSequence - waiting, afterSequence + 1);
      const count = Math.min(limit, LIMITS.engine.pageLength, nextSequence - first);
      const messages = readMessages(store, peer, { first, count });
      return messages.length === 0 ? undefined : packPage(messages);
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
      setPeer(peer, { nextSequence, waiting: nextSequence - 1 - last });
      if (parking.length === 0) return gone;
      parkedCount = undefined;
      return [...gone, ...park(store, parking)];
    },
    drain: () => {
      const rows = [...changed].map((peer) => {
        return { namespace: PEERS, key: utf8Encode(peer), value: rowValue(peerOf(peer)) };
      });
      changed.clear();
      return rows;
    },
    parked: () => readParked(store),
    reload: () => {
      peers = readPeers(store);
      length = lengthOf(peers);
      changed.clear();
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

/** So many from `first` on, fewer when they are not durable or would be more than a page may hold. */
function readMessages(
  store: Pick<SnapshotStateStore, "durable">,
  peer: string,
  { first, count }: { readonly first: number; readonly count: number },
): OutgoingMessage[] {
  const messages: OutgoingMessage[] = [];
  const keyOf = ownedKeys(peer);
  for (let sizeBytes = 0; messages.length < count && sizeBytes < LIMITS.engine.outboxPageSizeBytes;) {
    const message = readMessage(store, keyOf(first + messages.length));
    if (message === undefined) break;
    messages.push(message);
    sizeBytes += message.payload.length;
  }
  return messages;
}

/** Durable ones only: what a peer is told must never be taken back, least of all its number. */
function readMessage(store: Pick<SnapshotStateStore, "durable">, key: Uint8Array): OutgoingMessage | undefined {
  const value = store.durable.get({ namespace: MESSAGES, key });
  if (value === undefined) return undefined;
  const row = jsonDecode(value) as MessageRow;
  // Bytes of the pool, as all of them are copied soon.
  return { ...row, payload: Buffer.from(row.payload) };
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
    ...messages.map((message) => ({ ...parkedKey(message), value: rowValue(message) })),
  ];
}

function lengthOf(peers: ReadonlyMap<string, PeerRow>): number {
  return [...peers.values()].reduce((length, { waiting }) => length + waiting, 0);
}
