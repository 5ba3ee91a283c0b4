// Uploads that may come in several pieces, over connections that break and hosts that are killed. What has come
// is an object of the vault, which grows in steps; nothing of it is held in memory between two requests.

import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { createGate } from "../vault/gate.ts";
import type { ObjectInfo, ObjectMeta } from "../vault/object.ts";
import { findUploads, forgetUpload, keepBegun, keepMore, type KeptUpload, type UploadVault } from "./upload-keep.ts";
import { UploadSteps } from "./upload-steps.ts";

/** An upload under way. */
export interface ShelvedUpload {
  readonly sizeBytes: number;
  /** Bytes that are durable: the next piece begins here. */
  readonly takenBytes: number;
}

interface Upload {
  kept: KeptUpload;
  /** Aborts when it is dropped. */
  readonly gone: AbortController;
  /** What comes for it now. */
  steps: UploadSteps | undefined;
  /** Resolves when nothing is being written. */
  written: Promise<void>;
  stored: Promise<ObjectInfo> | undefined;
  /** Ends the wait after which it is dropped. */
  idle: AbortController;
}

/**
 * Uploads by their ids. One that nothing comes for in `LIMITS.web.uploadIdleMs` is dropped; one that is stored,
 * after `LIMITS.web.uploadStoredMs`.
 */
export class UploadShelf implements AsyncDisposable {
  readonly #parts: { readonly vault: UploadVault; readonly clock: Clock };
  readonly #uploads = new Map<string, Upload>();
  /** One at a time, so that the limits hold. */
  readonly #opening = createGate(1);
  readonly #writing = createGate(LIMITS.web.uploadsAtOnce);
  #found: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(parts: { readonly vault: UploadVault; readonly clock: Clock }) {
    this.#parts = parts;
    void this.#findUnasked();
  }

  /** Opens one. Throws `TWIN_LIMIT_EXCEEDED` when too many are open, `TWIN_STORE_FULL` when the owner's quota has no room for it. */
  async open(id: string, plan: { readonly sizeBytes: number; readonly meta: ObjectMeta }): Promise<void> {
    await this.#find();
    await this.#opening(async () => {
      await this.#requirePlace(plan.sizeBytes);
      this.#add(await keepBegun(this.#parts, id, plan));
    });
  }

  /** Undefined when there is none. Waits until what is being written stands. */
  async find(id: string): Promise<ShelvedUpload | undefined> {
    await this.#find();
    const upload = this.#uploads.get(id);
    await upload?.written;
    return upload && { sizeBytes: upload.kept.sizeBytes, takenBytes: takenOf(upload) };
  }

  /** Takes bytes, with back-pressure, until `source` ends or breaks: throws why, then. Answers how many are durable in all. */
  async write(id: string, source: AsyncIterable<Uint8Array>): Promise<number> {
    const upload = await this.#need(id);
    const { promise, resolve } = Promise.withResolvers<void>();
    upload.written = promise;
    upload.idle.abort();
    const steps = (upload.steps = new UploadSteps(source, this.#parts.clock));
    if (this.#closing.signal.aborted) steps.end();
    try {
      // Whose bytes do not come waits outside.
      while (await steps.hasMore()) await this.#writing(() => this.#storeStep(upload, steps));
      if (steps.failure !== undefined) throw steps.failure;
      return takenOf(upload);
    } finally {
      upload.steps = undefined;
      resolve();
      this.#rest(upload);
    }
  }

  /** What was stored, when all bytes are taken. Throws as `Vault.put`; then it may be tried again. */
  async finish(id: string): Promise<ObjectInfo> {
    const upload = await this.#need(id);
    const { meta, part } = upload.kept;
    upload.stored ??= this.#parts.vault.put(nothing(), meta, { after: part?.id, signal: upload.gone.signal });
    try {
      return await upload.stored;
    } catch (thrown) {
      upload.stored = undefined;
      throw thrown;
    } finally {
      this.#rest(upload);
    }
  }

  /** Ends it, and forgets what has come; an object that was stored of it stays. */
  async drop(id: string): Promise<void> {
    const upload = this.#uploads.get(id);
    if (upload === undefined) return;
    this.#uploads.delete(id);
    upload.idle.abort();
    upload.gone.abort(new TwinError("TWIN_ABORTED", "The upload was given up."));
    await upload.written;
    await forgetUpload(this.#parts.vault, upload.kept);
  }

  /** What has come until now is kept for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#found?.catch(() => {});
    for (const { idle, steps } of this.#uploads.values()) {
      idle.abort();
      steps?.end();
    }
    await Promise.all([...this.#uploads.values()].map(({ written }) => written));
  }

  async #storeStep(upload: Upload, steps: UploadSteps): Promise<void> {
    const taken = takenOf(upload);
    const { uploadStepMs, uploadStepSizeBytes } = LIMITS.web;
    const stepMs = uploadStepMs * Math.max(1, taken / uploadStepSizeBytes);
    const step = atMost(steps.take(stepMs), upload.kept.sizeBytes - taken);
    upload.kept = await keepMore(this.#parts, upload.kept, step, upload.gone.signal);
  }

  /** So that those that are too old go, also when nobody asks; but not while the host starts. */
  async #findUnasked(): Promise<void> {
    try {
      await this.#parts.clock.sleep(LIMITS.web.uploadStoredMs, { signal: this.#closing.signal });
      await this.#find();
    } catch {
      // Closed, or tried again by who asks.
    }
  }

  /** Takes up what the last run of the host has left. */
  #find(): Promise<void> {
    this.#found ??= this.#takeUp().catch((thrown: unknown) => {
      this.#found = undefined;
      throw thrown;
    });
    return this.#found;
  }

  async #takeUp(): Promise<void> {
    for (const kept of await findUploads(this.#parts.vault)) this.#add(kept);
  }

  #add(kept: KeptUpload): void {
    const upload: Upload = {
      kept,
      gone: new AbortController(),
      steps: undefined,
      written: Promise.resolve(),
      stored: undefined,
      idle: new AbortController(),
    };
    this.#uploads.set(kept.id, upload);
    this.#rest(upload);
  }

  async #need(id: string): Promise<Upload> {
    await this.#find();
    const upload = this.#uploads.get(id);
    await upload?.written;
    if (upload !== undefined && this.#uploads.has(id)) return upload;
    throw new TwinError("TWIN_PATH_UNKNOWN", "No upload is open here: it was stored, dropped or never begun.");
  }

  async #requirePlace(sizeBytes: number): Promise<void> {
    const uploads = [...this.#uploads.values()];
    const open = uploads.filter(({ stored }) => stored === undefined);
    if (open.length >= LIMITS.web.openUploadCount) {
      throw new TwinError("TWIN_LIMIT_EXCEEDED", "Too many uploads are open: finish or drop one first.");
    }
    // Who has the answer needs it no more.
    const oldest = uploads.find(({ stored }) => stored !== undefined);
    if (oldest !== undefined && uploads.length >= LIMITS.web.uploadsKept) await this.drop(oldest.kept.id);
    const { quotaBytes, sizeBytes: held } = await this.#parts.vault.status();
    const wanted = open.reduce((sum, { kept }) => sum + kept.sizeBytes, sizeBytes);
    if (quotaBytes === undefined || held + wanted <= quotaBytes) return;
    throw new TwinError(
      "TWIN_STORE_FULL",
      `The vault may hold ${quotaBytes} bytes, holds ${held}, and ${wanted} are to come: forget something or raise its quota.`,
      { quotaBytes, sizeBytes: held },
    );
  }

  #rest(upload: Upload): void {
    upload.idle.abort();
    upload.idle = new AbortController();
    if (this.#closing.signal.aborted || this.#uploads.get(upload.kept.id) !== upload) return;
    const { uploadIdleMs, uploadStoredMs } = LIMITS.web;
    const leftMs = upload.kept.atMs + uploadIdleMs - this.#parts.clock.nowMs();
    void this.#dropLater(upload, upload.stored === undefined ? leftMs : uploadStoredMs);
  }

  async #dropLater({ kept: { id }, idle: { signal } }: Upload, delayMs: number): Promise<void> {
    try {
      await this.#parts.clock.sleep(Math.max(0, delayMs), { signal });
    } catch {
      // Something came for it.
      return;
    }
    await this.drop(id);
  }
}

function takenOf({ kept }: Upload): number {
  return kept.part?.sizeBytes ?? 0;
}

/** The bytes of `source`. Throws `TWIN_LIMIT_EXCEEDED` when they are more than `sizeBytesMax`. */
async function* atMost(
  source: AsyncIterable<Uint8Array>,
  sizeBytesMax: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  for await (const bytes of source) {
    sizeBytes += bytes.length;
    if (sizeBytes > sizeBytesMax) {
      throw new TwinError(
        "TWIN_LIMIT_EXCEEDED",
        `${sizeBytesMax} bytes were still to come, as was said at the beginning.`,
      );
    }
    yield bytes;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
