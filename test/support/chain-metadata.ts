// Metadata (version 14) of a chain that has of TFChain what a twin needs: frame_system and pallet_tfgrid,
// with the names, indices and types of threefoldtech/tfchain (substrate-node/runtime/src/lib.rs,
// substrate-node/pallets/pallet-tfgrid/src/lib.rs and types.rs), in SCALE.

import { TypeRegistry } from "@polkadot/types";

import { SIGNED_EXTENSIONS } from "../../host/phonebook/chain-call.ts";

type Definition = Readonly<Record<string, unknown>>;

/** Where the types stand in the table below. */
const T = {
  u8: 0,
  key: 1,
  account: 2,
  u32: 3,
  bytes: 4,
  maybeBytes: 5,
  proof: 6,
  proofs: 7,
  twin: 8,
  tfgridCall: 9,
  systemCall: 10,
  call: 11,
  u128: 12,
  balances: 13,
  accountInfo: 14,
  address: 15,
  signatureBytes: 16,
  signature: 17,
  nothing: 18,
  extrinsic: 19,
  event: 20,
  systemEvent: 21,
  phase: 22,
  record: 23,
  records: 24,
  moduleError: 25,
  dispatchError: 26,
  errorBytes: 27,
  tfgridError: 28,
  terms: 29,
  termsList: 30,
  u64: 31,
  u16: 32,
} as const;

const variants = (
  names: Readonly<Record<string, readonly [index: number, fields?: readonly number[]]>>,
): Definition => ({
  Variant: {
    variants: Object.entries(names).map(([name, [index, fields = []]]) => ({
      name,
      index,
      fields: fields.map((type) => ({ type })),
    })),
  },
});

const named = (fields: Readonly<Record<string, number>>) =>
  Object.entries(fields).map(([name, type]) => ({ name, type }));

const composite = (fields: Readonly<Record<string, number>>): Definition => ({
  Composite: { fields: named(fields) },
});

const calls = (all: Readonly<Record<string, readonly [index: number, fields: Readonly<Record<string, number>>]>>) => ({
  Variant: {
    variants: Object.entries(all).map(([name, [index, fields]]) => ({ name, index, fields: named(fields) })),
  },
});

/** What a lying node may say instead. */
export interface MetadataLies {
  /** Call of `create_twin`. */
  readonly createTwin?: number;
  readonly palletName?: string;
  readonly extensions?: readonly string[];
  /** Type of the field `relay` of a twin. */
  readonly relay?: keyof typeof T;
}

/** The SCALE bytes of the metadata in hexadecimal. */
export function chainMetadata(lies: MetadataLies = {}): `0x${string}` {
  const { createTwin = 17, palletName = "TfgridModule", extensions = SIGNED_EXTENSIONS, relay = "maybeBytes" } = lies;
  const twinInput = { relay: T.maybeBytes, pk: T.maybeBytes };
  const types: Readonly<Record<keyof typeof T, readonly [path: string, def: Definition, params?: readonly object[]]>> =
    {
      u8: ["", { Primitive: "U8" }],
      key: ["", { Array: { len: 32, type: T.u8 } }],
      account: ["sp_core::crypto::AccountId32", { Composite: { fields: [{ type: T.key }] } }],
      u32: ["", { Primitive: "U32" }],
      bytes: ["", { Sequence: { type: T.u8 } }],
      maybeBytes: ["Option", variants({ None: [0], Some: [1, [T.bytes]] }), [{ name: "T", type: T.bytes }]],
      proof: ["pallet_tfgrid::types::EntityProof", composite({ entity_id: T.u32, signature: T.bytes })],
      proofs: ["", { Sequence: { type: T.proof } }],
      twin: [
        "pallet_tfgrid::types::Twin",
        composite({ id: T.u32, account_id: T.account, relay: T[relay], entities: T.proofs, pk: T.maybeBytes }),
      ],
      tfgridCall: [
        "pallet_tfgrid::pallet::Call",
        calls({
          create_twin: [createTwin, twinInput],
          update_twin: [18, twinInput],
          user_accept_tc: [25, { document_link: T.bytes, document_hash: T.bytes }],
        }),
      ],
      systemCall: ["frame_system::pallet::Call", calls({ remark: [0, { remark: T.bytes }] })],
      call: [
        "tfchain_runtime::RuntimeCall",
        variants({ System: [0, [T.systemCall]], [palletName]: [25, [T.tfgridCall]] }),
      ],
      u128: ["", { Primitive: "U128" }],
      balances: [
        "pallet_balances::AccountData",
        composite({ free: T.u128, reserved: T.u128, misc_frozen: T.u128, fee_frozen: T.u128 }),
      ],
      accountInfo: [
        "frame_system::AccountInfo",
        composite({ nonce: T.u32, consumers: T.u32, providers: T.u32, sufficients: T.u32, data: T.balances }),
      ],
      address: [
        "sp_runtime::multiaddress::MultiAddress",
        variants({ Id: [0, [T.account]] }),
        [
          { name: "AccountId", type: T.account },
          { name: "AccountIndex", type: T.nothing },
        ],
      ],
      signatureBytes: ["", { Array: { len: 64, type: T.u8 } }],
      signature: [
        "sp_runtime::MultiSignature",
        variants({ Ed25519: [0, [T.signatureBytes]], Sr25519: [1, [T.signatureBytes]] }),
      ],
      nothing: ["", { Tuple: [] }],
      extrinsic: [
        "sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic",
        { Composite: { fields: [{ type: T.bytes }] } },
        [
          { name: "Address", type: T.address },
          { name: "Call", type: T.call },
          { name: "Signature", type: T.signature },
          { name: "Extra", type: T.nothing },
        ],
      ],
      event: ["tfchain_runtime::RuntimeEvent", variants({ System: [0, [T.systemEvent]] })],
      systemEvent: [
        "frame_system::pallet::Event",
        variants({ ExtrinsicSuccess: [0], ExtrinsicFailed: [1, [T.dispatchError]] }),
      ],
      phase: [
        "frame_system::Phase",
        variants({ ApplyExtrinsic: [0, [T.u32]], Finalization: [1], Initialization: [2] }),
      ],
      record: [
        "frame_system::EventRecord",
        composite({ phase: T.phase, event: T.event, topics: T.proofs }),
        [
          { name: "E", type: T.event },
          { name: "T", type: T.key },
        ],
      ],
      records: ["", { Sequence: { type: T.record } }],
      moduleError: ["sp_runtime::ModuleError", composite({ index: T.u8, error: T.errorBytes })],
      dispatchError: [
        "sp_runtime::DispatchError",
        variants({ Other: [0], CannotLookup: [1], BadOrigin: [2], Module: [3, [T.moduleError]] }),
      ],
      errorBytes: ["", { Array: { len: 4, type: T.u8 } }],
      tfgridError: ["pallet_tfgrid::pallet::Error", variants({ TwinWithPubkeyExists: [1] })],
      terms: [
        "pallet_tfgrid::terms_cond::TermsAndConditions",
        composite({ account_id: T.account, timestamp: T.u64, document_link: T.bytes, document_hash: T.bytes }),
      ],
      termsList: ["", { Sequence: { type: T.terms } }],
      u64: ["", { Primitive: "U64" }],
      // Not of any use here; the library looks for it.
      u16: ["", { Primitive: "U16" }],
    };
  const map = (name: string, key: number, value: number, modifier = "Optional") => ({
    name,
    modifier,
    type: { Map: { hashers: ["Blake2_128Concat"], key, value } },
    fallback: modifier === "Optional" ? "0x00" : `0x${"00".repeat(80)}`,
  });
  const pallets = [
    {
      name: "System",
      storage: {
        prefix: "System",
        items: [
          map("Account", T.account, T.accountInfo, "Default"),
          { name: "Events", modifier: "Default", type: { Plain: T.records }, fallback: "0x00" },
        ],
      },
      calls: { type: T.systemCall },
      events: { type: T.systemEvent },
      constants: [],
      errors: null,
      index: 0,
    },
    {
      name: palletName,
      storage: {
        prefix: palletName,
        items: [
          map("Twins", T.u32, T.twin),
          map("TwinIdByAccountID", T.account, T.u32),
          map("UsersTermsAndConditions", T.account, T.termsList),
        ],
      },
      calls: { type: T.tfgridCall },
      events: null,
      constants: [],
      errors: { type: T.tfgridError },
      index: 25,
    },
  ];
  const registry = new TypeRegistry();
  const metadata = registry.createType("MetadataV14", {
    lookup: {
      types: Object.entries(types).map(([name, [path, def, params = []]]) => ({
        id: T[name as keyof typeof T],
        type: { path: path === "" ? [] : path.split("::"), params, def, docs: [] },
      })),
    },
    pallets,
    extrinsic: {
      type: T.extrinsic,
      version: 4,
      signedExtensions: extensions.map((identifier) => ({
        identifier,
        type: T.nothing,
        additionalSigned: T.nothing,
      })),
    },
    type: T.nothing,
  });
  return `0x6d6574610e${Buffer.from(metadata.toU8a()).toString("hex")}`;
}
