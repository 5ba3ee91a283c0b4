// One-to-one chat. What a peer's twin says is a stranger's word: every method of theirs touches the
// conversation with the proven caller alone.

import { caller, emit, fail, nowMs, params, randomId, reply, require, send } from "twin";
import {
  Conversation,
  Message,
  conversationWith,
  findMessage,
  listConversations,
  pageOf,
  saveConversation,
  saveMessage,
  Summary,
} from "./store";

const TEXT_BYTES_MAX = 16384;

@json
class PostParams {
  to: string = "";
  text: string = "";
  id: string = "";
}

@json
class ReceiveParams {
  id: string = "";
  text: string = "";
  atMs: i64 = 0;
}

@json
class DeliveredParams {
  ids: string[] = [];
}

@json
class SeenParams {
  upTo: string = "";
}

@json
class MarkReadParams {
  peer: string = "";
  upTo: string = "";
}

@json
class MessagesParams {
  peer: string = "";
  before: i64 = i64.MAX_VALUE;
  limit: i32 = 50;
}

@json
class Nothing {}

@json
class Unread {
  unread: i64 = 0;
}

@json
class Conversations {
  conversations: Summary[] = [];
}

@json
class MessageEvent {
  message: Message = new Message();
}

@json
class StateEvent {
  peer: string = "";
  ids: string[] = [];
  state: string = "";
  /** Sequence of the last message that this speaks of. */
  upTo: i64 = 0;
}

@json
class ReadEvent {
  peer: string = "";
  upTo: i64 = 0;
  unread: i64 = 0;
}

// The owner's side.

export function post(address: i32, size: i32): i64 {
  const asked = params<PostParams>(address, size);
  require(asked.to != caller().self, "self", "This is your own twin; write to somebody else's.");
  checkText(asked.text);
  const conversation = conversationWith(asked.to);
  const id = asked.id == "" ? randomId() : asked.id;
  const repeated = findMessage(conversation, true, id);
  if (repeated !== null) return reply(repeated);

  const message = saveMessage(conversation, newMessage(id, asked.text, true, nowMs()));
  const parcel = new ReceiveParams();
  parcel.id = id;
  parcel.text = asked.text;
  parcel.atMs = message.atMs;
  send(asked.to, "chat", "receive", parcel);
  announce(message);
  return reply(message);
}

export function mark_read(address: i32, size: i32): i64 {
  const asked = params<MarkReadParams>(address, size);
  const conversation = conversationWith(asked.peer);
  const message = findMessage(conversation, false, asked.upTo);
  if (message === null) fail("unknown-message", "There is no message of this id from this peer.");
  if (message!.sequence > conversation.readUpTo) {
    conversation.readUpTo = message!.sequence;
    conversation.unread = conversation.received - message!.ordinal;
    saveConversation(conversation);
    const parcel = new SeenParams();
    parcel.upTo = asked.upTo;
    send(asked.peer, "chat", "seen", parcel);
    const event = new ReadEvent();
    event.peer = asked.peer;
    event.upTo = conversation.readUpTo;
    event.unread = conversation.unread;
    emit("chat.read", event);
  }
  const answer = new Unread();
  answer.unread = conversation.unread;
  return reply(answer);
}

export function conversations(_address: i32, _size: i32): i64 {
  const answer = new Conversations();
  answer.conversations = listConversations();
  return reply(answer);
}

export function messages(address: i32, size: i32): i64 {
  const asked = params<MessagesParams>(address, size);
  return reply(pageOf(conversationWith(asked.peer), asked.before, asked.limit));
}

// The peers' side.

export function receive(address: i32, size: i32): i64 {
  const asked = params<ReceiveParams>(address, size);
  const conversation = conversationWith(callingPeer());
  checkText(asked.text);
  if (findMessage(conversation, false, asked.id) !== null) return reply(new Nothing());

  // A peer's clock may be wrong: nothing comes from the future.
  const atMs = min(asked.atMs, nowMs());
  const message = saveMessage(conversation, newMessage(asked.id, asked.text, false, atMs));
  announce(message);
  const parcel = new DeliveredParams();
  parcel.ids = [asked.id];
  send(conversation.peer, "chat", "delivered", parcel);
  return reply(new Nothing());
}

export function delivered(address: i32, size: i32): i64 {
  const asked = params<DeliveredParams>(address, size);
  const conversation = conversationWith(callingPeer());
  const event = new StateEvent();
  for (let index = 0; index < asked.ids.length; index++) {
    const message = findMessage(conversation, true, asked.ids[index]);
    if (message === null || message.state != "queued") continue;
    message.state = "delivered";
    saveMessage(conversation, message);
    event.ids.push(message.id);
    event.upTo = max(event.upTo, message.sequence);
  }
  if (event.ids.length > 0) announceState(event, conversation, "delivered");
  return reply(new Nothing());
}

export function seen(address: i32, size: i32): i64 {
  const asked = params<SeenParams>(address, size);
  const conversation = conversationWith(callingPeer());
  const message = findMessage(conversation, true, asked.upTo);
  if (message === null || message.sequence <= conversation.peerReadUpTo) return reply(new Nothing());
  // Who has read it has got it, also when its own mark is still on the way.
  message.state = "delivered";
  saveMessage(conversation, message);
  conversation.peerReadUpTo = message.sequence;
  saveConversation(conversation);
  const event = new StateEvent();
  event.ids = [message.id];
  event.upTo = message.sequence;
  announceState(event, conversation, "read");
  return reply(new Nothing());
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
  emit("chat.message", event);
}

function announceState(event: StateEvent, conversation: Conversation, state: string): void {
  event.peer = conversation.peer;
  event.state = state;
  emit("chat.state", event);
}
