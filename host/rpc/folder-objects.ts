// All files below a folder of this machine into the vault, each an object whose name says where it was. Small
// ones go many at a time. Run again, it stores only what is new: what the vault has is recognised by its content.

import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { ObjectInfo, Progress, SmallObject, Vault } from "../vault/object.ts";
import type { FileFailure, FolderReport } from "./api.ts";
import { type FileContent, FileReaders, FILES_AT_ONCE, type ReadFiles } from "./file-readers.ts";
import { mediaTypeOf, storeFileAsObject } from "./object-files.ts";

/** Questions for files whose answers are not taken yet: two for each thread that reads. */
const READS_AHEAD = 4;
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
      walk.fail(file.path, reasonOf(thrown));
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

interface FoundEntry extends FoundFile {
  readonly isFolder: boolean;
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
    using readers = new FileReaders();
    const read = async (files: readonly FoundFile[]) => readers.read(files.map(({ path }) => path));
    const ahead: (readonly [readonly FoundFile[], Promise<ReadFiles>])[] = [];
    const objectsOf = async function* (this: FolderWalk, [files, reading]: (typeof ahead)[number]) {
      for (let at = 0; at < files.length;) {
        using found = await (at === 0 ? reading : read(files.slice(at)));
        for (const content of found.contents) {
          const object = await this.#take(files[at]!, content, takeLarge);
          if (object !== undefined) yield object;
          at++;
        }
      }
    }.bind(this);
    for await (const files of this.#files(folder)) {
      const reading = read(files);
      // Its failure is met when it is waited for.
      reading.catch(() => {});
      ahead.push([files, reading]);
      if (ahead.length >= READS_AHEAD) yield* objectsOf(ahead.shift()!);
    }
    for (const asked of ahead) yield* objectsOf(asked);
  }

  /** Notes that the file, or the folder, cannot be stored. */
  fail(path: string, reason: string): void {
    this.#failedCount++;
    if (this.#failures.length < FAILURES_NAMED) this.#failures.push({ path, reason });
  }

  report(): Pick<FolderReport, "otherCount" | "failedCount" | "failures"> {
    return { otherCount: this.#otherCount, failedCount: this.#failedCount, failures: this.#failures };
  }

  /** The file as a small object, unless it is none. */
  async #take(
    file: FoundFile,
    content: FileContent,
    takeLarge: (file: FoundFile) => Promise<void>,
  ): Promise<SmallObject | undefined> {
    if (content instanceof Uint8Array) {
      return { bytes: content, meta: { name: file.name, type: mediaTypeOf(file.path) } };
    }
    if (content === "large") await takeLarge(file);
    else this.fail(file.path, content.reason);
    return undefined;
  }

  /** All files below the folder, as many at a time as are read at once. */
  async *#files(folder: string): AsyncGenerator<readonly FoundFile[], void, undefined> {
    /** What is still to be seen, the next one last. */
    const entries: FoundEntry[] = [{ path: folder, name: basename(folder), isFolder: true }];
    let files: FoundFile[] = [];
    for (let next = entries.pop(); next !== undefined; next = entries.pop()) {
      if (next.isFolder) {
        for (const entry of await this.#entriesBackwards(next)) entries.push(entry);
        continue;
      }
      files.push(next);
      if (files.length < FILES_AT_ONCE) continue;
      yield files;
      files = [];
    }
    if (files.length > 0) yield files;
  }

  /** Files and folders in the folder that can be stored, the first one last. */
  async #entriesBackwards(folder: FoundFile): Promise<FoundEntry[]> {
    const entries = await readdir(folder.path, { withFileTypes: true }).catch((thrown: unknown): Dirent[] => {
      this.fail(folder.path, reasonOf(thrown));
      return [];
    });
    const kept = entries.flatMap((entry): FoundEntry[] => {
      const found = { path: join(folder.path, entry.name), name: `${folder.name}/${entry.name}` };
      if (entry.isDirectory()) return [{ ...found, isFolder: true }];
      if (!entry.isFile()) this.#otherCount++;
      else if (utf8Encode(found.name).length <= LIMITS.vault.objectNameSizeBytes)
        return [{ ...found, isFolder: false }];
      else this.fail(found.path, "its name is too long");
      return [];
    });
    return kept.toSorted((left, right) => (left.path < right.path ? 1 : -1));
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
  return codeOf(thrown) ?? (thrown instanceof Error ? thrown.message : "unknown");
}

/** Of what the file system threw. */
function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "syscall" in thrown ? (thrown as NodeJS.ErrnoException).code : undefined;
}
