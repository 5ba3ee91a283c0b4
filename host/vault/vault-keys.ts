// The vault's subkeys: one purpose, one key. The table of contexts is part of the format (docs/formats/vault.md).

import { concatBytes } from "../base/bytes.ts";
import type { Kernels } from "../kernels/kernels.ts";

/** BLAKE3 derive_key contexts over the 32-byte vault key. Never change one: stored data hangs on it. */
const VAULT_CONTEXTS = {
  dataId: "digital-twin-host 2026-11 vault data block id v1",
  manifestId: "digital-twin-host 2026-11 vault manifest block id v1",
  blockSeal: "digital-twin-host 2026-11 vault block seal v1",
  tableSeal: "digital-twin-host 2026-11 vault segment table seal v1",
  shardCheck: "digital-twin-host 2026-11 vault shard header check v1",
  shardName: "digital-twin-host 2026-11 vault shard name v1",
  storeMark: "digital-twin-host 2026-11 vault store mark v1",
} as const;

/** 32 bytes each, secret. */
export type VaultKeys = { readonly [Purpose in keyof typeof VAULT_CONTEXTS]: Uint8Array };

/** Derives every subkey of the 32-byte vault key. */
export function deriveVaultKeys(key: Uint8Array, kernels: Kernels): VaultKeys {
  if (key.length !== 32) throw new RangeError(`The vault key has 32 bytes, not ${key.length}.`);
  const derive = (purpose: keyof typeof VAULT_CONTEXTS): Uint8Array => kernels.deriveKey(VAULT_CONTEXTS[purpose], key);
  return {
    dataId: derive("dataId"),
    manifestId: derive("manifestId"),
    blockSeal: derive("blockSeal"),
    tableSeal: derive("tableSeal"),
    shardCheck: derive("shardCheck"),
    shardName: derive("shardName"),
    storeMark: derive("storeMark"),
  };
}

/**
 * The key that seals one block in one segment: a PRF of block id and segment id. The segment id is
 * fresh randomness, so a key never meets two plaintexts and equal blocks never show equal ciphertext.
 */
export function blockKey(keys: VaultKeys, kernels: Kernels, blockId: Uint8Array, segmentId: Uint8Array): Uint8Array {
  return kernels.keyedHash(keys.blockSeal, concatBytes(blockId, segmentId));
}

/** The key that seals the block table of one segment. */
export function tableKey(keys: VaultKeys, kernels: Kernels, segmentId: Uint8Array): Uint8Array {
  return kernels.keyedHash(keys.tableSeal, segmentId);
}
