// Journal segments as files of one directory. A segment is laid out with zeros before it is used and
// written with O_DSYNC: a group then costs one write of data, without the file system's own journal.

import { constants, existsSync, write, writeSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LIMITS } from "../base/limits.ts";
import { syncFolder } from "../base/sync-folder.ts";
import { fileFailure } from "./file-failure.ts";
import type { JournalFolder, JournalSegment } from "./journal-folder.ts";

const NAME = /^(\d{16})\.journal$/;
const SPARE = "spare.part";
const PIECE = new Uint8Array(256 * 1024);

/**
 * The folder at `path`, made when something is first written. Its methods reject with
 * `TWIN_HOST_FOLDER` when it cannot be read and written and `TWIN_STATE_FULL` when its disk is full.
 */
export function createDirectoryJournalFolder(path: string): JournalFolder {
  return new DirectoryJournalFolder(path);
}

class DirectoryJournalFolder implements JournalFolder {
  readonly #path: string;
  /** The next segment, laid out while the current one fills: making one takes many times a write. */
  #spare: Promise<FileHandle> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  list(): Promise<number[]> {
    return this.#guard(async () => {
      const names = existsSync(this.#path) ? await readdir(this.#path) : [];
      const numbers = names.flatMap((name) => NAME.exec(name)?.slice(1).map(Number) ?? []);
      return numbers.toSorted((left, right) => left - right);
    });
  }

  pathOf(first: number): string {
    return join(this.#path, `${String(first).padStart(16, "0")}.journal`);
  }

  read(first: number): Promise<Uint8Array> {
    return this.#guard(() => readFile(this.pathOf(first)));
  }

  create(first: number): Promise<JournalSegment> {
    return this.#guard(async () => {
      // The first one of a process is small: many never fill it, and somebody waits for it.
      const sizeBytes = LIMITS.state[this.#spare === undefined ? "journalFirstSizeBytes" : "journalSegmentSizeBytes"];
      const layout = this.#spare ?? this.#layOut(sizeBytes);
      this.#spare = undefined;
      const file = await layout;
      try {
        await rename(join(this.#path, SPARE), this.pathOf(first));
        await this.#syncNames();
      } catch (thrown) {
        await file.close();
        throw thrown;
      }
      return new FileSegment(file, {
        sizeBytes,
        onHalfFull: () => this.#prepare(),
        failure: (thrown) => fileFailure(thrown, this.#path),
      });
    });
  }

  remove(first: number): Promise<void> {
    return this.#guard(() => rm(this.pathOf(first), { force: true }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const spare = this.#spare;
    this.#spare = undefined;
    const file = await spare?.catch(() => undefined);
    if (file === undefined) return;
    await file.close();
    await rm(join(this.#path, SPARE), { force: true });
  }

  #prepare(): void {
    this.#spare ??= this.#layOut(LIMITS.state.journalSegmentSizeBytes);
    // Its failure is heard when the spare is needed, or never.
    this.#spare.catch(() => {});
  }

  async #layOut(sizeBytes: number): Promise<FileHandle> {
    await this.#makeFolder();
    const { O_CREAT, O_TRUNC, O_WRONLY, O_DSYNC } = constants;
    const file = await open(join(this.#path, SPARE), O_CREAT | O_TRUNC | O_WRONLY | O_DSYNC, 0o600);
    try {
      for (let offset = 0; offset < sizeBytes; offset += PIECE.length) {
        await file.write(PIECE, 0, PIECE.length, offset);
      }
      await file.sync();
      return file;
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** The folder, and those above it that are missing, so that they survive the loss of power. */
  async #makeFolder(): Promise<void> {
    const highest = await mkdir(this.#path, { mode: 0o700, recursive: true });
    if (highest === undefined) return;
    for (let made = this.#path; ; made = dirname(made)) {
      await syncFolder(dirname(made));
      if (made === highest || made === dirname(made)) return;
    }
  }

  /** Makes names of the directory survive the loss of power. */
  async #syncNames(): Promise<void> {
    await syncFolder(this.#path);
  }

  async #guard<Result>(act: () => Promise<Result>): Promise<Result> {
    try {
      return await act();
    } catch (thrown) {
      throw fileFailure(thrown, this.#path);
    }
  }
}

interface SegmentParts {
  readonly sizeBytes: number;
  /** Called when half of it is written, perhaps more than once. */
  readonly onHalfFull: () => void;
  readonly failure: (thrown: unknown) => unknown;
}

class FileSegment implements JournalSegment {
  readonly sizeBytes: number;
  readonly #file: FileHandle;
  readonly #parts: SegmentParts;

  constructor(file: FileHandle, parts: SegmentParts) {
    this.sizeBytes = parts.sizeBytes;
    this.#file = file;
    this.#parts = parts;
  }

  /** The callback form: this is the one call that every command waits for. */
  write(bytes: Uint8Array, offset: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const writeFrom = (start: number): void => {
      write(this.#file.fd, bytes, start, bytes.length - start, offset + start, (error, count) => {
        if (error !== null) reject(this.#parts.failure(error));
        else if (start + count < bytes.length) writeFrom(start + count);
        else resolve();
      });
    };
    writeFrom(0);
    this.#lookAhead(offset);
    return promise;
  }

  writeHere(bytes: Uint8Array, offset: number): void {
    try {
      for (let start = 0; start < bytes.length;)
        start += writeSync(this.#file.fd, bytes, start, bytes.length - start, offset + start);
    } catch (thrown) {
      throw this.#parts.failure(thrown);
    }
    this.#lookAhead(offset);
  }

  #lookAhead(offset: number): void {
    if (offset >= this.sizeBytes / 2) this.#parts.onHalfFull();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
