// A state store in one SQLite file, written through: every commit is synced there before it is
// acknowledged. For small tables with one user; a twin's own state goes through the journal.

import { LIMITS } from "../base/limits.ts";
import { openStateFile, type StateFile, type StateFileOptions } from "./state-file.ts";
import { checkKey, checkNamespace, checkRange } from "./state-key.ts";
import type { StateEntry, StateKey, StateRange, StateStore, StateWrite } from "./state-store.ts";

/** SQLite's own choice, of which its log is made. */
const PAGE_SIZE = 4_096;

/** What opening a store needs. */
interface SqliteStateOptions extends StateFileOptions {
  /**
   * How the size of a namespace is known: `counted` with each row that is written, which asks for the row before,
   * and kept in the file for who takes it over (the default); or `summed` over all rows whenever somebody asks.
   */
  readonly sizes?: "counted" | "summed" | undefined;
}

/**
 * Opens a store over the file, or creates it when it is absent; rejects as {@link openStateFile}
 * throws. Commits that are made in one turn of the event loop share one transaction and one sync;
 * each is still all or nothing.
 */
export async function openSqliteStateStore({ sizes, ...options }: SqliteStateOptions): Promise<StateStore> {
  const file = openStateFile(options);
  file.setUp(`PRAGMA wal_autocheckpoint = ${LIMITS.state.checkpointSizeBytes / PAGE_SIZE}`);
  return new SqliteStateStore(file, sizes !== "summed");
}

class SqliteStateStore implements StateStore {
  readonly #file: StateFile;
  readonly #countsSizes: boolean;
  /** Sizes of the namespaces that were asked for; those with `changed` are written with the group. */
  readonly #sizes = new Map<string, { bytes: number; changed: boolean }>();
  /** The group that is being collected: its transaction is open. */
  #group: PromiseWithResolvers<void> | undefined;

  constructor(file: StateFile, countsSizes: boolean) {
    this.#file = file;
    this.#countsSizes = countsSizes;
  }

  get(at: StateKey): Uint8Array | undefined {
    checkKey(at);
    return this.#file.get(at);
  }

  scan(range: StateRange): StateEntry[] {
    checkRange(range);
    return this.#file.scan(range);
  }

  sizeBytes(namespace: string): number {
    checkNamespace(namespace);
    return this.#countsSizes ? this.#sizeOf(namespace).bytes : this.#file.namespaceSizeBytes(namespace);
  }

  commit(writes: readonly StateWrite[]): Promise<void> {
    for (const write of writes) checkKey(write);
    try {
      if (this.#group === undefined) this.#beginGroup();
      this.#apply(writes);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    return this.#group!.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#file.isOpen) return;
    this.#endGroup();
    this.#file.close();
  }

  #beginGroup(): void {
    this.#file.exec("BEGIN IMMEDIATE");
    const group = Promise.withResolvers<void>();
    // Whoever committed hears of a failure; the group's own promise may have no listener left.
    group.promise.catch(() => {});
    this.#group = group;
    queueMicrotask(() => {
      if (this.#group === group) this.#endGroup();
    });
  }

  #endGroup(): void {
    const group = this.#group;
    if (group === undefined) return;
    this.#group = undefined;
    try {
      this.#writeSizes();
      this.#file.exec("COMMIT");
      group.resolve();
    } catch (thrown) {
      this.#rollBack();
      group.reject(thrown);
    }
  }

  #rollBack(): void {
    this.#sizes.clear();
    this.#file.rollBack();
  }

  /** All of `writes` inside the group's transaction, or none of them. */
  #apply(writes: readonly StateWrite[]): void {
    const growth = new Map<string, number>();
    this.#file.exec("SAVEPOINT one");
    try {
      for (const write of writes) {
        if (this.#countsSizes) growth.set(write.namespace, (growth.get(write.namespace) ?? 0) + this.#growthBy(write));
        this.#file.write(write);
      }
      this.#file.exec("RELEASE one");
    } catch (thrown) {
      if (this.#file.inTransaction) {
        this.#file.exec("ROLLBACK TO one; RELEASE one");
      } else {
        // A full disk makes SQLite drop the whole transaction, and with it the group.
        this.#group?.reject(this.#file.failure(thrown));
        this.#group = undefined;
        this.#rollBack();
      }
      throw thrown;
    }
    for (const [namespace, bytes] of growth) {
      const size = this.#sizeOf(namespace);
      size.bytes += bytes;
      size.changed = true;
    }
  }

  /** By how many bytes the namespace will grow. */
  #growthBy(write: StateWrite): number {
    return (write.value === undefined ? 0 : write.key.length + write.value.length) - this.#file.rowSizeBytes(write);
  }

  #sizeOf(namespace: string): { bytes: number; changed: boolean } {
    return this.#sizes.getOrInsertComputed(namespace, () => ({
      bytes: this.#file.ownNumber(`size:${namespace}`),
      changed: false,
    }));
  }

  #writeSizes(): void {
    for (const [namespace, size] of this.#sizes) {
      if (!size.changed) continue;
      this.#file.setOwnNumber(`size:${namespace}`, size.bytes);
      size.changed = false;
    }
  }
}
