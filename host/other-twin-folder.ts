// Where the other twins of a host are: `twins/NAME` in its data folder.

import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { TwinError } from "./base/errors.ts";
import { deriveIdentity } from "./identity/key-tree.ts";
import { readKeystore } from "./identity/keystore.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { isTwinName } from "./web/hosts.ts";

/** Where the data of a host's other twin is, whether there is one or not. Throws `TWIN_CONFIG_INVALID` for what is no name. */
export function otherTwinFolder(folder: string, name: string): string {
  if (isTwinName(name)) return join(folder, "twins", name);
  throw new TwinError(
    "TWIN_CONFIG_INVALID",
    `"${name}" is no name of a twin: 1 to 32 small letters, digits and single hyphens, and begins with a letter.`,
  );
}

/** A twin that comes from its stores or its export. */
export interface ComingTwin {
  readonly id: string;
  /** As which other twin of a host; absent: as its first one. */
  readonly name?: string | undefined;
}

/**
 * The folder to make for it in the data `folder`. Throws `TWIN_CONFIG_INVALID` for a name that is none, where no host
 * is that could have another twin, and when the host has this twin already: twice, it would contradict itself.
 */
export async function placeForTwin(folder: string, { id, name }: ComingTwin, kernels: Kernels): Promise<string> {
  if (name === undefined) return folder;
  const place = otherTwinFolder(folder, name);
  const first = await twinOf(folder, kernels);
  if (first === undefined) {
    throw new TwinError(
      "TWIN_CONFIG_INVALID",
      `There is no host in ${folder} that could have another twin: leave out --as to make this its first one.`,
    );
  }
  const names = await readdir(join(folder, "twins")).catch((): string[] => []);
  for (const other of names.filter(isTwinName)) {
    if ((await twinOf(join(folder, "twins", other), kernels)) === id) throw isHere(`as ${other}`);
  }
  if (first === id) throw isHere("as its first one");
  return place;
}

async function twinOf(folder: string, kernels: Kernels): Promise<string | undefined> {
  const entropy = await readKeystore(join(folder, "keystore.json"), kernels);
  return entropy && deriveIdentity(entropy, kernels).id;
}

function isHere(how: string): TwinError {
  return new TwinError("TWIN_CONFIG_INVALID", `This host has that twin already, ${how}.`);
}
