// One connection that speaks RESP2 (the Redis serialization protocol, version 2) as Redis and 0-db do:
// commands are sent as they come, answers arrive in their order. A broken one is replaced at the next command.

import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";

/** An answer of the service. An error of its own is a {@link RespError}, not a throw: the connection lives on. */
export type RespAnswer = Uint8Array | string | number | undefined | RespError | readonly RespAnswer[];

/** What the service refused, in its words. */
export class RespError extends Error {
  override readonly name = "RespError";
}

/** Where the service is, and what to say first on each new connection. */
export interface RespPlace {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Sent on connecting, before anything else; an error answer to one of them ends the connection. */
  readonly greeting: readonly (readonly (string | Uint8Array)[])[];
}

/** A line of commands to one service. */
export interface RespConnection {
  /** The answer to one command. Throws when the connection breaks before it is there, or `signal` aborts. */
  ask(command: readonly (string | Uint8Array)[], signal: AbortSignal): Promise<RespAnswer>;
}

/** A connection that is opened at its first command. It does not keep the process alive. */
export function createRespConnection(place: RespPlace): RespConnection {
  let line: Line | undefined;
  return {
    ask(command, signal) {
      if (line === undefined || line.isOver) {
        line = new Line(place);
        for (const greeting of place.greeting) void line.greet(greeting);
      }
      return line.ask(command, signal);
    },
  };
}

const CRLF = utf8Encode("\r\n");
/** Arrays of answers nest once in SCAN, twice in 0-db's. */
const DEPTH_MAX = 4;

class Line {
  readonly #socket: Socket;
  readonly #waiting: PromiseWithResolvers<RespAnswer>[] = [];
  readonly #reader = new RespReader();
  isOver = false;

  constructor({ host, port, tls }: RespPlace) {
    this.#socket = tls ? connectTls({ host, port, servername: host }) : connectPlain({ host, port });
    this.#socket.setNoDelay(true);
    // Plain bytes: a Buffer's `slice` would not copy.
    this.#socket.on("data", ({ buffer, byteOffset, byteLength }: Buffer) =>
      this.#take(new Uint8Array(buffer, byteOffset, byteLength)),
    );
    this.#socket.on("error", (error) => this.#end(error));
    this.#socket.on("close", () => this.#end(new Error("The connection was closed.")));
    this.#socket.unref();
  }

  async greet(command: readonly (string | Uint8Array)[]): Promise<void> {
    try {
      const answer = await this.#send(command);
      if (answer instanceof RespError) this.#end(answer);
    } catch {
      // Whoever asks next is told the same.
    }
  }

  async ask(command: readonly (string | Uint8Array)[], signal: AbortSignal): Promise<RespAnswer> {
    signal.throwIfAborted();
    // An answer that is not waited for any more would be taken for the next one's: the line ends with it.
    const stop = (): void => this.#end(new Error("The service did not answer in time."));
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await this.#send(command);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #send(command: readonly (string | Uint8Array)[]): Promise<RespAnswer> {
    const answer = Promise.withResolvers<RespAnswer>();
    this.#waiting.push(answer);
    this.#socket.ref();
    // Copied into one buffer: the caller's may change once this returns to it.
    this.#socket.write(encodeCommand(command));
    return answer.promise;
  }

  #take(bytes: Uint8Array): void {
    try {
      this.#reader.push(bytes);
      for (let answer = this.#reader.next(); answer !== undefined; answer = this.#reader.next()) {
        this.#waiting.shift()?.resolve(answer.value);
      }
      if (this.#waiting.length === 0) this.#socket.unref();
    } catch (thrown) {
      this.#end(thrown as Error);
    }
  }

  #end(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** A command as an array of bulk strings. */
function encodeCommand(command: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = command.map((part) => (typeof part === "string" ? utf8Encode(part) : part));
  return concatBytes(
    utf8Encode(`*${parts.length}\r\n`),
    ...parts.flatMap((part) => [utf8Encode(`$${part.length}\r\n`), part, CRLF]),
  );
}

/** Cuts a stream of bytes into answers. Throws for what is not RESP2 or larger than any shard. */
class RespReader {
  #parts: Uint8Array[] = [];
  #sizeBytes = 0;
  /** No answer can be whole before so many bytes are there: a large one is not looked at for each of its packets. */
  #neededSizeBytes = 1;

  push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes > LIMITS.vault.storeAnswerSizeBytes) throw new Error("The service answers without end.");
  }

  /** The next whole answer, in a box because an answer may be undefined. */
  next(): { readonly value: RespAnswer } | undefined {
    if (this.#sizeBytes < this.#neededSizeBytes) return undefined;
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : concatBytes(...this.#parts);
    this.#parts = [bytes];
    const parsed = parse(bytes, 0, DEPTH_MAX);
    if (typeof parsed === "number") {
      this.#neededSizeBytes = Math.max(parsed, this.#sizeBytes + 1);
      return undefined;
    }
    this.#parts = parsed.end < bytes.length ? [bytes.subarray(parsed.end)] : [];
    this.#sizeBytes -= parsed.end;
    this.#neededSizeBytes = 1;
    return parsed;
  }
}

interface Parsed {
  readonly value: RespAnswer;
  readonly end: number;
}

/** The answer at `start`, or how many bytes must be there at least before it can be whole. */
function parse(bytes: Uint8Array, start: number, depth: number): Parsed | number {
  const lineEnd = bytes.indexOf(13, start);
  if (lineEnd === -1 || lineEnd + 1 >= bytes.length) return bytes.length + 1;
  const text = new TextDecoder().decode(bytes.subarray(start + 1, lineEnd));
  const end = lineEnd + 2;
  switch (String.fromCodePoint(bytes[start]!)) {
    case "+":
      return { value: text, end };
    case "-":
      return { value: new RespError(text.slice(0, 200)), end };
    case ":":
      return { value: count(text), end };
    case "$":
      return parseBulk(bytes, end, count(text));
    case "*":
      return parseArray(bytes, end, count(text), depth);
    default:
      throw new Error("The service does not speak RESP2.");
  }
}

function parseBulk(bytes: Uint8Array, start: number, size: number): Parsed | number {
  if (size === -1) return { value: undefined, end: start };
  const end = start + size + CRLF.length;
  return bytes.length < end ? end : { value: bytes.slice(start, start + size), end };
}

function parseArray(bytes: Uint8Array, start: number, length: number, depth: number): Parsed | number {
  if (length === -1) return { value: undefined, end: start };
  if (depth === 0) throw new Error("The service nests its answers too deeply.");
  const items: RespAnswer[] = [];
  let end = start;
  for (let index = 0; index < length; index++) {
    const item = parse(bytes, end, depth - 1);
    if (typeof item === "number") return item;
    items.push(item.value);
    ({ end } = item);
  }
  return { value: items, end };
}

function count(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new Error("The service does not speak RESP2.");
  return Number(text);
}
