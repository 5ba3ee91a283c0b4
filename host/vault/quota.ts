// The bound that the owner has set for the bytes of all objects together.

import { TwinError } from "../base/errors.ts";
import type { VaultParts } from "./vault-parts.ts";

/** Throws `TWIN_STORE_FULL` when the vault may not hold `moreBytes` more. To be asked before anything is acknowledged, and before more of it is sent. */
export function requireRoom({ quota, census }: Pick<VaultParts, "quota" | "census">, moreBytes: number): void {
  const { sizeBytes } = census.objects;
  if (quota.bytes === undefined || sizeBytes + moreBytes <= quota.bytes) return;
  throw new TwinError(
    "TWIN_STORE_FULL",
    `The vault may hold ${quota.bytes} bytes and holds ${sizeBytes}: nothing was stored; forget something or raise its quota.`,
    { quotaBytes: quota.bytes, sizeBytes },
  );
}
