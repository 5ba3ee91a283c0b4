// Uploads that may come in several pieces, over connections that break. Their bytes go straight into the
// vault, whose put stays open meanwhile: nothing of them lies unsealed on a disk, and nothing outlives the host.

import { once } from "node:events";
import { PassThrough } from "node:stream";

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { ObjectInfo, ObjectMeta, Vault } from "../vault/object.ts";

/** An upload under way. */
export interface ShelvedUpload {
  readonly sizeBytes: number;
  /** Bytes that are taken: the next piece begins here. */
  readonly takenBytes: number;
}

interface Upload {
  readonly sizeBytes: number;
  readonly feed: PassThrough;
  readonly stored: Promise<ObjectInfo>;
  readonly gone: AbortController;
  /** Aborts when the put has failed. */
  readonly ended: AbortSignal;
  takenBytes: number;
  isStored: boolean;
  /** Ends the wait after which it is dropped. */
  idle: AbortController;
}

/** Uploads by their ids. One that nothing comes for in `LIMITS.web.uploadIdleMs` is dropped. */
export class UploadShelf implements AsyncDisposable {
  readonly #vault: Pick<Vault, "put">;
  readonly #clock: Clock;
  readonly #uploads = new Map<string, Upload>();

  constructor(parts: { readonly vault: Pick<Vault, "put">; readonly clock: Clock }) {
    this.#vault = parts.vault;
    this.#clock = parts.clock;
  }

  /** Opens one. Throws `TWIN_LIMIT_EXCEEDED` when too many are open. */
  open(id: string, { sizeBytes, meta }: { readonly sizeBytes: number; readonly meta: ObjectMeta }): void {
    const openCount = [...this.#uploads.values()].filter(({ isStored }) => !isStored).length;
    if (openCount >= LIMITS.web.openUploadCount || this.#uploads.size >= LIMITS.web.uploadsKept) {
      throw new TwinError("TWIN_LIMIT_EXCEEDED", "Too many uploads are open: finish or drop one first.");
    }
    const feed = new PassThrough();
    // Who writes is told by the put itself.
    feed.on("error", () => {});
    const [gone, ended, idle] = [new AbortController(), new AbortController(), new AbortController()];
    const stored = this.#vault.put(feed, meta, { signal: gone.signal });
    // Its failure is met by the write that waits, the next one, or when it is finished.
    stored.catch(() => ended.abort());
    const upload = { sizeBytes, feed, stored, gone, ended: ended.signal, takenBytes: 0, isStored: false, idle };
    this.#uploads.set(id, upload);
    this.#rest(id, upload);
  }

  find(id: string): ShelvedUpload | undefined {
    return this.#uploads.get(id);
  }

  /** Takes bytes, with back-pressure, until `source` ends or breaks. Answers how many are taken in all. */
  async write(id: string, source: AsyncIterable<Uint8Array>): Promise<number> {
    const upload = this.#need(id);
    upload.idle.abort();
    try {
      for await (const bytes of source) {
        if (upload.takenBytes + bytes.length > upload.sizeBytes) {
          throw new TwinError("TWIN_LIMIT_EXCEEDED", `This upload has ${upload.sizeBytes} bytes, as was said.`);
        }
        upload.takenBytes += bytes.length;
        if (upload.ended.aborted || !upload.feed.write(bytes)) await untilTaken(upload);
      }
      return upload.takenBytes;
    } finally {
      this.#rest(id, upload);
    }
  }

  /** What was stored, when all bytes are taken and durable. Throws as `Vault.put`; then the upload is gone. */
  async finish(id: string): Promise<ObjectInfo> {
    const upload = this.#need(id);
    upload.feed.end();
    try {
      const info = await upload.stored;
      upload.isStored = true;
      return info;
    } catch (thrown) {
      await this.drop(id);
      throw thrown;
    }
  }

  /** Ends it: an upload that is not whole leaves no object. */
  async drop(id: string): Promise<void> {
    const upload = this.#uploads.get(id);
    this.#uploads.delete(id);
    upload?.idle.abort();
    upload?.gone.abort(new TwinError("TWIN_ABORTED", "The upload was given up."));
    upload?.feed.destroy();
    await upload?.stored.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#uploads.keys()].map((id) => this.drop(id)));
  }

  #need(id: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload !== undefined) return upload;
    throw new TwinError("TWIN_PATH_UNKNOWN", "No upload is open here: it was stored, dropped or never begun.");
  }

  #rest(id: string, upload: Upload): void {
    upload.idle.abort();
    upload.idle = new AbortController();
    if (this.#uploads.get(id) === upload) void this.#dropLater(id, upload.idle.signal);
  }

  async #dropLater(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(LIMITS.web.uploadIdleMs, { signal });
    } catch {
      // Something came for it.
      return;
    }
    await this.drop(id);
  }
}

/** Waits until the put wants more. Throws why it does not any more. */
async function untilTaken({ feed, ended, stored }: Upload): Promise<void> {
  try {
    await once(feed, "drain", { signal: ended });
  } catch {
    await stored;
  }
}
