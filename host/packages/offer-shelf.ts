// What this twin offers to the twins of others, in its own tables: a row in `$offers` for each package,
// and its file in `$offer-parts`. Both are written in one commit, so an offer is whole or absent.

import { concatBytes, jsonDecode, jsonEncode, utf8Encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { StateEntry, StateRange, StateWrite } from "../state/state-store.ts";
import { NAME_RULE } from "./manifest-file.ts";
import { HASH_RULE, type PackageOffer } from "./offer.ts";
import { packageFile, readPackage } from "./package-file.ts";
import { expectMatch, expectNames, type Place } from "./strict-shape.ts";

const OFFERS = "$offers";
const PARTS = "$offer-parts";
/** Bytes of one row of a file, and of one answer to another twin. */
const PART_SIZE = 120 * 1_024;
const HOUR_MS = 60 * 60 * 1_000;
const PLACE: Place = { path: "offer", code: "TWIN_INPUT_INVALID" };

/** An offer and whom it is for. JSON. */
export interface OwnOffer extends PackageOffer {
  /** Circles whose members may take it. */
  readonly circles: readonly string[];
  readonly offeredAtMs: number;
}

/** Another twin that takes, proven by its connection. */
export interface Taker {
  readonly twin: string;
  readonly circles: readonly string[];
}

/** Piece of a package on its way to another twin. */
export interface PackagePart {
  /** Of the whole file. */
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
}

/** What a shelf needs. */
export interface OfferShelfParts {
  /** The twin's tables. */
  readonly table: {
    readTable(range: StateRange): Promise<StateEntry[]>;
    writeTable(writes: readonly StateWrite[]): Promise<void>;
  };
  readonly kernels: Pick<Kernels, "hash">;
  readonly clock: Pick<Clock, "nowMs">;
}

/** The packages on offer. Changes happen one after the other. */
export class OfferShelf {
  readonly #parts: OfferShelfParts;
  /** What each twin has taken since when. */
  readonly #taken = new Map<string, { readonly sinceMs: number; sizeBytes: number }>();
  #change: Promise<unknown> = Promise.resolve();

  constructor(parts: OfferShelfParts) {
    this.#parts = parts;
  }

  /** Newest first. */
  async list(): Promise<OwnOffer[]> {
    const limit = LIMITS.packages.offerCount;
    const rows = await this.#parts.table.readTable({ namespace: OFFERS, start: new Uint8Array(), limit });
    const offers = rows.map(({ value }) => jsonDecode(value) as OwnOffer);
    return offers.toSorted((left, right) => right.offeredAtMs - left.offeredAtMs);
  }

  /**
   * Offers a package to circles, in the place of an earlier offer of the same package. Throws
   * `TWIN_PACKAGE_*` when it is none, `TWIN_INPUT_INVALID` for what are no circles (`anyone` is none), and
   * `TWIN_LIMIT_EXCEEDED` when there are too many offers.
   */
  offer(bytes: Uint8Array, circles: readonly string[]): Promise<OwnOffer> {
    const pack = readPackage(bytes, this.#parts.kernels);
    checkCircles(circles);
    const { name, version, title, description, dependencies = {} } = pack.manifest;
    const { hash, publisher } = pack;
    const file = packageFile(pack);
    const described = { hash, name, version, title, description, publisher, sizeBytes: file.length, dependencies };
    return this.#inTurn(async () => {
      const offer: OwnOffer = { ...described, circles, offeredAtMs: this.#parts.clock.nowMs() };
      checkRoom(
        (await this.list()).filter((other) => other.hash !== hash),
        offer,
      );
      await this.#parts.table.writeTable([
        ...(await this.#forget(hash)),
        ...partWrites(hash, file),
        { namespace: OFFERS, key: utf8Encode(hash), value: jsonEncode(offer) },
      ]);
      return offer;
    });
  }

  /** Takes an offer back. Throws `TWIN_PACKAGE_UNKNOWN`. */
  withdraw(hash: string): Promise<void> {
    return this.#inTurn(async () => {
      if ((await this.#find(hash)) === undefined) throw unknown();
      await this.#parts.table.writeTable(await this.#forget(hash));
    });
  }

  /** What may be taken by who is in these circles. */
  async offersFor({ circles }: Pick<Taker, "circles">): Promise<PackageOffer[]> {
    const offers = (await this.list()).filter((offer) => isFor(offer, circles));
    return offers.map(({ circles: _circles, offeredAtMs: _offeredAtMs, ...offer }) => offer);
  }

  /**
   * The bytes of an offered file from `offset` on, which is where an earlier part ended. Throws
   * `TWIN_PACKAGE_UNKNOWN` for what is not offered to the taker, and `TWIN_HOST_BUSY` when it has taken
   * too much in the last hour.
   */
  async readPart(taker: Taker, hash: string, offset: number): Promise<PackagePart> {
    const offer = await this.#find(hash);
    if (offer === undefined || !isFor(offer, taker.circles)) throw unknown();
    if (offset % PART_SIZE !== 0 || offset >= offer.sizeBytes) {
      throw new TwinError("TWIN_INPUT_INVALID", `A part begins at a multiple of ${PART_SIZE} within the file.`);
    }
    const [row] = await this.#readRows(partKey(hash, offset / PART_SIZE), 1);
    if (row === undefined) throw unknown();
    this.#charge(taker.twin, row.value.length);
    return { sizeBytes: offer.sizeBytes, bytes: row.value };
  }

  #charge(twin: string, sizeBytes: number): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const [other, { sinceMs }] of this.#taken) if (nowMs - sinceMs >= HOUR_MS) this.#taken.delete(other);
    const taken = this.#taken.getOrInsertComputed(twin, () => ({ sinceMs: nowMs, sizeBytes: 0 }));
    taken.sizeBytes += sizeBytes;
    if (taken.sizeBytes <= LIMITS.packages.takenSizeBytesPerHour) return;
    const retryInMs = taken.sinceMs + HOUR_MS - nowMs;
    const message = "This twin gives no more packages to you in this hour; ask again later.";
    throw new TwinError("TWIN_HOST_BUSY", message, { retryInMs });
  }

  async #find(hash: string): Promise<OwnOffer | undefined> {
    const key = utf8Encode(hash);
    const [row] = await this.#parts.table.readTable({ namespace: OFFERS, start: key, limit: 1 });
    const offer = row === undefined ? undefined : (jsonDecode(row.value) as OwnOffer);
    return offer?.hash === hash ? offer : undefined;
  }

  async #forget(hash: string): Promise<StateWrite[]> {
    const offer = await this.#find(hash);
    if (offer === undefined) return [];
    const count = Math.ceil(offer.sizeBytes / PART_SIZE);
    return [
      { namespace: OFFERS, key: utf8Encode(hash), value: undefined },
      ...Array.from({ length: count }, (_, index) => ({
        namespace: PARTS,
        key: partKey(hash, index),
        value: undefined,
      })),
    ];
  }

  #readRows(start: Uint8Array, limit: number): Promise<StateEntry[]> {
    return this.#parts.table.readTable({ namespace: PARTS, start, end: concatBytes(start, Uint8Array.of(0)), limit });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#change.then(work);
    this.#change = done.catch(() => {});
    return done;
  }
}

function isFor(offer: OwnOffer, circles: readonly string[]): boolean {
  return offer.circles.some((circle) => circles.includes(circle));
}

function checkCircles(circles: readonly string[]): void {
  expectNames(circles, PLACE, { least: 1, most: 16, read: (circle, at) => expectMatch(circle, at, NAME_RULE) });
  if (!circles.includes("anyone")) return;
  const message =
    "Packages are offered to circles of contacts, and anyone is not one. Put it behind an https link, or into a registry.";
  throw new TwinError("TWIN_INPUT_INVALID", message);
}

function checkRoom(others: readonly OwnOffer[], { sizeBytes }: OwnOffer): void {
  const size = others.reduce((sum, other) => sum + other.sizeBytes, sizeBytes);
  const { offerCount, offeredSizeBytes } = LIMITS.packages;
  if (others.length < offerCount && size <= offeredSizeBytes) return;
  const message = `At most ${offerCount} packages of ${offeredSizeBytes} bytes together can be offered. Withdraw one first: twin capability unpublish HASH.`;
  throw new TwinError("TWIN_LIMIT_EXCEEDED", message);
}

function* partWrites(hash: string, file: Uint8Array<ArrayBuffer>): Generator<StateWrite> {
  for (let offset = 0; offset < file.length; offset += PART_SIZE) {
    yield { namespace: PARTS, key: partKey(hash, offset / PART_SIZE), value: file.slice(offset, offset + PART_SIZE) };
  }
}

/** In the order of the parts. */
function partKey(hash: string, index: number): Uint8Array<ArrayBuffer> {
  return utf8Encode(`${hash}/${String(index).padStart(4, "0")}`);
}

/** The same for a package that is not there and one that is not for the taker: it learns nothing. */
function unknown(): TwinError {
  return new TwinError("TWIN_PACKAGE_UNKNOWN", "No such package is offered to you.");
}

/** Throws `TWIN_INPUT_INVALID` for what is no hash of a package. */
export function checkHash(hash: unknown): string {
  return expectMatch(hash, { path: "hash", code: "TWIN_INPUT_INVALID" }, HASH_RULE);
}
