// A twin of a host without its connections: its engine is open already, and with its folder everything
// else of it is.

import { join } from "node:path";

import { systemClock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { installBuiltIns } from "./built-ins.ts";
import { firstName } from "./config.ts";
import type { Engine } from "./engine/engine.ts";
import type { Identity } from "./identity/identity.ts";
import { installationFolder } from "./installation.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { type ExperienceShelf, openExperienceShelf } from "./packages/experience-shelf.ts";
import { OfferShelf } from "./packages/offer-shelf.ts";
import { type ContactsPhonebook, createContactsPhonebook } from "./phonebook/contacts-phonebook.ts";
import { createDirectory, type Directory } from "./phonebook/directory.ts";
import { createShardHolder, type ShardHolder } from "./peers/shard-holder.ts";
import { createSettings, type Settings } from "./settings.ts";
import type { Tfchain } from "./tfchain.ts";
import type { TwinOutside } from "./twin-outside.ts";
import { TwinStores } from "./twin-stores.ts";
import { openTwinVault, type TwinVault } from "./twin-vault.ts";
import type { Vault } from "./vault/object.ts";

/** What {@link openTwin} needs. */
export interface TwinOrigins {
  /** The twin's own: of a host's first twin the data folder, of another one `twins/NAME` in it. */
  readonly folder: string;
  /** The name that the person gave; absent: the one that the twin has. */
  readonly givenName: string | undefined;
  readonly engine: Engine;
  readonly outside: TwinOutside;
  readonly identity: Identity;
  readonly kernels: Kernels;
  /** Workers of the vault's pool of kernels. */
  readonly kernelWorkers: number;
  /** Absent: nobody outside is asked where twins are. */
  readonly tfchain?: Tfchain | undefined;
  readonly log: Log;
}

/** The twin without its connections. */
export interface OpenTwin {
  readonly folder: string;
  readonly identity: Identity;
  readonly kernels: Kernels;
  readonly engine: Engine;
  /** What its tasks reach. */
  readonly outside: TwinOutside;
  readonly vault: Vault;
  readonly stores: TwinVault["stores"];
  /** Stores over other twins. */
  readonly twinStores: TwinStores;
  /** Of other twins' shards. */
  readonly holder: ShardHolder;
  readonly shelf: ExperienceShelf;
  readonly offers: OfferShelf;
  readonly settings: Settings;
  readonly contacts: ContactsPhonebook;
  readonly directory: Directory;
  readonly tfchain?: Tfchain | undefined;
  readonly name: string;
}

/** Opens what a twin has besides its engine; it is closed with `stack`. */
export async function openTwin(stack: AsyncDisposableStack, origins: TwinOrigins): Promise<OpenTwin> {
  const { folder, engine, outside, identity, kernels, log } = origins;
  const twinStores = new TwinStores();
  const { vault, stores } = await openTwinVault(stack, {
    ...origins,
    openTwinStore: twinStores.open,
  });
  const holder = createShardHolder({ folder: join(folder, "held"), engine, kernels, clock: systemClock, log });
  const settings = createSettings(engine);
  const shelf = await openExperienceShelf({
    folder: join(folder, "experiences"),
    table: engine,
    kernels,
    clock: systemClock,
  });
  const root = installationFolder();
  await installBuiltIns({
    packages: join(root, "capabilities", "build"),
    experiences: join(root, "host", "web", "experiences"),
    engine,
    shelf,
    settings,
  });
  const name = origins.givenName ?? (await settings.get("name")) ?? firstName(identity.id);
  if (name !== (await settings.get("name"))) await settings.set("name", name);
  const contacts = createContactsPhonebook(engine);
  const { tfchain } = origins;
  const directory = createDirectory({ contacts, outside: tfchain?.phonebook, clock: systemClock, log });
  const offers = new OfferShelf({ table: engine, kernels, clock: systemClock });
  return {
    folder,
    identity,
    kernels,
    engine,
    outside,
    vault,
    stores,
    twinStores,
    holder,
    shelf,
    offers,
    settings,
    contacts,
    directory,
    tfchain,
    name,
  };
}
