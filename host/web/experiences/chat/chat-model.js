// What Chat knows: people, conversations and threads, kept true by the twin's events. What the person has
// sent but the twin has not confirmed stands apart, so that a failure loses no text.

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {string} peer
 * @property {boolean} outgoing
 * @property {string} text
 * @property {number} atMs
 * @property {number} sequence order of arrival at this twin
 * @property {"queued" | "delivered" | "read"} state
 *
 * @typedef {{ id: string, text: string, atMs: number, problem: string | undefined }} Pending sent here, not yet confirmed by the twin
 * @typedef {{ peer: string, last: Message | undefined, unread: number }} Conversation
 *
 * @typedef {object} Thread
 * @property {Message[]} messages in order of arrival
 * @property {Pending[]} pending
 * @property {boolean} more whether there are older ones
 * @property {boolean} loaded
 * @property {boolean} loading
 */

const PAGE_LENGTH = 50;

/** @type {Thread} */
const EMPTY_THREAD = Object.freeze({ messages: [], pending: [], more: false, loaded: false, loading: false });

/** The state of Chat, and all that changes it. */
export class ChatModel {
  /** @type {any} */
  #twin;
  /** @type {Set<() => void>} */
  #watchers = new Set();
  /** @type {Map<string, string>} */
  people = new Map();
  /** @type {Map<string, Conversation>} */
  conversations = new Map();
  /** @type {Map<string, Thread>} */
  threads = new Map();
  /** Text that was typed but not sent. @type {Map<string, string>} */
  drafts = new Map();
  /** @type {string | undefined} */
  selected;
  loaded = false;
  shown = true;
  problem = "";

  /** @param {any} twin the connected client */
  constructor(twin) {
    this.#twin = twin;
    this.shown = twin.shown;
    this.#restore(twin.kept);
    twin.onShown((/** @type {boolean} */ shown) => {
      this.shown = shown;
      this.#changed();
    });
  }

  /** Listens first, then reads: nothing falls between. */
  async start() {
    try {
      const reload = { onGap: () => void this.reload() };
      await this.#twin.on("chat", (/** @type {any} */ event) => this.#take(event), reload);
      await this.#twin.on("contacts", () => void this.#loadPeople(), reload);
      await this.reload();
      for (const [peer, { pending }] of this.threads) for (const item of pending) this.retry(peer, item);
    } catch (error) {
      this.#tell(error);
    }
  }

  /** What was typed, sent or not, outlives a connection that broke: it is kept outside of this frame. */
  #keep() {
    const pending = [...this.threads]
      .filter(([, thread]) => thread.pending.length > 0)
      .map(([peer, thread]) => [peer, thread.pending]);
    this.#twin.keep(JSON.stringify({ drafts: [...this.drafts], pending, selected: this.selected }));
  }

  /** @param {string | undefined} kept */
  #restore(kept) {
    if (kept === undefined) return;
    const { drafts, pending, selected } = JSON.parse(kept);
    this.drafts = new Map(drafts);
    for (const [peer, items] of pending) this.threads.set(peer, { ...EMPTY_THREAD, pending: items });
    this.selected = selected;
  }

  /** @param {string} peer @param {string} text what stands in the composer */
  setDraft(peer, text) {
    if (text === "") this.drafts.delete(peer);
    else this.drafts.set(peer, text);
    this.#keep();
  }

  /** @param {() => void} watcher called after each change; returns what ends it */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Reads everything that is shown anew. */
  async reload() {
    try {
      await Promise.all([this.#loadPeople(), this.#loadConversations()]);
      this.loaded = true;
      if (this.selected) await this.#loadThread(this.selected);
      this.#changed();
    } catch (error) {
      this.#tell(error);
    }
  }

  /** Everyone there is something to say to: conversations by time, then the other contacts by name. @returns {Conversation[]} */
  list() {
    const others = [...this.people.keys()].filter((peer) => !this.conversations.has(peer));
    return [
      ...[...this.conversations.values()].toSorted((a, b) => (b.last?.atMs ?? 0) - (a.last?.atMs ?? 0)),
      ...others
        .toSorted((a, b) => this.nameOf(a).localeCompare(this.nameOf(b)))
        .map((peer) => ({ peer, last: undefined, unread: 0 })),
    ];
  }

  /** @param {string} peer */
  nameOf(peer) {
    return this.people.get(peer) ?? `${peer.slice(8, 16)}…`;
  }

  /** @param {string} peer */
  thread(peer) {
    return this.threads.get(peer) ?? EMPTY_THREAD;
  }

  /** Shows a conversation, or the list alone on a phone. @param {string | undefined} peer */
  select(peer) {
    this.selected = peer;
    this.#keep();
    this.#changed();
    if (peer !== undefined && !this.thread(peer).loaded)
      void this.#loadThread(peer).catch((error) => this.#tell(error));
  }

  /** @param {string} peer */
  async loadOlder(peer) {
    const thread = this.thread(peer);
    const first = thread.messages[0];
    if (!first || !thread.more || thread.loading) return;
    this.#setThread(peer, { loading: true });
    try {
      const { messages, more } = await this.#twin.chat.messages({ peer, before: first.sequence, limit: PAGE_LENGTH });
      this.#setThread(peer, { messages: merge(messages, this.thread(peer).messages), more, loading: false });
    } catch (error) {
      this.#setThread(peer, { loading: false });
      this.#tell(error);
    }
  }

  /** Sends a text: it stands in the thread at once, and says so until the twin has it. @param {string} peer @param {string} text */
  send(peer, text) {
    const pending = { id: freshId(), text, atMs: Date.now(), problem: undefined };
    this.#setThread(peer, { pending: [...this.thread(peer).pending, pending] });
    void this.#post(peer, pending);
  }

  /** The same id again: if the first attempt did arrive, nothing is sent twice. @param {string} peer @param {Pending} pending */
  retry(peer, pending) {
    const again = { ...pending, problem: undefined };
    this.#setThread(peer, {
      pending: this.thread(peer).pending.map((item) => (item.id === pending.id ? again : item)),
    });
    void this.#post(peer, again);
  }

  /** @param {string} peer @param {Pending} pending */
  discard(peer, pending) {
    this.#setThread(peer, { pending: this.thread(peer).pending.filter((item) => item.id !== pending.id) });
  }

  /** Called when the person has the end of the thread before the eyes. @param {string} peer */
  markRead(peer) {
    const conversation = this.conversations.get(peer);
    const lastIncoming = this.thread(peer).messages.findLast((message) => !message.outgoing);
    if (!conversation || conversation.unread === 0 || !lastIncoming) return;
    this.conversations.set(peer, { ...conversation, unread: 0 });
    this.#changed();
    void this.#twin.chat
      .mark_read({ peer, upTo: lastIncoming.id })
      .catch((/** @type {unknown} */ error) => this.#tell(error));
  }

  /** @param {string} peer @param {Pending} pending */
  async #post(peer, pending) {
    try {
      const message = await this.#twin.chat.post({ to: peer, text: pending.text, id: pending.id });
      this.#addMessage(message);
    } catch (error) {
      const problem = error instanceof Error ? error.message : "It was not sent.";
      this.#setThread(peer, {
        pending: this.thread(peer).pending.map((item) => (item.id === pending.id ? { ...item, problem } : item)),
      });
    }
  }

  async #loadPeople() {
    const { people } = await this.#twin.contacts.list({});
    this.people = new Map(
      people.map((/** @type {{ twin: string, name: string }} */ person) => [person.twin, person.name]),
    );
    this.#changed();
  }

  async #loadConversations() {
    const { conversations } = await this.#twin.chat.conversations({});
    this.conversations = new Map(conversations.map((/** @type {Conversation} */ item) => [item.peer, item]));
  }

  /** The newest page, joined to what is here already unless something is missing between. @param {string} peer */
  async #loadThread(peer) {
    const { messages, more } = await this.#twin.chat.messages({ peer, limit: PAGE_LENGTH });
    const { messages: known, loaded } = this.thread(peer);
    const gap = loaded && messages.length > 0 && messages[0].sequence > (known.at(-1)?.sequence ?? Infinity);
    if (loaded && !gap) this.#setThread(peer, { messages: merge(known, messages) });
    else this.#setThread(peer, { messages: merge(gap ? [] : known, messages), more, loaded: true });
  }

  /** @param {{ topic: string, payload: any }} event */
  #take({ topic, payload }) {
    if (topic === "chat.message") this.#addMessage(payload.message);
    else if (topic === "chat.state") this.#setState(payload);
    else if (topic === "chat.read") {
      const conversation = this.conversations.get(payload.peer);
      if (conversation) this.conversations.set(payload.peer, { ...conversation, unread: payload.unread });
      this.#changed();
    }
  }

  /** From an event or an answer, whichever is first; the second changes nothing. @param {Message} message */
  #addMessage(message) {
    const { peer } = message;
    const thread = this.thread(peer);
    const known = thread.messages.some((item) => item.id === message.id && item.outgoing === message.outgoing);
    const conversation = this.conversations.get(peer);
    if (!known && (conversation?.last === undefined || conversation.last.sequence < message.sequence)) {
      this.conversations.set(peer, {
        peer,
        last: message,
        unread: (conversation?.unread ?? 0) + (message.outgoing ? 0 : 1),
      });
    }
    this.#setThread(peer, {
      messages: known ? thread.messages : merge(thread.messages, [message]),
      pending: message.outgoing ? thread.pending.filter((item) => item.id !== message.id) : thread.pending,
    });
  }

  /** @param {{ peer: string, ids: string[], state: "delivered" | "read" }} change */
  #setState({ peer, ids, state }) {
    const changed = new Set(ids);
    const update = (/** @type {Message} */ message) =>
      message.outgoing && changed.has(message.id) ? { ...message, state } : message;
    const conversation = this.conversations.get(peer);
    if (conversation?.last) this.conversations.set(peer, { ...conversation, last: update(conversation.last) });
    this.#setThread(peer, { messages: this.thread(peer).messages.map(update) });
  }

  /** @param {string} peer @param {Partial<Thread>} change */
  #setThread(peer, change) {
    this.threads.set(peer, { ...this.thread(peer), ...change });
    if (change.pending) this.#keep();
    this.#changed();
  }

  /** @param {unknown} error */
  #tell(error) {
    this.problem = error instanceof Error ? error.message : "Something went wrong.";
    this.#changed();
  }

  dismissProblem() {
    this.problem = "";
    this.#changed();
  }

  #changed() {
    for (const watcher of this.#watchers) watcher();
  }
}

/** Two runs of messages as one, by order of arrival, each message once; the later run wins. @param {Message[]} first @param {Message[]} second */
function merge(first, second) {
  const bySequence = new Map([...first, ...second].map((message) => [message.sequence, message]));
  return [...bySequence.values()].toSorted((a, b) => a.sequence - b.sequence);
}

/** 128 random bits as the twin takes them for an id. */
function freshId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
