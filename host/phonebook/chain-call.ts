// The three calls that a twin signs on TFChain, and nothing else: they are encoded here, so that no node,
// whatever it says of itself, gets a signature over anything but them. SCALE and the transaction format 4
// of Substrate; indices and extensions as threefoldtech/tfchain fixes them in
// substrate-node/runtime/src/lib.rs (`construct_runtime!`, `SignedExtra`) and pallets/pallet-tfgrid/src/lib.rs.

import { concatBytes, utf8Encode } from "../base/bytes.ts";
import type { Identity } from "../identity/identity.ts";
import { SIGNATURE_SIZE } from "../identity/signature.ts";
import { publicKeyOf, type TwinId } from "../identity/twin-id.ts";

/** `TfgridModule` in the runtime, and its calls by the names that their metadata gives them. */
export const TFGRID_CALLS = {
  pallet: 25,
  create_twin: 17,
  update_twin: 18,
  user_accept_tc: 25,
} as const;

/** What the runtime adds to each call that it has signed, in this order. */
export const SIGNED_EXTENSIONS: readonly string[] = [
  "CheckNonZeroSender",
  "CheckSpecVersion",
  "CheckTxVersion",
  "CheckGenesis",
  "CheckEra",
  "CheckNonce",
  "CheckWeight",
  "ChargeTransactionPayment",
];

/** One call of `TfgridModule`. */
export type ChainCall =
  | { readonly name: "user_accept_tc"; readonly documentLink: string; readonly documentHash: string }
  | {
      readonly name: "create_twin" | "update_twin";
      /** Absent: none from now on. */
      readonly relay?: string | undefined;
      /** The X25519 key, 32 bytes. */
      readonly pk?: Uint8Array | undefined;
    };

/** What a transaction says of its chain and its moment. */
export interface ChainMoment {
  /** 32 bytes: the signature is worth nothing on another chain. */
  readonly genesisHash: Uint8Array;
  readonly specVersion: number;
  readonly transactionVersion: number;
  /** Of a block that is final, 32 bytes: where its time begins. */
  readonly blockNumber: number;
  readonly blockHash: Uint8Array;
  /** How many transactions the account has signed. */
  readonly nonce: number;
}

const HASH_SIZE = 32;
const SIGNED_VERSION_4 = 0x84;
const ADDRESS_ID = 0;
const SIGNATURE_ED25519 = 0;
/** Blocks that it may wait, a power of two: 64 of 6 seconds. */
const PERIOD = 64;
const PERIOD_LOG = 6;

/** The call in SCALE. */
function encodeCall(call: ChainCall): Uint8Array<ArrayBuffer> {
  const head = Uint8Array.of(TFGRID_CALLS.pallet, TFGRID_CALLS[call.name]);
  if (call.name === "user_accept_tc")
    return concatBytes(head, sized(utf8Encode(call.documentLink)), sized(utf8Encode(call.documentHash)));
  const { relay, pk } = call;
  return concatBytes(head, optional(relay === undefined ? undefined : utf8Encode(relay)), optional(pk));
}

/** The call as a transaction of the twin's account, signed by it, without a tip. It is valid for about six minutes. */
export function signCall(identity: Identity, call: ChainCall, moment: ChainMoment): Uint8Array<ArrayBuffer> {
  const { genesisHash, blockHash, specVersion, transactionVersion } = moment;
  if (genesisHash.length !== HASH_SIZE || blockHash.length !== HASH_SIZE)
    throw new RangeError(`A block's hash has ${HASH_SIZE} bytes.`);
  const signature = identity.signTransaction(
    concatBytes(
      encodeCall(call),
      extraOf(moment),
      uint32(specVersion),
      uint32(transactionVersion),
      genesisHash,
      blockHash,
    ),
  );
  return transaction(identity.id, call, { moment, signature });
}

/** A transaction of that size which nobody has signed: to ask what it would cost. */
export function unsignedCall(twin: TwinId, call: ChainCall, moment: ChainMoment): Uint8Array<ArrayBuffer> {
  return transaction(twin, call, { moment, signature: new Uint8Array(SIGNATURE_SIZE) });
}

function transaction(
  twin: TwinId,
  call: ChainCall,
  { moment, signature }: { readonly moment: ChainMoment; readonly signature: Uint8Array },
): Uint8Array<ArrayBuffer> {
  return sized(
    concatBytes(
      Uint8Array.of(SIGNED_VERSION_4, ADDRESS_ID),
      publicKeyOf(twin),
      Uint8Array.of(SIGNATURE_ED25519),
      signature,
      extraOf(moment),
      encodeCall(call),
    ),
  );
}

/** Era, nonce, and no tip. */
function extraOf({ blockNumber, nonce }: ChainMoment): Uint8Array {
  return concatBytes(era(blockNumber), compact(nonce), compact(0));
}

/** Substrate's mortal era: log2 of the period less one in the low four bits, the phase above (sp_runtime, generic/era.rs). */
function era(blockNumber: number): Uint8Array {
  const value = PERIOD_LOG - 1 + ((blockNumber % PERIOD) << 4);
  return Uint8Array.of(value & 0xff, value >> 8);
}

function optional(bytes: Uint8Array | undefined): Uint8Array {
  return bytes === undefined ? Uint8Array.of(0) : concatBytes(Uint8Array.of(1), sized(bytes));
}

function sized(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(compact(bytes.length), bytes);
}

/** SCALE's compact integer below 2^30: two bits say whether it has one, two or four bytes. */
function compact(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 30) throw new RangeError("This count is not below 2^30.");
  if (value < 2 ** 6) return Uint8Array.of(value << 2);
  return value < 2 ** 14 ? uint32((value << 2) | 1).subarray(0, 2) : uint32(value * 4 + 2);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
