// What chat keeps, and where:
//   c/<peer>                     Conversation, with a preview of its last message
//   m/<peer>/<sequence, 16 hex>  StoredMessage; sequences grow by one per conversation, in order of arrival
//   i/<peer>/o<id>, i/<peer>/i<id>  sequence of the outgoing or incoming message of that id

import { kv } from "twin";

const PREVIEW_LENGTH = 140;
const CONVERSATIONS_MAX = 500;
/** A page's text stays well below the payload limit of 1 MiB, also when every character needs an escape. */
const PAGE_BYTES_MAX = 384 * 1024;
const SCAN_COUNT = 16;

@oneOf("queued", "delivered", "read")
type State = string;

/** A message as callers see it. */
@json
export class Message {
  id: string = "";
  peer: string = "";
  outgoing: bool = false;
  text: string = "";
  atMs: i64 = 0;
  sequence: i64 = 0;
  state: State = "";
  // Of an incoming message: how many came before it from this peer, itself included.
  @omit
  ordinal: i64 = 0;
}

@json
class StoredMessage {
  id: string = "";
  outgoing: bool = false;
  text: string = "";
  atMs: i64 = 0;
  sequence: i64 = 0;
  ordinal: i64 = 0;
  delivered: bool = false;
}

@json
export class Conversation {
  peer: string = "";
  /** The last message, its text cut to a preview: listing conversations never reads whole texts. */
  last: StoredMessage = new StoredMessage();
  /** Of the last message. */
  sequence: i64 = 0;
  /** Incoming messages ever. */
  received: i64 = 0;
  unread: i64 = 0;
  /** Sequence up to which the owner has read. */
  readUpTo: i64 = 0;
  /** Sequence up to which the peer has read. */
  peerReadUpTo: i64 = 0;
}

@json
export class Summary {
  peer: string = "";
  last: Message = new Message();
  unread: i64 = 0;
}

@json
export class Page {
  messages: Message[] = [];
  more: bool = false;
}

/** The conversation with `peer`, an empty one when there is none. */
export function conversationWith(peer: string): Conversation {
  const kept = kv.read<Conversation>("c/" + peer);
  if (kept !== null) return kept;
  const fresh = new Conversation();
  fresh.peer = peer;
  return fresh;
}

export function saveConversation(conversation: Conversation): void {
  kv.write("c/" + conversation.peer, conversation);
}

/** Writes a message; a fresh one (sequence 0) gets the next place in its conversation. */
export function saveMessage(conversation: Conversation, message: Message): Message {
  if (message.sequence == 0) append(conversation, message);
  const stored = storedForm(message);
  kv.write(messageKey(conversation.peer, message.sequence), stored);
  if (message.sequence == conversation.sequence) {
    stored.text = preview(stored.text);
    conversation.last = stored;
    saveConversation(conversation);
  }
  return message;
}

function storedForm(message: Message): StoredMessage {
  const stored = new StoredMessage();
  stored.id = message.id;
  stored.outgoing = message.outgoing;
  stored.text = message.text;
  stored.atMs = message.atMs;
  stored.sequence = message.sequence;
  stored.ordinal = message.ordinal;
  stored.delivered = message.state != "queued";
  return stored;
}

function append(conversation: Conversation, message: Message): void {
  conversation.sequence += 1;
  if (!message.outgoing) {
    conversation.received += 1;
    conversation.unread += 1;
  }
  message.peer = conversation.peer;
  message.sequence = conversation.sequence;
  message.ordinal = conversation.received;
  kv.put(idKey(conversation.peer, message.outgoing, message.id), message.sequence.toString());
}

/** The message of that id and direction, or null. */
export function findMessage(conversation: Conversation, outgoing: bool, id: string): Message | null {
  const sequence = kv.get(idKey(conversation.peer, outgoing, id));
  return sequence === null ? null : messageAt(conversation, I64.parseInt(sequence));
}

/** The newest messages below `before`, at most `limit` and as many as fit into an answer, in order. */
export function pageOf(conversation: Conversation, before: i64, limit: i32): Page {
  const page = new Page();
  const prefix = "m/" + conversation.peer + "/";
  let next = min(before, conversation.sequence + 1);
  let bytes = 0;
  while (next > 1 && page.messages.length < limit) {
    const entries = kv.scanBefore(prefix, messageKey(conversation.peer, next), min(SCAN_COUNT, limit - page.messages.length));
    for (let index = 0; index < entries.length; index++) {
      bytes += entries[index].bytes.byteLength;
      if (bytes > PAGE_BYTES_MAX && page.messages.length > 0) break;
      const message = shown(conversation, entries[index].read<StoredMessage>());
      page.messages.push(message);
      next = message.sequence;
    }
    if (entries.length == 0 || bytes > PAGE_BYTES_MAX) break;
  }
  page.more = page.messages.length > 0 && next > 1;
  page.messages.reverse();
  return page;
}

/** All conversations with their last message, the latest first. */
export function listConversations(): Summary[] {
  const summaries: Summary[] = [];
  const entries = kv.scan("c/", CONVERSATIONS_MAX);
  for (let index = 0; index < entries.length; index++) {
    const conversation = entries[index].read<Conversation>();
    const summary = new Summary();
    summary.peer = conversation.peer;
    summary.last = shown(conversation, conversation.last);
    summary.unread = conversation.unread;
    summaries.push(summary);
  }
  summaries.sort((left, right) => latestFirst(left, right));
  return summaries;
}

function messageAt(conversation: Conversation, sequence: i64): Message | null {
  const stored = kv.read<StoredMessage>(messageKey(conversation.peer, sequence));
  return stored === null ? null : shown(conversation, stored);
}

function shown(conversation: Conversation, stored: StoredMessage): Message {
  const message = new Message();
  message.id = stored.id;
  message.peer = conversation.peer;
  message.outgoing = stored.outgoing;
  message.text = stored.text;
  message.atMs = stored.atMs;
  message.sequence = stored.sequence;
  message.ordinal = stored.ordinal;
  const readUpTo = stored.outgoing ? conversation.peerReadUpTo : conversation.readUpTo;
  // What never arrived stays queued, also when the peer has read what came after it.
  message.state = !stored.delivered ? "queued" : stored.sequence <= readUpTo ? "read" : "delivered";
  return message;
}

function messageKey(peer: string, sequence: i64): string {
  return "m/" + peer + "/" + (<u64>sequence).toString(16).padStart(16, "0");
}

function idKey(peer: string, outgoing: bool, id: string): string {
  return "i/" + peer + "/" + (outgoing ? "o" : "i") + id;
}

function preview(text: string): string {
  if (text.length <= PREVIEW_LENGTH) return text;
  // Never between the halves of a character.
  const unit = text.charCodeAt(PREVIEW_LENGTH - 1);
  const isHigh = unit >= 0xd800 && unit < 0xdc00;
  return text.substring(0, isHigh ? PREVIEW_LENGTH - 1 : PREVIEW_LENGTH);
}

function latestFirst(left: Summary, right: Summary): i32 {
  if (left.last.atMs == right.last.atMs) return left.peer < right.peer ? -1 : 1;
  return left.last.atMs > right.last.atMs ? -1 : 1;
}
