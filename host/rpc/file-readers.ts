// Threads that read small files, some files at a question. Each question has a room of shared memory for its answer,
// which is used again: nothing is left to be collected.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { FileLook, ReadOrder } from "./file-reader-worker.ts";

/** One waits for the disk while the other has an answer. */
const THREADS = 2;
/** Files of one question at most: each costs a trip to a thread and back. */
export const FILES_AT_ONCE = 64;
/** For all of them when they have the usual size of a small file. */
const ROOM_SIZE = 16 * LIMITS.vault.smallObjectSizeBytes;

/** What became of a file: its bytes, which are good until the answer is given back; that it is not small; or why it cannot be read. */
export type FileContent = Uint8Array | "large" | { readonly reason: string };

/** What became of the first files of a question, one at least, in its order: as many as there was room for. Disposing gives the memory of the bytes back. */
export interface ReadFiles extends Disposable {
  readonly contents: readonly FileContent[];
}

interface Reader {
  readonly worker: Worker;
  /** Questions that it has not answered, in order. */
  readonly waiting: PromiseWithResolvers<readonly FileLook[]>[];
}

/** Starts its threads with the first question; they end when it is disposed, and what was asked then stays unanswered. */
export class FileReaders {
  readonly #readers: Reader[] = [];
  readonly #rooms: Uint8Array<SharedArrayBuffer>[] = [];

  /** Reads some files, at most {@link FILES_AT_ONCE}. Throws `TWIN_HOST_INTERNAL` when a thread dies; what is wrong with a file is in the answer. */
  async read(paths: readonly string[]): Promise<ReadFiles> {
    const room = this.#rooms.pop() ?? new Uint8Array(new SharedArrayBuffer(ROOM_SIZE));
    const reader = this.#leastBusy();
    const answer = Promise.withResolvers<readonly FileLook[]>();
    reader.waiting.push(answer);
    reader.worker.postMessage({ paths, room } satisfies ReadOrder);
    const contents = placed(await answer.promise, room);
    return { contents, [Symbol.dispose]: () => void this.#rooms.push(room) };
  }

  /** Not waited for: a disk may keep a thread for as long as it likes. */
  [Symbol.dispose](): void {
    for (const { worker } of this.#readers.splice(0)) void worker.terminate();
  }

  #leastBusy(): Reader {
    const idle = this.#readers.find(({ waiting }) => waiting.length === 0);
    if (idle !== undefined) return idle;
    if (this.#readers.length < THREADS) return this.#start();
    return this.#readers.reduce((best, reader) => (reader.waiting.length < best.waiting.length ? reader : best));
  }

  #start(): Reader {
    // Run from a clone the file is TypeScript, from the package JavaScript.
    const entry = new URL(`./file-reader-worker${extname(import.meta.url)}`, import.meta.url);
    const reader: Reader = { worker: new Worker(entry, { name: "files" }), waiting: [] };
    let failure: unknown;
    reader.worker.on("message", (looks: readonly FileLook[]) => reader.waiting.shift()?.resolve(looks));
    reader.worker.on("error", (error) => {
      failure = error;
    });
    reader.worker.on("exit", () => {
      for (const answer of reader.waiting.splice(0)) answer.reject(died(failure));
    });
    this.#readers.push(reader);
    return reader;
  }
}

function placed(looks: readonly FileLook[], room: Uint8Array): FileContent[] {
  let end = 0;
  return looks.map((look) => {
    if (typeof look !== "number") return look;
    end += look;
    return room.subarray(end - look, end);
  });
}

function died(cause: unknown): TwinError {
  return new TwinError("TWIN_HOST_INTERNAL", "A thread that reads files has died: store the folder again.", {}, cause);
}
