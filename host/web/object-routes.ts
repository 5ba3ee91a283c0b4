// Large content, streamed: up into the vault with back-pressure, down by range
// (docs/formats/web.md, section 8).

import { Readable } from "node:stream";

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { TwinError } from "../base/errors.ts";
import { utf8Encode } from "../base/bytes.ts";
import { LIMITS } from "../base/limits.ts";
import { isHostType, type ObjectInfo, type ObjectMeta, type Vault } from "../vault/object.ts";
import { checkObjectId, unknownObject } from "../rpc/object-id.ts";
import type { ChangeHub } from "../rpc/change-hub.ts";
import { type ByteRange, parseByteRange } from "./byte-range.ts";
import type { Tickets } from "./tickets.ts";

/** `type/subtype` with parameters that cannot end a header (RFC 9110, section 8.3.1). */
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}(; ?[\w-]{1,40}=[\w.+-]{1,100})?$/;
const UNKNOWN_TYPE = "application/octet-stream";
const BEARER = /^Bearer ([\w-]{1,100})$/;

interface DownloadRoute {
  Params: { id: string };
  Querystring: { ticket?: unknown };
}

/** What the routes need. */
export interface ObjectRouteParts {
  readonly vault: Pick<Vault, "put" | "read" | "stat">;
  readonly tickets: Tickets;
  readonly changes: ChangeHub;
}

/** Adds `PUT /objects` and `GET /objects/:id`. The instance must leave bodies of any type unread. */
export function addObjectRoutes(app: FastifyInstance, parts: ObjectRouteParts): void {
  app.put("/objects", async (request, reply) => {
    const stored = await upload(parts, request);
    parts.changes.announce("vault");
    return await reply.code(201).send(stored);
  });
  // HEAD by name: the route that fastify would add itself answers with the length of nothing.
  app.route<DownloadRoute>({
    method: ["GET", "HEAD"],
    url: "/objects/:id",
    handler: (request, reply) => download(parts, request, reply),
  });
}

async function upload(parts: ObjectRouteParts, request: FastifyRequest): Promise<ObjectInfo> {
  useUploadTicket(parts.tickets, request.headers.authorization);
  const meta = checkMeta(request.query as Readonly<Record<string, unknown>>);
  if (Number(request.headers["content-length"] ?? 0) > LIMITS.web.uploadSizeBytes) throw tooLarge();
  const gone = new AbortController();
  request.raw.once("close", () => {
    if (!request.raw.complete) gone.abort(new TwinError("TWIN_ABORTED", "The browser went away during the upload."));
  });
  return await parts.vault.put(bounded(request.raw), meta, { signal: gone.signal });
}

/** Takes the ticket that an `Authorization` header shows. Throws `TWIN_LOGIN_REFUSED`. */
export function useUploadTicket(tickets: Tickets, authorization: string | undefined): void {
  tickets.useUpload(BEARER.exec(authorization ?? "")?.[1]);
}

/** A client's description of what it uploads. Throws `TWIN_INPUT_INVALID`. */
export function checkMeta({ name, type }: Readonly<Record<string, unknown>>): ObjectMeta {
  return { name: checkName(name), type: checkType(type) };
}

async function* bounded(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const bytes of source) {
    sizeBytes += bytes.length;
    if (sizeBytes > LIMITS.web.uploadSizeBytes) throw tooLarge();
    yield bytes;
  }
}

async function download(
  parts: ObjectRouteParts,
  request: FastifyRequest<DownloadRoute>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const id = checkObjectId(request.params.id);
  const { ticket } = request.query;
  const errand = parts.tickets.useDownload(typeof ticket === "string" ? ticket : undefined, id);
  const info = await parts.vault.stat(id);
  if (info === undefined) throw unknownObject();
  const etag = `"${id}"`;
  reply.headers({
    "Accept-Ranges": "bytes",
    ETag: etag,
    "Content-Disposition": attachment(errand.name),
    "Content-Type": MEDIA_TYPE.test(errand.type) ? errand.type : UNKNOWN_TYPE,
  });
  if (matches(request.headers["if-none-match"], etag)) return await reply.code(304).send();
  const range = wantedRange(request, { etag, sizeBytes: info.sizeBytes });
  if (range === "none") {
    reply.header("Content-Range", `bytes */${info.sizeBytes}`);
    throw new TwinError("TWIN_OBJECT_RANGE", `The object has ${info.sizeBytes} bytes; the range lies outside.`);
  }
  if (range !== "whole") {
    const last = range.offset + range.sizeBytes - 1;
    reply.code(206).header("Content-Range", `bytes ${range.offset}-${last}/${info.sizeBytes}`);
  }
  reply.header("Content-Length", range === "whole" ? info.sizeBytes : range.sizeBytes);
  if (request.method === "HEAD") return await reply.send();
  return await reply.send(stream(parts.vault, id, range === "whole" ? undefined : range));
}

/** `If-Range` names what the client has a part of: another object's range would be glued to it. */
function wantedRange(
  request: FastifyRequest,
  whole: { readonly etag: string; readonly sizeBytes: number },
): ByteRange | "whole" | "none" {
  const condition = request.headers["if-range"];
  if (condition !== undefined && condition !== whole.etag) return "whole";
  return parseByteRange(request.headers.range, whole.sizeBytes);
}

function matches(header: string | undefined, etag: string): boolean {
  return header?.split(",").some((candidate) => candidate.trim() === etag || candidate.trim() === "*") ?? false;
}

/** Ends the reading when the client goes away. */
function stream(vault: Pick<Vault, "read">, id: string, range: ByteRange | undefined): Readable {
  const gone = new AbortController();
  const body = Readable.from(vault.read(id, range, { signal: gone.signal }), { objectMode: false });
  body.once("close", () => gone.abort(new TwinError("TWIN_ABORTED", "The browser went away during the download.")));
  return body;
}

function checkName(value: unknown): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (typeof value === "string" && utf8Encode(value).length <= LIMITS.vault.objectNameSizeBytes) return value;
  throw new TwinError(
    "TWIN_INPUT_INVALID",
    `"name" must have at most ${LIMITS.vault.objectNameSizeBytes} bytes of UTF-8.`,
  );
}

function checkType(value: unknown): string | undefined {
  if (value === undefined || value === "") return undefined;
  // What the host keeps for itself it also deletes.
  if (typeof value === "string" && MEDIA_TYPE.test(value) && !isHostType(value)) return value;
  throw new TwinError(
    "TWIN_INPUT_INVALID",
    '"type" must be a media type, such as image/png, and none of the host\'s own.',
  );
}

function tooLarge(): TwinError {
  return new TwinError("TWIN_LIMIT_EXCEEDED", `One upload has at most ${LIMITS.web.uploadSizeBytes} bytes.`);
}

/** RFC 6266 with RFC 5987 encoding: no name can end the header or leave the folder of downloads. */
function attachment(name: string): string {
  // Lone surrogates have no UTF-8; a path in a name is the business of nobody's disk.
  const clean = name.toWellFormed().replaceAll(/[/\\\p{Cc}]/gu, "_");
  const encoded = encodeURIComponent(clean).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.codePointAt(0)!.toString(16).toUpperCase()}`,
  );
  return `attachment; filename*=UTF-8''${encoded}`;
}
