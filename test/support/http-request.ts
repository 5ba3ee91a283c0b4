// Requests with any headers, `Host` among them, which `fetch` does not allow.

import { request } from "node:http";
import { connect } from "node:net";

/** What came back. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** What is asked. */
export interface HttpQuestion {
  readonly port: number;
  readonly path: string;
  readonly host?: string | undefined;
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
}

/** Asks the server at 127.0.0.1. The path goes out exactly as given. */
export function ask(question: HttpQuestion): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const { port, path, method = "GET", host = `localhost:${port}`, headers = {}, body } = question;
  const sent = request({ host: "127.0.0.1", port, path, method, headers: { host, ...headers }, agent: false });
  sent.on("error", reject);
  sent.on("response", (response) => {
    const parts: Buffer[] = [];
    response.on("data", (part: Buffer) => parts.push(part));
    response.on("error", reject);
    response.on("end", () => {
      const bytes = Buffer.concat(parts);
      const { statusCode = 0 } = response;
      resolve({
        status: statusCode,
        headers: response.headers as HttpAnswer["headers"],
        text: bytes.toString(),
        bytes,
      });
    });
  });
  sent.on("upgrade", (_response, socket) => {
    socket.destroy();
    reject(new Error("The server upgraded the connection."));
  });
  sent.end(body);
  return promise;
}

/** Sends bytes that need not be HTTP, and collects what comes until the server closes. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text);
  let answer = "";
  for await (const part of socket as AsyncIterable<Buffer>) answer += part.toString();
  return answer;
}
