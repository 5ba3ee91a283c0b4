// Resumable uploads by the tus protocol, version 1.0 (docs/formats/web.md, section 8), through its own
// library. Who knows an upload's address may go on with it; who begins one shows a ticket.

import type { Readable } from "node:stream";

import { DataStore, Server, Upload } from "@tus/server";
import type { FastifyInstance } from "fastify";

import { base64UrlEncode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { toTwinError, TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { ObjectInfo } from "../vault/object.ts";
import { checkMeta, type ObjectRouteParts, useUploadTicket } from "./object-routes.ts";
import type { UploadVault } from "./upload-keep.ts";
import { UploadShelf } from "./upload-shelf.ts";

const PATH = "/uploads";
const ID_SIZE_BYTES = 24;

/** What the routes need. */
export interface UploadRouteParts extends Omit<ObjectRouteParts, "vault"> {
  readonly vault: ObjectRouteParts["vault"] & UploadVault;
  readonly origin: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Adds `POST /uploads` and `HEAD`, `PATCH`, `DELETE` of `/uploads/:id`. The instance must leave bodies of any type unread. */
export function addUploadRoutes(app: FastifyInstance, parts: UploadRouteParts): void {
  const shelf = new UploadShelf(parts);
  app.addHook("onClose", () => shelf[Symbol.asyncDispose]());
  const server = createTusServer(parts, shelf);
  app.route({
    method: ["POST", "HEAD", "PATCH", "DELETE"],
    url: `${PATH}*`,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      reply.hijack();
      await server.handle(request.raw, reply.raw);
    },
  });
}

function createTusServer(parts: UploadRouteParts, shelf: UploadShelf): Server {
  return new Server({
    path: PATH,
    datastore: new ShelfStore(shelf),
    relativeLocation: true,
    maxSize: LIMITS.web.uploadSizeBytes,
    allowedOrigins: [parts.origin],
    namingFunction: () => base64UrlEncode(parts.random.bytes(ID_SIZE_BYTES)),
    // Checked where nothing has been done yet.
    async onUploadCreate(request, upload) {
      useUploadTicket(parts.tickets, request.headers.get("authorization") ?? undefined);
      metaOf(upload);
      return {};
    },
    async onUploadFinish(request, { id }) {
      const info: ObjectInfo = await shelf.finish(id);
      parts.changes.announce("vault");
      const headers = { "Content-Type": "application/json; charset=utf-8" };
      return { status_code: request.method === "POST" ? 201 : 200, headers, body: JSON.stringify(info) };
    },
    onResponseError(_request, thrown) {
      // The library's own refusals are not errors: they say what to answer.
      if (!(thrown instanceof Error)) return undefined;
      const error = toTwinError(thrown);
      return { status_code: error.status, body: JSON.stringify(error.toWire()) };
    },
  });
}

/** The description, as clients of tus give it. */
function metaOf({ metadata = {} }: Pick<Upload, "metadata">): ReturnType<typeof checkMeta> {
  return checkMeta({ name: metadata["filename"] ?? undefined, type: metadata["filetype"] ?? undefined });
}

/** The library's port over the shelf. It must be a `DataStore`, which is a class. */
class ShelfStore extends DataStore {
  readonly #shelf: UploadShelf;

  constructor(shelf: UploadShelf) {
    super();
    this.#shelf = shelf;
    this.extensions = ["creation", "creation-with-upload", "termination"];
  }

  override async create(upload: Upload): Promise<Upload> {
    if (upload.size === undefined) {
      throw new TwinError("TWIN_INPUT_INVALID", "The size of an upload must be known when it begins.");
    }
    await this.#shelf.open(upload.id, { sizeBytes: upload.size, meta: metaOf(upload) });
    return upload;
  }

  override write(source: Readable, id: string): Promise<number> {
    return this.#shelf.write(id, source as AsyncIterable<Uint8Array>);
  }

  override async getUpload(id: string): Promise<Upload> {
    const found = await this.#shelf.find(id);
    if (found === undefined) throw new TwinError("TWIN_PATH_UNKNOWN", "No upload is open here: begin it again.");
    return new Upload({ id, size: found.sizeBytes, offset: found.takenBytes });
  }

  override async remove(id: string): Promise<void> {
    if ((await this.#shelf.find(id)) === undefined) throw new TwinError("TWIN_PATH_UNKNOWN", "No upload is open here.");
    await this.#shelf.drop(id);
  }
}
