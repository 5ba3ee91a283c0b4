// A node of a chain that is TFChain as far as a twin is concerned: a WebSocket that speaks Substrate's JSON-RPC,
// serves true metadata and storage in SCALE, and decodes, checks and executes signed transactions. Its decoder is
// @polkadot/types, its verifier noble: neither shares code with what it checks.

import { once } from "node:events";
import type { AddressInfo } from "node:net";

import { ed25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { expandMetadata, Metadata, TypeRegistry } from "@polkadot/types";
import { type WebSocket, WebSocketServer } from "ws";

import { hexEncode } from "../../host/base/bytes.ts";
import { chainMetadata, type MetadataLies } from "./chain-metadata.ts";

/** A twin as the chain has it. */
interface ChainEntry {
  readonly id: number;
  readonly account: Uint8Array;
  readonly relay?: Uint8Array | undefined;
  readonly pk?: Uint8Array | undefined;
}

/** How a node misbehaves. */
export interface TestChainFaults {
  readonly lies?: MetadataLies | undefined;
  /** Methods that are never answered. */
  readonly silent?: readonly string[] | undefined;
  /** Methods that are answered with so many bytes of nothing. */
  readonly flood?: Readonly<Record<string, number>> | undefined;
  /** It takes no transaction. */
  readonly refuses?: boolean | undefined;
  /** The block says that every transaction failed. */
  readonly fails?: boolean | undefined;
}

/** One that runs. */
export interface TestChain extends AsyncDisposable {
  readonly url: string;
  /** Account (hexadecimal) -> its twin. */
  readonly twins: Map<string, ChainEntry>;
  readonly balances: Map<string, bigint>;
  /** What was executed, by the calls' own names. */
  readonly executed: readonly { readonly call: string; readonly args: readonly unknown[]; readonly tip: string }[];
  /** Methods that were called and how often. */
  readonly asked: Map<string, number>;
  faults: TestChainFaults;
  /** Ends all connections. */
  hangUp(): void;
}

type Tables = ReturnType<typeof expandMetadata>["query"];
type StorageEntry = Tables[string][string];

const SPEC_VERSION = 147;
const TRANSACTION_VERSION = 2;
const BLOCK_NUMBER = 1_000_077;
const GENESIS = `0x${"11".repeat(32)}`;
const HEAD = `0x${"22".repeat(32)}`;
const FEE = 12_345n;

/** Listens on a free port of the loopback. */
export async function openTestChain(faults: TestChainFaults = {}): Promise<TestChain> {
  const chain = new RunningChain(faults);
  await once(chain.server, "listening");
  return chain;
}

class RunningChain implements TestChain {
  readonly server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  readonly twins = new Map<string, ChainEntry>();
  readonly balances = new Map<string, bigint>();
  readonly executed: { call: string; args: readonly unknown[]; tip: string }[] = [];
  readonly asked = new Map<string, number>();
  faults: TestChainFaults;
  readonly #metadata: `0x${string}`;
  readonly #registry = new TypeRegistry();
  readonly #query: Tables;
  readonly #accepted = new Map<string, readonly [link: string, hash: string]>();
  readonly #nonces = new Map<string, number>();
  readonly #extrinsics: string[] = [];

  constructor(faults: TestChainFaults) {
    this.faults = faults;
    this.#metadata = chainMetadata(faults.lies);
    const metadata = new Metadata(this.#registry, chainMetadata());
    this.#registry.setMetadata(metadata);
    this.#query = expandMetadata(this.#registry, metadata).query;
    this.server.on("connection", (socket) => {
      socket.on("message", (data: Buffer) => this.#onMessage(socket, data));
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  hangUp(): void {
    for (const socket of this.server.clients) socket.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    this.server.close();
    await once(this.server, "close");
  }

  #onMessage(socket: WebSocket, data: Buffer): void {
    const { id, method, params } = JSON.parse(data.toString()) as { id: number; method: string; params: unknown[] };
    this.asked.set(method, (this.asked.get(method) ?? 0) + 1);
    if (this.faults.silent?.includes(method) === true) return;
    const flood = this.faults.flood?.[method];
    if (flood !== undefined) return socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: "a".repeat(flood) }));
    const answer = this.#methods[method];
    if (answer === undefined)
      return socket.send(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32_601, message: "Method not found" } }));
    try {
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: answer(params, socket) }));
    } catch (thrown) {
      const error = { code: 1010, message: "Invalid Transaction", data: (thrown as Error).message };
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, error }));
    }
  }

  readonly #methods: Readonly<Record<string, (params: readonly unknown[], socket: WebSocket) => unknown>> = {
    chain_getBlockHash: ([number]) => (number === 0 ? GENESIS : HEAD),
    chain_getFinalizedHead: () => HEAD,
    chain_getHeader: () => ({
      parentHash: GENESIS,
      number: `0x${BLOCK_NUMBER.toString(16)}`,
      stateRoot: GENESIS,
      extrinsicsRoot: GENESIS,
      digest: { logs: [] },
    }),
    chain_getBlock: () => ({
      block: { header: this.#methods["chain_getHeader"]!([], undefined!), extrinsics: [...this.#extrinsics] },
      justifications: null,
    }),
    payment_queryInfo: () => ({ weight: { ref_time: 1, proof_size: 0 }, class: "normal", partialFee: String(FEE) }),
    rpc_methods: () => ({ methods: Object.keys(this.#methods) }),
    state_getMetadata: () => this.#metadata,
    state_getRuntimeVersion: () => ({
      specName: "substrate-threefold",
      implName: "substrate-threefold",
      authoringVersion: 1,
      specVersion: SPEC_VERSION,
      implVersion: 1,
      apis: [],
      transactionVersion: TRANSACTION_VERSION,
      stateVersion: 0,
    }),
    state_subscribeRuntimeVersion: () => "runtime",
    state_getStorage: ([key]) => this.#storage(key as string),
    state_subscribeStorage: () => "storage",
    state_queryStorageAt: ([keys]) => [
      { block: HEAD, changes: (keys as string[]).map((key) => [key, this.#storage(key)]) },
    ],
    system_accountNextIndex: ([address]) =>
      this.#nonces.get(this.#registry.createType("AccountId32", address).toHex().slice(2)) ?? 0,
    system_chain: () => "TFChain Testnet",
    system_properties: () => ({ ss58Format: 42, tokenDecimals: 7, tokenSymbol: "TFT" }),
    author_submitAndWatchExtrinsic: ([transaction], socket) => {
      this.#execute(transaction as string);
      const tell = (result: unknown): void =>
        socket.send(
          JSON.stringify({
            jsonrpc: "2.0",
            method: "author_extrinsicUpdate",
            params: { subscription: "watch", result },
          }),
        );
      // Each in a block of its own.
      const block = `0x${String(this.#extrinsics.length).padStart(64, "3")}`;
      setImmediate(() => {
        tell("ready");
        tell({ inBlock: block });
        tell({ finalized: block });
      });
      return "watch";
    },
    author_unwatchExtrinsic: () => true,
  };

  #storage(key: string): string | null {
    const { system, tfgridModule } = this.#query;
    if (key === this.#keyOf(system!["events"]!)) return this.#events();
    for (const [account, balance] of this.balances) {
      if (key !== this.#keyOf(system!["account"]!, `0x${account}`)) continue;
      const nonce = this.#nonces.get(account) ?? 0;
      return this.#encode(system!["account"]!, { nonce, providers: 1, data: { free: balance } });
    }
    for (const [account, entry] of this.twins) {
      if (key === this.#keyOf(tfgridModule!["twinIdByAccountID"]!, `0x${account}`))
        return this.#encode(tfgridModule!["twinIdByAccountID"]!, entry.id);
      if (key !== this.#keyOf(tfgridModule!["twins"]!, entry.id)) continue;
      const [relay, pk] = [entry.relay, entry.pk].map((bytes) => bytes && `0x${hexEncode(bytes)}`);
      return this.#encode(tfgridModule!["twins"]!, { id: entry.id, accountId: entry.account, relay, pk });
    }
    for (const [account, [documentLink, documentHash]] of this.#accepted) {
      if (key !== this.#keyOf(tfgridModule!["usersTermsAndConditions"]!, `0x${account}`)) continue;
      const terms = { accountId: `0x${account}`, timestamp: 1, documentLink, documentHash };
      return this.#encode(tfgridModule!["usersTermsAndConditions"]!, [terms]);
    }
    return null;
  }

  /** Of each transaction: its phase, System.ExtrinsicSuccess or .ExtrinsicFailed with error 1 of pallet 25, no topics. */
  #events(): string {
    const event = this.faults.fails === true ? [0, 1, 3, 25, 1, 0, 0, 0] : [0, 0];
    const records = this.#extrinsics.map((_, index) => Buffer.from([0, index, 0, 0, 0, ...event, 0]));
    return `0x${Buffer.concat([Buffer.of(records.length << 2), ...records]).toString("hex")}`;
  }

  /** Throws for a transaction that a runtime would not take. */
  #execute(transaction: string): void {
    const extrinsic = this.#registry.createType("Extrinsic", transaction);
    const { method, signer, signature, era, nonce, tip } = extrinsic;
    const payload = this.#registry
      .createType(
        "ExtrinsicPayload",
        {
          method: method.toHex(),
          era,
          nonce,
          tip,
          specVersion: SPEC_VERSION,
          transactionVersion: TRANSACTION_VERSION,
          genesisHash: GENESIS,
          blockHash: HEAD,
        },
        { version: 4 },
      )
      .toU8a({ method: true });
    const signed = payload.length > 256 ? blake2b(payload, { dkLen: 32 }) : payload;
    const key = this.#registry.createType("AccountId32", signer.toString()).toU8a();
    if (!ed25519.verify(signature.toU8a().slice(-64), signed, key)) throw new Error("bad signature");
    if (era.asMortalEra.birth(BLOCK_NUMBER) !== BLOCK_NUMBER) throw new Error("ancient birth block");
    const account = hexEncode(key);
    const expected = this.#nonces.get(account) ?? 0;
    if (nonce.toNumber() !== expected) throw new Error("stale or future nonce");
    if (this.faults.refuses === true) throw new Error("the pool is closed");
    const balance = this.balances.get(account) ?? 0n;
    if (balance < FEE) throw new Error("inability to pay some fees");
    this.balances.set(account, balance - FEE);
    this.#nonces.set(account, expected + 1);
    this.#extrinsics.push(transaction);
    if (this.faults.fails !== true) this.#dispatch(account, method.method, method.args);
    const args = method.args.map((arg) => arg.toHex());
    this.executed.push({ call: `${method.section}.${method.method}`, args, tip: tip.toString() });
  }

  #dispatch(account: string, call: string, args: readonly { toU8a(isBare?: boolean): Uint8Array }[]): void {
    const [first, second] = args.map((arg) => arg.toU8a(true));
    if (call === "userAcceptTc")
      return void this.#accepted.set(account, [Buffer.from(first!).toString(), Buffer.from(second!).toString()]);
    const [relay, pk] = (
      args as unknown as readonly { unwrapOr(other: undefined): { toU8a(isBare: true): Uint8Array } | undefined }[]
    ).map((arg) => arg.unwrapOr(undefined)?.toU8a(true));
    const id = this.twins.get(account)?.id ?? this.twins.size + 1;
    this.twins.set(account, { id, account: Buffer.from(account, "hex"), relay, pk });
  }

  /** Without the compact length in front, which has two bytes from 64 on. */
  #keyOf(entry: StorageEntry, arg?: unknown): string {
    const sized = entry(arg);
    return `0x${hexEncode(sized.subarray((sized[0]! & 3) === 0 ? 1 : 2))}`;
  }

  #encode(entry: StorageEntry, value: unknown): string {
    const { type } = entry.meta;
    const lookup = type.isMap ? type.asMap.value : type.asPlain;
    return `0x${hexEncode(this.#registry.createType(this.#registry.createLookupType(lookup), value).toU8a())}`;
  }
}
