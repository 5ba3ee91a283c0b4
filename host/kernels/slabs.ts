// Memory that threads share, lent and taken back. What moves between threads instead is new to the garbage collector
// each time it comes, which makes a collection for every few of them; shared memory it does not count at all. So that
// of what is wanted again is kept, and nothing of the rest.

/** Sizes are whole steps, so that a slab fits the next time too. */
const STEP_SIZE = 1_048_576;
/** So much that is no longer kept is worth a collection each time. */
const MUCH_SIZE = 50_331_648;

/** So much waits for its next use: what one large put wants. Where several run, what is more goes as it comes. */
const KEPT_SIZE = 167_772_160;

/** After so much use the other garbage of the threads is worth a collection: nothing else makes one come. */
const LONG_SIZE = 1_073_741_824;

/** Slabs between their uses. */
export interface Slabs {
  /** `sizeBytes` bytes of any content, in a slab that is the caller's alone and begins at a page. */
  take(sizeBytes: number): Uint8Array<SharedArrayBuffer>;
  /** Takes the slab under `bytes` back if it is lent, else does nothing. No thread may read or write it any more. */
  give(bytes: Uint8Array): void;
  /** Some thread may still use the slab under `bytes`, and nobody waits for that: it is never lent again. */
  forget(bytes: Uint8Array): void;
  /** Until it is disposed slabs that were given back wait for their next use, up to 160 MiB of them. */
  hold(): Disposable;
}

/** A slab until it is collected. */
interface Resting {
  readonly byteLength: number;
  readonly reference: WeakRef<SharedArrayBuffer>;
}

/** The smallest first. */
const sorted = (slabs: readonly SharedArrayBuffer[]): SharedArrayBuffer[] =>
  slabs.toSorted((left, right) => left.byteLength - right.byteLength);

const sizeOf = (slabs: readonly SharedArrayBuffer[]): number =>
  slabs.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Whether a slab is worth its use: one for a shard in the room of a segment would make that want another. */
function fits(byteLength: number, sizeBytes: number): boolean {
  return byteLength >= sizeBytes && byteLength <= Math.max(STEP_SIZE, 2 * sizeBytes);
}

/** It never grows. But memory that could is mapped for itself and goes back to the system; of what malloc has in this size much would stay. */
function createSlab(sizeBytes: number): SharedArrayBuffer {
  const maxByteLength = Math.ceil(sizeBytes / STEP_SIZE) * STEP_SIZE;
  return new SharedArrayBuffer(maxByteLength, { maxByteLength });
}

/**
 * Tells this thread's collector of as much garbage as shared memory, which it does not count, has become: of as much that
 * it does count, never touched, of which the machine gives nothing.
 */
export function tellCollector(sizeBytes: number): void {
  void new ArrayBuffer(sizeBytes);
}

/** Counts what the collectors do not, and tells them when it is worth their while. */
function createAccount(onLoose: (sizeBytes: number) => void): {
  readonly lend: (sizeBytes: number) => void;
  readonly loosen: (sizeBytes: number) => void;
  readonly fasten: (sizeBytes: number) => void;
} {
  let looseBytes = 0;
  let lentBytes = 0;
  const tell = (garbageBytes: number): void => {
    // Whatever is looked at in this turn of the event loop is kept.
    setImmediate(() => {
      tellCollector(garbageBytes);
      onLoose(garbageBytes);
    });
  };
  return {
    lend(sizeBytes) {
      lentBytes += sizeBytes;
      if (lentBytes < LONG_SIZE) return;
      lentBytes = 0;
      tell(MUCH_SIZE);
    },
    loosen(sizeBytes) {
      looseBytes += sizeBytes;
      if (looseBytes < MUCH_SIZE) return;
      tell(looseBytes);
      looseBytes = 0;
    },
    fasten(sizeBytes) {
      looseBytes = Math.max(0, looseBytes - sizeBytes);
    },
  };
}

/** No slabs yet. `onLoose` is to {@link tellCollector} in the threads that were given slabs: memory goes when all have collected what they saw of it. */
export function createSlabs(onLoose: (sizeBytes: number) => void = () => {}): Slabs {
  const lent = new WeakSet<ArrayBufferLike>();
  /** While somebody holds. */
  let held: SharedArrayBuffer[] = [];
  /** Until they are collected: the collector may come late, so they are found again. */
  let resting: Resting[] = [];
  let holders = 0;
  const account = createAccount(onLoose);

  const rest = (slabs: readonly SharedArrayBuffer[]): void => {
    const fresh = slabs.map((slab) => ({ byteLength: slab.byteLength, reference: new WeakRef(slab) }));
    resting = [...resting.filter(({ reference }) => reference.deref() !== undefined), ...fresh];
    resting.sort((left, right) => left.byteLength - right.byteLength);
    account.loosen(sizeOf(slabs));
  };
  /** One that rests, too large rather than none. Others are not even looked at: what is looked at lives on until the next collection. */
  const revive = (sizeBytes: number): SharedArrayBuffer | undefined => {
    for (;;) {
      const fitting = resting.findIndex(({ byteLength }) => fits(byteLength, sizeBytes));
      const at = fitting === -1 ? resting.findIndex(({ byteLength }) => byteLength >= sizeBytes) : fitting;
      const [found] = at === -1 ? [] : resting.splice(at, 1);
      if (found === undefined) return undefined;
      const slab = found.reference.deref();
      if (slab === undefined) continue;
      account.fasten(slab.byteLength);
      return slab;
    }
  };
  const find = (sizeBytes: number): SharedArrayBuffer => {
    const at = held.findIndex(({ byteLength }) => fits(byteLength, sizeBytes));
    const found = at === -1 ? revive(sizeBytes) : held.splice(at, 1)[0];
    return found ?? createSlab(sizeBytes);
  };
  const letGo = (): void => {
    if (--holders > 0) return;
    rest(held);
    held = [];
  };
  return {
    take(sizeBytes) {
      const slab = find(sizeBytes);
      lent.add(slab);
      account.lend(slab.byteLength);
      return new Uint8Array(slab, 0, sizeBytes);
    },
    give({ buffer }) {
      if (!(buffer instanceof SharedArrayBuffer) || !lent.delete(buffer)) return;
      if (holders > 0 && sizeOf(held) + buffer.byteLength <= KEPT_SIZE) {
        held = sorted([...held, buffer]);
      } else {
        rest([buffer]);
      }
    },
    forget({ buffer }) {
      if (lent.delete(buffer)) account.loosen(buffer.byteLength);
    },
    hold() {
      holders++;
      return { [Symbol.dispose]: letGo };
    },
  };
}
