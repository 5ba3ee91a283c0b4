// A service that speaks as much of the Redis protocol as shard stores use, in the dialect of Redis or of
// 0-db in user key mode (threefoldtech/0-db, README), for tests without either.

import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** A running service; `values` is what it holds. */
export interface RespService extends AsyncDisposable {
  readonly port: number;
  readonly values: Map<string, Buffer>;
  /** Ends all connections, as a restart does. */
  drop(): void;
  /** Answers everything with this from now on, when set. */
  answer: string | undefined;
}

/** Starts a service on a free port of the loopback. */
export async function openRespService(dialect: "redis" | "0-db", password?: string): Promise<RespService> {
  const values = new Map<string, Buffer>();
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    const session = { open: password === undefined };
    let pending = Buffer.alloc(0);
    socket.on("data", (bytes: Buffer) => {
      pending = Buffer.concat([pending, bytes]);
      for (let command = take(pending); command !== undefined; command = take(pending)) {
        pending = pending.subarray(command.end);
        socket.write(asBuffer(service.answer ?? reply(command.parts, session)));
      }
    });
  });

  function reply(parts: readonly Buffer[], session: { open: boolean }): string | Buffer {
    const [name = "", key = "", third] = parts.map((part) => part.toString("latin1"));
    if (name === "AUTH" || (name === "SELECT" && dialect === "0-db")) {
      session.open ||= (name === "AUTH" ? key : third) === password;
      return session.open ? "+OK\r\n" : "-Access denied\r\n";
    }
    if (name === "SELECT") return "+OK\r\n";
    if (!session.open) return "-NOAUTH Authentication required.\r\n";
    const value = values.get(key);
    switch (name) {
      case "SET":
        values.set(key, Buffer.from(parts[2]!));
        // 0-db answers with the key, or with nothing for what it has already.
        return dialect === "redis" ? "+OK\r\n" : value?.equals(parts[2]!) === true ? "$-1\r\n" : bulk(key);
      case "GET":
        return bulk(value);
      case "EXISTS":
        return `:${value === undefined ? 0 : 1}\r\n`;
      case "DEL":
        if (dialect === "0-db" && value === undefined) return "-Key not found\r\n";
        values.delete(key);
        return dialect === "redis" ? ":1\r\n" : "+OK\r\n";
      case "SCAN":
        return dialect === "redis" ? scanRedis(key) : scanZeroDb(key);
      case "STRLEN":
        if (dialect === "redis") return `:${value?.length ?? 0}\r\n`;
        break;
      case "GETRANGE":
        if (dialect === "redis")
          return bulk(slice(value ?? Buffer.alloc(0), Number(third), Number(parts[3]!.toString())));
        break;
    }
    return "-ERR unknown command\r\n";
  }

  function scanRedis(cursor: string): Buffer {
    const keys = [...values.keys()].slice(Number(cursor), Number(cursor) + 3);
    const next = Number(cursor) + 3 < values.size ? Number(cursor) + 3 : 0;
    // A key of an earlier page once more, as a rehash may do.
    const again = [...values.keys()].slice(0, 1);
    return Buffer.concat([
      Buffer.from("*2\r\n"),
      bulk(String(next)),
      Buffer.from(`*${keys.length + again.length}\r\n`),
      ...[...keys, ...again].map((key) => bulk(key)),
    ]);
  }

  function scanZeroDb(cursor: string): Buffer {
    const at = cursor === "" ? 0 : cursor.charCodeAt(0);
    const keys = [...values.keys()].slice(at, at + 3);
    if (keys.length === 0) return Buffer.from("-No more data\r\n");
    return Buffer.concat([
      Buffer.from("*2\r\n"),
      bulk(String.fromCharCode(at + 3)),
      Buffer.from(`*${keys.length}\r\n`),
      ...keys.map((key) => Buffer.concat([Buffer.from("*3\r\n"), bulk(key), Buffer.from(":1\r\n:1700000000\r\n")])),
    ]);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const service: RespService = {
    port: (server.address() as AddressInfo).port,
    values,
    drop,
    answer: undefined,
    [Symbol.asyncDispose]: async () => {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return service;
}

function asBuffer(answer: Buffer | string): Buffer {
  return Buffer.isBuffer(answer) ? answer : Buffer.from(answer, "latin1");
}

function bulk(value: Buffer | string | undefined): Buffer {
  if (value === undefined) return Buffer.from("$-1\r\n");
  const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]);
}

function slice(value: Buffer, start: number, end: number): Buffer {
  return value.subarray(start, end === -1 ? undefined : end + 1);
}

/** The first command of `bytes`, when it is whole. */
function take(bytes: Buffer): { readonly parts: Buffer[]; readonly end: number } | undefined {
  let at = bytes.indexOf("\r\n");
  if (at === -1) return undefined;
  const parts: Buffer[] = [];
  const count = Number(bytes.toString("latin1", 1, at));
  at += 2;
  for (let index = 0; index < count; index++) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = Number(bytes.toString("latin1", at + 1, lineEnd));
    if (bytes.length < lineEnd + 2 + size + 2) return undefined;
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return { parts, end: at };
}
