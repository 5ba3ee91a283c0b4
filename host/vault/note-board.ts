// Notes: small sealed records under secret names, a whole copy on every store, so that any one store
// that answers is enough to read them. What they say is the business of who writes them.

import { TwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { GuardedStore } from "./guarded-store.ts";
import type { SegmentCode } from "./segment.ts";

/** Notes of this vault. Names are shard names that nobody else uses; contents are sealed by the caller. */
export interface NoteBoard {
  /** Stores that must take a note: more than may be lost. What fewer have may be the rest of a put that failed. */
  readonly needed: number;
  /** Durable on more stores than may be lost, when it resolves. Throws `TWIN_STORE_FAILED` when fewer took it. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Every copy that a store gives; what it is worth is for the seal to judge. */
  get(name: string): Promise<Uint8Array[]>;
  /** The same, and how many stores answered at all. */
  look(name: string): Promise<NoteCopies>;
  /** Best effort, on every store. Answers whether any store had it. */
  delete(name: string): Promise<boolean>;
}

/** What the stores have of a note. */
interface NoteCopies {
  readonly copies: readonly Uint8Array[];
  /** Stores that gave a copy or said that they have none. */
  readonly answered: number;
}

/** What a board needs of its vault. */
interface NoteBoardParts {
  /** Looked at anew for each note. */
  readonly stores: readonly GuardedStore[];
  readonly code: SegmentCode;
  readonly log: Log;
}

/** The board over all stores. */
export function createNoteBoard({ stores, code, log }: NoteBoardParts): NoteBoard {
  const needed = code.parityShards + 1;
  const copiesOn = async (name: string): Promise<(Uint8Array | undefined)[]> =>
    await askAll([...stores], (store) => store.get(name));
  return {
    needed,
    async put(name, bytes) {
      const open = stores.filter(({ isDraining }) => !isDraining);
      const taken = (await askAll(open, (store) => store.put(name, bytes))).length;
      if (taken < open.length) log.warn({ taken, stores: open.length }, "some stores did not take a note");
      if (taken >= needed) return;
      throw new TwinError("TWIN_STORE_FAILED", `${taken} stores took a note, ${needed} must: bring stores back.`, {
        taken,
        needed,
      });
    },
    get: async (name) => (await copiesOn(name)).filter((copy) => copy !== undefined),
    async look(name) {
      const answers = await copiesOn(name);
      return { copies: answers.filter((copy) => copy !== undefined), answered: answers.length };
    },
    async delete(name) {
      const found = await askAll([...stores], async (store) => {
        if ((await store.stat(name)) === undefined) return false;
        await store.delete(name);
        return true;
      });
      return found.includes(true);
    },
  };
}

/** What each store answers; nothing for one that fails. */
async function askAll<T>(stores: readonly GuardedStore[], ask: (store: GuardedStore) => Promise<T>): Promise<T[]> {
  const answers = await Promise.allSettled(stores.map(ask));
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
}
