// What an engine worker tells the main thread: answers, news and lines for the log, many in one message.

import type { Log } from "../base/log.ts";
import { type IdentifiedAnswer, packAnswers, type PlacedReceipt } from "./call-packing.ts";
import type { CallAnswer, TwinEvent } from "./engine.ts";
import type { GuestLogLevel } from "./guest-frame.ts";
import type { EngineNews, OperationAnswer, OperationName } from "./operations.ts";
import type { FromWorker, TwinNews, WorkerLogLine, WorkerReply } from "./worker-messages.ts";

/** Collects it, and posts it when the current work is done. */
export class Mailer {
  readonly #post: (message: FromWorker, transfer: ArrayBuffer[]) => void;
  /** How many listeners hear of receipts. */
  #hearers: Int32Array = new Int32Array(1);
  #replies: WorkerReply[] = [];
  #done: number[] = [];
  #answers: IdentifiedAnswer[] = [];
  #receipts: PlacedReceipt[] = [];
  /** By slot. */
  #news = new Map<number, { readonly events: TwinEvent[]; readonly outboxPeers: Set<string> }>();
  #log: WorkerLogLine[] = [];
  #posting = false;

  constructor(post: (message: FromWorker, transfer: ArrayBuffer[]) => void) {
    this.#post = post;
  }

  /** From now on receipts are told only while the first number of `hearers`, which is shared with others, says that somebody hears them. */
  heedHearers(hearers: SharedArrayBuffer): void {
    this.#hearers = new Int32Array(hearers);
  }

  /** The answer to a request. */
  reply(reply: WorkerReply): void {
    if ("answer" in reply && isCallAnswer(reply.answer)) this.#answers.push({ id: reply.id, answer: reply.answer });
    else if ("answer" in reply && isDone(reply.answer)) this.#done.push(reply.id);
    else this.#replies.push(reply);
    this.#postSoon();
  }

  /** What happened in the twin of that slot. */
  tell(slot: number, { receipts, events, outboxPeers }: EngineNews): void {
    if (Atomics.load(this.#hearers, 0) > 0) {
      for (const receipt of receipts) this.#receipts.push({ slot, receipt });
      if (receipts.length > 0) this.#postSoon();
    }
    if (events.length + outboxPeers.length > 0) {
      const news = this.#news.getOrInsertComputed(slot, () => ({ events: [], outboxPeers: new Set<string>() }));
      news.events.push(...events);
      for (const peer of outboxPeers) news.outboxPeers.add(peer);
      this.#postSoon();
    }
  }

  /** A line for the host's log. */
  log(level: GuestLogLevel, fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#log.push({ level, fields: { ...fields, ...plainError(fields["err"]) }, message });
    this.#postSoon();
  }

  #postSoon(): void {
    if (this.#posting) return;
    this.#posting = true;
    // Behind all that the messages which wait now bring about: one message costs as much as several calls.
    setImmediate(() => {
      this.#posting = false;
      const [replies, done, log] = [this.#replies, this.#done, this.#log];
      const packed = { answers: this.#answers, receipts: this.#receipts };
      const isPacked = packed.answers.length + packed.receipts.length > 0;
      const answers = isPacked ? packAnswers(packed) : undefined;
      const news = [...this.#news].map(([slot, { events, outboxPeers }]): TwinNews => {
        return { slot, news: { outboxPeers: [...outboxPeers], events, receipts: [] } };
      });
      [this.#replies, this.#done, this.#answers, this.#receipts, this.#log] = [[], [], [], [], []];
      this.#news = new Map();
      const transfer = answers === undefined ? [] : [answers.buffer];
      const isAlone = replies.length + done.length + news.length + log.length === 0;
      this.#post(
        isAlone && answers !== undefined ? answers : { kind: "batch", answers, done, replies, news, log },
        transfer,
      );
    });
  }
}

function isCallAnswer(answer: OperationAnswer<OperationName>): answer is CallAnswer {
  return answer !== undefined && "payload" in answer && "receipt" in answer;
}

function isDone(answer: OperationAnswer<OperationName>): boolean {
  return answer !== undefined && "status" in answer && answer.status === "done";
}

/** Errors lose their class between threads: only their text crosses. */
function plainError(thrown: unknown): { readonly err?: Readonly<Record<string, string | undefined>> } {
  return thrown instanceof Error ? { err: { type: thrown.name, message: thrown.message, stack: thrown.stack } } : {};
}

/** A log whose lines the main thread writes. */
export function createWorkerLog(mailer: Mailer): Log {
  return {
    debug: (fields, message) => mailer.log("debug", fields, message),
    info: (fields, message) => mailer.log("info", fields, message),
    warn: (fields, message) => mailer.log("warn", fields, message),
    error: (fields, message) => mailer.log("error", fields, message),
  };
}
