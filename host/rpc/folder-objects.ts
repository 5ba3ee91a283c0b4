// All files below a folder of this machine into the vault, each an object whose name says where it was. Small
// ones go many at a time. Run again, it stores only what is new: what the vault has is recognised by its content.

import { close, constants, type Dirent, fstat, open, read } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

import { utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { ObjectInfo, Progress, SmallObject, Vault } from "../vault/object.ts";
import type { FileFailure, FolderReport } from "./api.ts";
import { mediaTypeOf, storeFileAsObject } from "./object-files.ts";

// A handle for each costs more than all else that is done to a small file here.
const openFile = promisify(open);
const statFile = promisify(fstat);
const readFile = promisify(read);
const closeFile = promisify(close);
/** What has become a link or a pipe since its folder was listed is not followed, and not waited for. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Files that are looked into before they are asked for: a disk answers many questions at once. */
const READ_AHEAD = 16;
/** Files that are not small and are put side by side. */
const LARGE_AT_ONCE = 8;
/** Failures that are named; others are counted. */
const FAILURES_NAMED = 100;

/** Who hears of a folder that is being stored. */
export interface FolderEars {
  /** Told of objects when they are durable. Not much more is stored before it has answered. */
  readonly onStored: (objects: readonly ObjectInfo[]) => void | Promise<void>;
  /** Bytes that are durable. */
  readonly onProgress: Progress;
}

/** Stores the files below `path`; see `ControlApi.putFolder`. */
export async function storeFolderAsObjects(
  vault: Pick<Vault, "put" | "putMany">,
  path: string,
  { onStored, onProgress }: FolderEars,
): Promise<FolderReport> {
  await requireFolder(path);
  const walk = new FolderWalk();
  const large = new LargePuts();
  let objectCount = 0;
  let sizeBytes = 0;
  const tell = async (objects: readonly ObjectInfo[]): Promise<void> => {
    objectCount += objects.length;
    sizeBytes += objects.reduce((sum, object) => sum + object.sizeBytes, 0);
    onProgress(sizeBytes, undefined);
    await onStored(objects);
  };
  const putLarge = async (file: FoundFile): Promise<void> => {
    const stored = await storeFileAsObject(vault, file.path, () => {}, file.name).catch((thrown: unknown) => {
      // A failure of the vault is not the file's: it ends all.
      if (!isFileFailure(thrown)) throw thrown;
      walk.fail(file.path, thrown);
    });
    if (stored !== undefined) await tell([stored]);
  };
  try {
    await vault.putMany(
      walk.smallOnes(path, (file) => large.begin(() => putLarge(file))),
      { onStored: tell },
    );
  } finally {
    await large.settled();
  }
  large.throwFailure();
  return { objectCount, sizeBytes, ...walk.report() };
}

async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new TwinError("TWIN_INPUT_INVALID", `${path} cannot be read: ${cause.code}.`, {}, cause);
  });
  if (!found.isDirectory()) throw new TwinError("TWIN_INPUT_INVALID", `${path} is not a folder.`);
}

interface FoundFile {
  readonly path: string;
  /** Of the object that it becomes. */
  readonly name: string;
}

/** A walk through all that is below a folder, in the order of names. */
class FolderWalk {
  readonly #failures: FileFailure[] = [];
  #failedCount = 0;
  #otherCount = 0;

  /** The small files below `folder`, as objects. Each of the others is given to `takeLarge`, and waited for. */
  async *smallOnes(
    folder: string,
    takeLarge: (file: FoundFile) => Promise<void>,
  ): AsyncGenerator<SmallObject, void, undefined> {
    const ahead: (readonly [FoundFile, Promise<SmallObject | "large" | "failed">])[] = [];
    const takeFirst = async (): Promise<SmallObject | undefined> => {
      const [file, looked] = ahead.shift()!;
      const found = await looked;
      if (found === "large") await takeLarge(file);
      return typeof found === "string" ? undefined : found;
    };
    for await (const file of this.#files(folder, basename(folder))) {
      ahead.push([file, this.#look(file)]);
      const object = ahead.length < READ_AHEAD ? undefined : await takeFirst();
      if (object !== undefined) yield object;
    }
    while (ahead.length > 0) {
      const object = await takeFirst();
      if (object !== undefined) yield object;
    }
  }

  /** Notes that the file, or the folder, cannot be stored. */
  fail(path: string, thrown: unknown): void {
    this.#failedCount++;
    if (this.#failures.length < FAILURES_NAMED) this.#failures.push({ path, reason: reasonOf(thrown) });
  }

  report(): Pick<FolderReport, "otherCount" | "failedCount" | "failures"> {
    return { otherCount: this.#otherCount, failedCount: this.#failedCount, failures: this.#failures };
  }

  async *#files(folder: string, name: string): AsyncGenerator<FoundFile, void, undefined> {
    for (const entry of await this.#entries(folder)) {
      const file = { path: join(folder, entry.name), name: `${name}/${entry.name}` };
      if (entry.isDirectory()) yield* this.#files(file.path, file.name);
      else if (!entry.isFile()) this.#otherCount++;
      else if (utf8Encode(file.name).length <= LIMITS.vault.objectNameSizeBytes) yield file;
      else this.fail(file.path, "its name is too long");
    }
  }

  async #entries(folder: string): Promise<Dirent[]> {
    try {
      const entries = await readdir(folder, { withFileTypes: true });
      return entries.toSorted((left, right) => (left.name < right.name ? -1 : 1));
    } catch (thrown) {
      this.fail(folder, thrown);
      return [];
    }
  }

  /** Reads the file if it is small. Never rejects. */
  async #look({ path, name }: FoundFile): Promise<SmallObject | "large" | "failed"> {
    try {
      const bytes = await readSmall(path);
      return bytes === undefined ? "large" : { bytes, meta: { name, type: mediaTypeOf(path) } };
    } catch (thrown) {
      this.fail(path, thrown);
      return "failed";
    }
  }
}

/** What is in the file, or undefined when that is not small. */
async function readSmall(path: string): Promise<Uint8Array | undefined> {
  const descriptor = await openFile(path, READ_FLAGS);
  try {
    const found = await statFile(descriptor);
    if (!found.isFile()) throw new TwinError("TWIN_INPUT_INVALID", "it is not a file any more");
    if (found.size > LIMITS.vault.smallObjectSizeBytes) return undefined;
    const bytes = Buffer.allocUnsafeSlow(found.size);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await readFile(descriptor, bytes, filled, bytes.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await closeFile(descriptor);
  }
}

/** Puts that go on beside the walk. */
class LargePuts {
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly thrown: unknown } | undefined;

  /** Begins `put` as soon as there is a place. Throws what one before it threw. */
  async begin(put: () => Promise<void>): Promise<void> {
    while (this.#running.size >= LARGE_AT_ONCE) await Promise.race(this.#running);
    this.throwFailure();
    const running = put()
      .catch((thrown: unknown) => {
        this.#failure ??= { thrown };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Waits for all of them. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }
}

function isFileFailure(thrown: unknown): boolean {
  return thrown instanceof TwinError ? thrown.code === "TWIN_INPUT_INVALID" : codeOf(thrown) !== undefined;
}

function reasonOf(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  return codeOf(thrown) ?? (thrown instanceof Error ? thrown.message : "unknown");
}

/** Of what the file system threw. */
function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "syscall" in thrown ? (thrown as NodeJS.ErrnoException).code : undefined;
}
