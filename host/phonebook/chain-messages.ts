// What goes between the host and its chain worker. Bytes are copies; both sides check what they get.

import type { ErrorWire } from "../base/errors.ts";
import type { ChainMoment } from "./chain-call.ts";

/** What the worker is started with. */
export interface ChainWorkerData {
  /** `wss://` or `ws://` address of a node of the chain. */
  readonly url: string;
  /** Of one request to the node. */
  readonly requestTimeoutMs: number;
  readonly messageSizeBytes: number;
  readonly trafficSizeBytes: number;
}

/** What the chain says of an account's twin. Any bytes. */
export interface ChainTwin {
  readonly account: Uint8Array;
  readonly relay?: Uint8Array | undefined;
  readonly pk?: Uint8Array | undefined;
}

/** What a transaction of an account needs to know. */
export interface ChainAccount extends ChainMoment {
  /** What the node calls the chain. */
  readonly chain: string;
  /** In the smallest unit. */
  readonly free: bigint;
  readonly hasTwin: boolean;
  readonly hasAcceptedTerms: boolean;
}

/** Question -> answer. `account` is a public key of 32 bytes, `transaction` a signed one with its length. */
export interface ChainQuestions {
  readonly twin: { readonly ask: { readonly account: Uint8Array }; readonly answer: ChainTwin | undefined };
  readonly account: { readonly ask: { readonly account: Uint8Array }; readonly answer: ChainAccount };
  /** In the smallest unit. */
  readonly fee: { readonly ask: { readonly transaction: Uint8Array }; readonly answer: bigint };
  /** Answered when the block that it is in is final, and it has succeeded there. */
  readonly submit: { readonly ask: { readonly transaction: Uint8Array }; readonly answer: true };
}

/** To the worker. */
export type ChainRequest = {
  [Kind in keyof ChainQuestions]: { readonly id: number; readonly kind: Kind } & ChainQuestions[Kind]["ask"];
}[keyof ChainQuestions];

/** From the worker. */
export type ChainReply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: ErrorWire };
