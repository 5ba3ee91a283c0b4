// Logins to registries, from the file in which `docker login` and `oras login` keep them.

import { readFile } from "node:fs/promises";
import { TwinError } from "../base/errors.ts";
import type { RegistryCredentials } from "./oci-client.ts";
import { isRecord } from "./strict-shape.ts";

/**
 * Name and password at `registry`; undefined when the file at `path` is not there or knows none. Helper
 * programs that keep logins elsewhere (`credsStore`) are not run. Throws `TWIN_CONFIG_INVALID` when the
 * file cannot be understood.
 */
export async function readRegistryLogin(path: string, registry: string): Promise<RegistryCredentials | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return undefined;
  }
  const invalid = (): TwinError =>
    new TwinError("TWIN_CONFIG_INVALID", `${path} holds no logins that can be understood; log in again.`);
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw invalid();
  }
  const logins = isRecord(file) && isRecord(file["auths"]) ? file["auths"] : {};
  const login = Object.hasOwn(logins, registry) ? logins[registry] : undefined;
  if (!isRecord(login) || login["auth"] === undefined) return undefined;
  const both = typeof login["auth"] === "string" ? Buffer.from(login["auth"], "base64").toString("utf8") : "";
  const colon = both.indexOf(":");
  if (colon < 1) throw invalid();
  return { user: both.slice(0, colon), password: both.slice(colon + 1) };
}
