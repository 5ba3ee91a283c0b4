// The world outside, for tasks: web servers and other twins. A task stands still until they answer.
// That they fail is ordinary: look at `ok` before you read an answer.

import { JSON } from "json-as";
import { encode, hostHttpFetch, hostPeerCall, take } from "./abi";

/** A request to a web server; the manifest must name its place. */
export class HttpRequest {
  /** By name; those that frame the message (host, content-length, ...) are the host's. */
  headers: Map<string, string> = new Map<string, string>();
  body: ArrayBuffer = new ArrayBuffer(0);

  /** `method`: GET, HEAD, POST, PUT, PATCH or DELETE. */
  constructor(
    public url: string,
    public method: string = "GET",
  ) {}

  /** Sets a header. */
  header(name: string, value: string): HttpRequest {
    this.headers.set(name, value);
    return this;
  }

  /** Sends text. */
  text(body: string): HttpRequest {
    this.body = encode(body);
    return this;
  }

  /** Sends a `@json` object. */
  json<T>(body: T): HttpRequest {
    return this.header("content-type", "application/json").text(JSON.stringify<T>(body));
  }
}

/** What a server answered, or why it did not. */
export class HttpAnswer {
  /** Of the last request, after redirects. */
  url: string = "";
  /** 0 when there is no answer. */
  status: i32 = 0;
  /** By lower-case name. */
  headers: Map<string, string> = new Map<string, string>();
  body: ArrayBuffer = new ArrayBuffer(0);
  /** Such as `TWIN_FETCH_FAILED`; empty when there is an answer, whatever its status. */
  code: string = "";
  /** The failure in words. */
  message: string = "";

  /** Whether the server answered with a status from 200 to 299. */
  get ok(): bool {
    return this.status >= 200 && this.status <= 299;
  }

  /** The body as text. */
  get text(): string {
    return String.UTF8.decode(this.body);
  }

  /** The body as a `@json` object. What is no JSON, or another one, ends the task. */
  read<T>(): T {
    return JSON.parse<T>(this.text);
  }
}

/** Needs a permission `http` with the places. Only in a task. */
export namespace http {
  /** The answer to a GET. */
  export function get(url: string): HttpAnswer {
    return send(new HttpRequest(url));
  }

  /** The answer to a request, after at most 5 redirects within the places. */
  export function send(request: HttpRequest): HttpAnswer {
    const asked = new RequestHead();
    asked.url = request.url;
    asked.method = request.method;
    asked.headers = request.headers;
    const head = encode(JSON.stringify<RequestHead>(asked));
    const body = request.body;
    const size = hostHttpFetch(changetype<usize>(head), head.byteLength, changetype<usize>(body), body.byteLength);
    const answer = new HttpAnswer();
    if (size < 0) {
      const failure = failureOf(take(-size));
      answer.code = failure.code;
      answer.message = failure.message;
      return answer;
    }
    // u32 size of the head, the head, the body.
    const staged = take(size);
    const headSize = load<u32>(changetype<usize>(staged));
    const said = JSON.parse<AnswerHead>(String.UTF8.decodeUnsafe(changetype<usize>(staged) + 4, headSize));
    answer.url = said.url;
    answer.status = said.status;
    answer.headers = said.headers;
    answer.body = staged.slice(4 + headSize);
    return answer;
  }
}

/** What another twin answered, or why it did not. */
export class PeerAnswer {
  constructor(
    /** Empty when it answered, else such as `TWIN_PEER_OFFLINE` or `TWIN_CALL_DENIED`. */
    public code: string,
    /** The failure in words. */
    public message: string,
    /** JSON; empty when it failed. */
    public text: string,
  ) {}

  get ok(): bool {
    return this.code.length == 0;
  }

  /** The answer as a `@json` object. */
  read<T>(): T {
    return JSON.parse<T>(this.text);
  }
}

/** Calls a method of the twin `peer`, as far as its owner lets this one, and waits for the answer. When it fails, it may have taken effect there: what must happen once is for `send`. Needs the permission `peer_call`. Only in a task. */
export function ask<Params>(peer: string, capability: string, method: string, params: Params): PeerAnswer {
  const to = encode(peer);
  const target = encode(capability);
  const name = encode(method);
  const body = encode(JSON.stringify<Params>(params));
  const size = hostPeerCall(
    changetype<usize>(to), to.byteLength,
    changetype<usize>(target), target.byteLength,
    changetype<usize>(name), name.byteLength,
    changetype<usize>(body), body.byteLength,
  );
  if (size >= 0) return new PeerAnswer("", "", String.UTF8.decode(take(size)));
  const failure = failureOf(take(-size));
  return new PeerAnswer(failure.code, failure.message, "");
}

@json
class RequestHead {
  method: string = "";
  url: string = "";
  headers: Map<string, string> = new Map<string, string>();
}

@json
class AnswerHead {
  url: string = "";
  status: i32 = 0;
  headers: Map<string, string> = new Map<string, string>();
}

@json
class Failure {
  code: string = "";
  message: string = "";
}

function failureOf(staged: ArrayBuffer): Failure {
  return JSON.parse<Failure>(String.UTF8.decode(staged));
}
