// The thread that speaks to a node of TFChain. @polkadot/api takes seconds and about 200 MB to load, and
// believes what a node says of its own types: it lives here alone, without a key, and may be killed at any time.

import { parentPort, workerData } from "node:worker_threads";

import type { ApiPromise } from "@polkadot/api";
import type { ApiOptions } from "@polkadot/api/types";
import { toTwinError, TwinError } from "../base/errors.ts";
import { SIGNED_EXTENSIONS, TFGRID_CALLS } from "./chain-call.ts";
import type { ChainAccount, ChainReply, ChainRequest, ChainTwin, ChainWorkerData } from "./chain-messages.ts";
import { boundedSocket } from "./chain-socket.ts";

const data = workerData as ChainWorkerData;
const port = parentPort!;

// Before @polkadot/api is loaded, which takes the global one where there is one.
Object.defineProperty(globalThis, "WebSocket", { value: boundedSocket(data) });
const { ApiPromise: Api, WsProvider } = await import("@polkadot/api");

// Without the library's own retries, which never end: the host decides when to try again.
const provider = new WsProvider(data.url, false, {}, data.requestTimeoutMs);
let connecting: Promise<ApiPromise> | undefined;

port.on("message", (request: ChainRequest) => {
  void answer(request).then((reply) => port.postMessage(reply));
});

async function answer(request: ChainRequest): Promise<ChainReply> {
  try {
    connecting ??= connect();
    return { id: request.id, answer: await ask(await connecting, request) };
  } catch (thrown) {
    // The host starts another worker: nothing of this connection is used again.
    const error = thrown instanceof TwinError ? thrown : unreachable(thrown);
    return { id: request.id, error: toTwinError(error).toWire() };
  }
}

async function connect(): Promise<ApiPromise> {
  const failed = new Promise<never>((_, reject) => {
    provider.on("error", reject);
    provider.on("disconnected", () => reject(new Error("it hung up")));
  });
  failed.catch(() => {});
  await provider.connect();
  const api = new Api({ provider, throwOnConnect: true, noInitWarn: true } as ApiOptions);
  await Promise.race([api.isReadyOrError, failed]);
  // Whoever asks later must not wait for what cannot come.
  void failed.catch(() => port.close());
  return api;
}

function ask(api: ApiPromise, request: ChainRequest): Promise<unknown> {
  if (request.kind === "twin") return readTwin(api, request.account);
  if (request.kind === "account") return readAccount(api, request.account);
  if (request.kind === "fee") return readFee(request.transaction);
  return submit(api, request.transaction);
}

/** Storage as pallet-tfgrid has it: `TwinIdByAccountID: Option<u32>`, `Twins: Option<Twin>` (threefoldtech/tfchain, substrate-node/pallets/pallet-tfgrid/src/lib.rs, types.rs). */
async function readTwin(api: ApiPromise, account: Uint8Array): Promise<ChainTwin | undefined> {
  const ids = tfgrid(api)["twinIdByAccountID"];
  const twins = tfgrid(api)["twins"];
  if (ids === undefined || twins === undefined) throw changed("it has no table of twins");
  const id = (await ids(account)).toPrimitive();
  if (id === null || id === 0) return undefined;
  const found: unknown = (await twins(id)).toPrimitive();
  if (found === null) return undefined;
  const { accountId, relay, pk } = fieldsOf(found);
  const key = api.createType("AccountId32", accountId).toU8a();
  return { account: key, relay: bytesOf(relay), pk: bytesOf(pk) };
}

async function readAccount(api: ApiPromise, account: Uint8Array): Promise<ChainAccount> {
  checkRuntime(api);
  const terms = tfgrid(api)["usersTermsAndConditions"];
  const ids = tfgrid(api)["twinIdByAccountID"];
  const balances = api.query["system"]?.["account"];
  if (terms === undefined || ids === undefined || balances === undefined) throw changed("it has other tables");
  const blockHash = await api.rpc.chain.getFinalizedHead();
  const [header, nonce, balance, id, accepted] = await Promise.all([
    api.rpc.chain.getHeader(blockHash),
    api.rpc.system.accountNextIndex(account),
    balances(account),
    ids(account),
    terms(account),
  ]);
  const { free } = fieldsOf(fieldsOf(balance.toPrimitive())["data"]);
  return {
    chain: api.runtimeChain.toString().slice(0, 64),
    genesisHash: api.genesisHash.toU8a(),
    specVersion: api.runtimeVersion.specVersion.toNumber(),
    transactionVersion: api.runtimeVersion.transactionVersion.toNumber(),
    blockNumber: header.number.toNumber(),
    blockHash: blockHash.toU8a(),
    nonce: nonce.toNumber(),
    free: BigInt(free as number | string),
    hasTwin: Boolean(id.toPrimitive()),
    hasAcceptedTerms: [accepted.toPrimitive()].flat().some((entry) => entry !== null),
  };
}

/** The library reads weights as older chains had them, and fails: what is needed is read without it. */
async function readFee(transaction: Uint8Array): Promise<bigint> {
  const { partialFee } = fieldsOf(await provider.send("payment_queryInfo", [hex(transaction)]));
  if (typeof partialFee === "string" && /^\d{1,38}$/u.test(partialFee)) return BigInt(partialFee);
  throw changed("it names no fee");
}

async function submit(api: ApiPromise, transaction: Uint8Array): Promise<true> {
  checkRuntime(api);
  const final = Promise.withResolvers<Uint8Array>();
  const watching = api.rpc.author.submitAndWatchExtrinsic(hex(transaction), (status) => {
    if (status.isFinalized) final.resolve(status.asFinalized.toU8a());
    else if (status.isInvalid || status.isDropped || status.isUsurped || status.isFinalityTimeout)
      final.reject(refused(`the node says "${status.type}" of it`));
  });
  const end = await watching.catch((thrown: unknown) => {
    // An answer of the node, as JSON-RPC numbers them; all else is a connection that broke.
    if (thrown instanceof Error && "code" in thrown) throw refused(thrown.message.slice(0, 200));
    throw thrown;
  });
  const blockHash = await final.promise;
  end();
  await checkSuccess(api, transaction, blockHash);
  return true;
}

/** What is in a block may have failed there. */
async function checkSuccess(api: ApiPromise, transaction: Uint8Array, blockHash: Uint8Array): Promise<void> {
  const { block } = await api.rpc.chain.getBlock(blockHash);
  const index = block.extrinsics.findIndex((extrinsic) => extrinsic.toHex() === hex(transaction));
  if (index < 0) throw refused("it is not in the block that the node names");
  const events = await (await api.at(blockHash)).query["system"]!["events"]!();
  for (const { phase, event } of events as unknown as Iterable<ChainEvent>) {
    if (!phase.isApplyExtrinsic || phase.asApplyExtrinsic.toNumber() !== index) continue;
    if (event.section === "system" && event.method === "ExtrinsicSuccess") return;
    if (event.section === "system" && event.method === "ExtrinsicFailed") throw refused(failureOf(api, event.data[0]));
  }
  throw refused("the block does not say what became of it");
}

interface ChainEvent {
  readonly phase: { readonly isApplyExtrinsic: boolean; readonly asApplyExtrinsic: { toNumber(): number } };
  readonly event: { readonly section: string; readonly method: string; readonly data: readonly DispatchError[] };
}

interface DispatchError {
  readonly isModule?: boolean;
  readonly asModule?: Parameters<ApiPromise["registry"]["findMetaError"]>[0];
  toString(): string;
}

function failureOf(api: ApiPromise, error: DispatchError | undefined): string {
  if (error?.isModule !== true || error.asModule === undefined) return `it failed (${String(error).slice(0, 200)})`;
  const { section, name } = api.registry.findMetaError(error.asModule);
  return `it failed: ${section}.${name}`.slice(0, 200);
}

/** What we encode ourselves must mean there what it means here. */
function checkRuntime(api: ApiPromise): void {
  const { pallet: palletIndex, ...calls } = TFGRID_CALLS;
  const pallet = api.runtimeMetadata.asLatest.pallets.find(({ index }) => index.toNumber() === palletIndex);
  if (pallet?.name.toString() !== "TfgridModule") throw changed(`its pallet ${palletIndex} is not TfgridModule`);
  for (const [name, index] of Object.entries(calls)) {
    const found = api.registry.findMetaCall(Uint8Array.of(palletIndex, index));
    if (found.meta.name.toString() !== name) throw changed(`${name} is not call ${index}`);
  }
  if (String(api.registry.signedExtensions) !== String(SIGNED_EXTENSIONS)) throw changed("its transactions differ");
}

function tfgrid(api: ApiPromise): NonNullable<ApiPromise["query"][string]> {
  const table = api.query["tfgridModule"];
  if (table === undefined) throw changed("it has no TfgridModule");
  return table;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  throw changed("its entries have another form");
}

/** The library's plain form of bytes: text where they are UTF-8, else hexadecimal. */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "string") throw changed("its entries have another form");
  return value.startsWith("0x") ? Buffer.from(value.slice(2), "hex") : Buffer.from(value, "utf8");
}

function hex(bytes: Uint8Array): `0x${string}` {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

function unreachable(thrown: unknown): TwinError {
  const why = thrown instanceof Error ? thrown.message : "it cannot be reached";
  return new TwinError("TWIN_CHAIN_FAILED", `The chain's node does not answer as it should: ${why.slice(0, 200)}.`);
}

function refused(why: string): TwinError {
  return new TwinError("TWIN_CHAIN_REFUSED", `The chain did not take the transaction: ${why}.`);
}

function changed(what: string): TwinError {
  const message = `This is not TFChain as this host knows it: ${what}. Nothing was signed.`;
  return new TwinError("TWIN_CHAIN_REFUSED", message);
}
