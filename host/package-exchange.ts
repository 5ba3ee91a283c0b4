// Packages between this twin and others: what it offers, and what it takes from them.

import { TwinError } from "./base/errors.ts";
import type { TwinId } from "./identity/twin-id.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { askOffers, type PackageGiver, takePackage } from "./packages/offer.ts";
import type { OfferShelf } from "./packages/offer-shelf.ts";
import type { Peers } from "./peers/peers.ts";
import type { PackagesPart } from "./rpc/owner-parts.ts";

/** What the exchange is made of. */
export interface ExchangeParts {
  readonly shelf: OfferShelf;
  readonly kernels: Pick<Kernels, "hash">;
  /** Absent while the host has no network. */
  readonly peers: Pick<Peers, "ask"> | undefined;
}

/** The owner's part of it. */
export function createPackageExchange({ shelf, kernels, peers }: ExchangeParts): PackagesPart {
  const giver = (twin: TwinId): PackageGiver => {
    if (peers === undefined) {
      throw new TwinError(
        "TWIN_HOST_BUSY",
        "This host has no network open: start it with `twin start`, then try again.",
      );
    }
    return {
      offers: () => peers.ask(twin, (host) => host.offers()),
      packagePart: (hash, offset) => peers.ask(twin, (host) => host.packagePart(hash, offset)),
    };
  };
  return {
    offer: (bytes, circles) => shelf.offer(bytes, circles),
    list: () => shelf.list(),
    withdraw: (hash) => shelf.withdraw(hash),
    offersOf: async (twin) => askOffers(giver(twin)),
    take: async (twin, hash) => takePackage(giver(twin), { hash, kernels }),
  };
}
