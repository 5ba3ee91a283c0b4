// One-to-one chat. What a peer's twin says is a stranger's word: every method of theirs touches the
// conversation with the proven caller alone.

import { TimeMs, TwinId, caller, emit, fail, nowMs, randomId, require, send } from "twin";
import {
  Conversation,
  Message,
  Page,
  conversationWith,
  findMessage,
  listConversations,
  pageOf,
  saveConversation,
  saveMessage,
  Summary,
} from "./store";

const TEXT_BYTES_MAX = 16384;

@length(1, 16384)
type Text = string;

@pattern("^[A-Za-z0-9_-]{1,64}$", 64)
type MessageId = string;

@range(0)
type Sequence = i64;

@range(1, 200)
type Limit = i32;

/** What goes from twin to twin: a message. */
@json
class Parcel {
  id: MessageId = "";
  text: Text = "";
  atMs: TimeMs = 0;
}

/** What goes back: these have arrived. */
@json
class Arrived {
  @items(1, 32)
  ids: MessageId[] = [];
}

/** What goes back: everything up to this one was read. */
@json
class Seen {
  upTo: MessageId = "";
}

@json
class Unread {
  unread: i64 = 0;
}

@json
class Conversations {
  conversations: Summary[] = [];
}

@event("chat.message")
class MessageEvent {
  message: Message = new Message();
}

@oneOf("delivered", "read")
type Mark = string;

@event("chat.state")
class StateEvent {
  peer: string = "";
  ids: string[] = [];
  state: Mark = "";
  // Sequence of the last message that this speaks of.
  upTo: i64 = 0;
}

@event("chat.read")
class ReadEvent {
  peer: string = "";
  upTo: i64 = 0;
  unread: i64 = 0;
}

// The owner's side.

/** Sends a text to another twin. A repeated id sends nothing and answers with the message that is there. */
@command
export function post(to: TwinId, text: Text, id: MessageId = ""): Message {
  require(to != caller().self, "self", "This is your own twin; write to somebody else's.");
  checkText(text);
  const conversation = conversationWith(to);
  const named = id == "" ? randomId() : id;
  const repeated = findMessage(conversation, true, named);
  if (repeated !== null) return repeated;

  const message = saveMessage(conversation, newMessage(named, text, true, nowMs()));
  const parcel = new Parcel();
  parcel.id = named;
  parcel.text = text;
  parcel.atMs = message.atMs;
  send(to, "chat", "receive", parcel);
  announce(message);
  return message;
}

/** Marks everything that a peer wrote up to this message as read, and tells the peer once. */
@command
export function mark_read(peer: TwinId, upTo: MessageId): Unread {
  const conversation = conversationWith(peer);
  const message = findMessage(conversation, false, upTo);
  if (message === null) fail("unknown-message", "There is no message of this id from this peer.");
  if (message!.sequence > conversation.readUpTo) {
    conversation.readUpTo = message!.sequence;
    conversation.unread = conversation.received - message!.ordinal;
    saveConversation(conversation);
    const mark = new Seen();
    mark.upTo = upTo;
    send(peer, "chat", "seen", mark);
    const event = new ReadEvent();
    event.peer = peer;
    event.upTo = conversation.readUpTo;
    event.unread = conversation.unread;
    emit(event);
  }
  const answer = new Unread();
  answer.unread = conversation.unread;
  return answer;
}

/** All conversations, the latest first. The text of the last message is cut to 140 characters. */
@query
export function conversations(): Conversations {
  const answer = new Conversations();
  answer.conversations = listConversations();
  return answer;
}

/** Messages with a peer in the order of their arrival here: the last ones, or the last ones before a sequence number. The answer may hold fewer than limit while more says that there are older ones. */
@query
export function messages(peer: TwinId, before: Sequence = i64.MAX_VALUE, limit: Limit = 50): Page {
  return pageOf(conversationWith(peer), before, limit);
}

// The peers' side.

/** Called by the twin of a contact: takes a message in. */
@command
@exposeTo("contacts")
export function receive(parcel: Parcel): void {
  const conversation = conversationWith(callingPeer());
  checkText(parcel.text);
  if (findMessage(conversation, false, parcel.id) !== null) return;

  // A peer's clock may be wrong: nothing comes from the future.
  const atMs = min(parcel.atMs, nowMs());
  const message = saveMessage(conversation, newMessage(parcel.id, parcel.text, false, atMs));
  announce(message);
  const arrived = new Arrived();
  arrived.ids = [parcel.id];
  send(conversation.peer, "chat", "delivered", arrived);
}

/** Called by the twin of a contact: these messages to it have arrived there. */
@command
@exposeTo("contacts")
export function delivered(arrived: Arrived): void {
  const conversation = conversationWith(callingPeer());
  const event = new StateEvent();
  for (let index = 0; index < arrived.ids.length; index++) {
    const message = findMessage(conversation, true, arrived.ids[index]);
    if (message === null || message.state != "queued") continue;
    message.state = "delivered";
    saveMessage(conversation, message);
    event.ids.push(message.id);
    event.upTo = max(event.upTo, message.sequence);
  }
  if (event.ids.length > 0) announceState(event, conversation, "delivered");
}

/** Called by the twin of a contact: the messages to it up to this one have been read. */
@command
@exposeTo("contacts")
export function seen(mark: Seen): void {
  const conversation = conversationWith(callingPeer());
  const message = findMessage(conversation, true, mark.upTo);
  if (message === null || message.sequence <= conversation.peerReadUpTo) return;
  // Who has read it has got it, also when its own mark is still on the way.
  message.state = "delivered";
  saveMessage(conversation, message);
  conversation.peerReadUpTo = message.sequence;
  saveConversation(conversation);
  const event = new StateEvent();
  event.ids = [message.id];
  event.upTo = message.sequence;
  announceState(event, conversation, "read");
}

function callingPeer(): string {
  const who = caller();
  require(who.kind == "peer" && who.twin != "", "peers-only", "Only the twin of a contact may call this.");
  return who.twin;
}

function checkText(text: string): void {
  require(text.trim().length > 0, "text-empty", "A message needs some text.");
  const tooLong = String.UTF8.byteLength(text) > TEXT_BYTES_MAX;
  require(!tooLong, "text-too-long", "A message has at most 16 KiB; send a file in place of it.");
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // Line feed and tab are text; the rest would make its JSON six times as long.
    const isControl = (unit < 0x20 && unit != 0x0a && unit != 0x09) || unit == 0x7f;
    require(!isControl, "text-invalid", "A message cannot hold control characters.");
  }
}

function newMessage(id: string, text: string, outgoing: bool, atMs: i64): Message {
  const message = new Message();
  message.id = id;
  message.text = text;
  message.outgoing = outgoing;
  message.atMs = atMs;
  message.state = outgoing ? "queued" : "delivered";
  return message;
}

function announce(message: Message): void {
  const event = new MessageEvent();
  event.message = message;
  emit(event);
}

function announceState(event: StateEvent, conversation: Conversation, state: string): void {
  event.peer = conversation.peer;
  event.state = state;
  emit(event);
}
