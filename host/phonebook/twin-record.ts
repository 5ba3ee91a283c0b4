// The signed record of a twin: deterministic CBOR (RFC 8949, 4.2.1) under an Ed25519 signature
// (docs/formats/twin-record.md). One record has one encoding; any other is refused.

import { decode, encode, rfc8949EncodeOptions } from "cborg";
import { equalBytes } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Identity } from "../identity/identity.ts";
import { SIGNATURE_SIZE, verifySignature } from "../identity/signature.ts";
import { isTwinId } from "../identity/twin-id.ts";
import type { HostAddress, SignedTwinRecord, TwinRecord } from "./phonebook.ts";

const DOMAIN = "twin-record/1";
const VERSION = 1;
const AGREEMENT_KEY_SIZE = 32;

/** What {@link signTwinRecord} adds by itself: whose it is. */
export type TwinRecordContent = Omit<TwinRecord, "twin" | "agreementKey">;

/** Encodes and signs a record of `identity`. Throws `TWIN_RECORD_INVALID` when a part breaks a limit. */
export function signTwinRecord(identity: Identity, content: TwinRecordContent): SignedTwinRecord {
  const { sequence, issuedAtMs, expiresAtMs, hosts, name } = content;
  const record: TwinRecord = {
    twin: identity.id,
    sequence,
    issuedAtMs,
    expiresAtMs,
    agreementKey: identity.agreementKey,
    hosts: hosts.map(({ peerId, multiaddrs }) => ({ peerId, multiaddrs: [...multiaddrs] })),
    ...(name === undefined ? {} : { name }),
  };
  const bytes = encodeFields({ version: VERSION, ...record });
  const signed = encodeFields([bytes, identity.sign(DOMAIN, bytes)]);
  // What we would refuse from others we never give out.
  decodeTwinRecord(signed);
  return signed;
}

/**
 * The record in `signed`. Throws `TWIN_RECORD_INVALID` unless shape, limits, encoding and the
 * signature of the twin that it names all hold. Says nothing about its age.
 */
export function decodeTwinRecord(signed: SignedTwinRecord): TwinRecord {
  if (signed.length > LIMITS.phonebook.recordSizeBytes)
    throw invalid(`it has ${signed.length} bytes, at most ${LIMITS.phonebook.recordSizeBytes} are allowed`);
  const parts = decodeStrict(signed);
  if (!Array.isArray(parts) || parts.length !== 2 || !isBytes(parts[0]) || !isBytes(parts[1], SIGNATURE_SIZE))
    throw invalid("it is not a pair of content and signature");
  const [bytes, signature] = parts as [Uint8Array, Uint8Array];
  const record = readRecord(decodeStrict(bytes));
  if (!verifySignature(record.twin, DOMAIN, bytes, signature))
    throw invalid("its signature is not of the twin it names");
  return record;
}

function readRecord(fields: unknown): TwinRecord {
  if (!isObject(fields)) throw invalid("its content is not a map");
  const { version, twin, sequence, issuedAtMs, expiresAtMs, agreementKey, hosts, name, ...others } = fields;
  if (version !== VERSION) throw invalid(`this host reads version ${VERSION}`);
  if (Object.keys(others).length > 0) throw invalid("it has fields that version 1 does not have");
  if (typeof twin !== "string" || !isTwinId(twin)) throw invalid("it names no twin");
  if (!isCount(sequence) || sequence === 0) throw invalid("its sequence is not a positive whole number");
  if (!isCount(issuedAtMs) || !isCount(expiresAtMs) || expiresAtMs <= issuedAtMs)
    throw invalid("its times do not hold");
  if (!isBytes(agreementKey, AGREEMENT_KEY_SIZE)) throw invalid("its agreement key has not 32 bytes");
  if (!Array.isArray(hosts) || hosts.length > LIMITS.phonebook.hostCount)
    throw invalid("its hosts are not a short list");
  if (name !== undefined && !isName(name)) throw invalid("its name is not a short text");
  const record = { twin, sequence, issuedAtMs, expiresAtMs, agreementKey, hosts: hosts.map(readHost) };
  return name === undefined ? record : { ...record, name };
}

function readHost(fields: unknown): HostAddress {
  if (!isObject(fields)) throw invalid("a host of it is not a map");
  const { peerId, multiaddrs, ...others } = fields;
  if (Object.keys(others).length > 0 || !isText(peerId, LIMITS.phonebook.peerIdLength))
    throw invalid("a host of it has no PeerId");
  if (!Array.isArray(multiaddrs) || multiaddrs.length > LIMITS.phonebook.multiaddrCount)
    throw invalid("a host of it has no short list of addresses");
  if (!multiaddrs.every((address) => isText(address, LIMITS.phonebook.multiaddrLength) && address.startsWith("/")))
    throw invalid("an address of it is not a multiaddr");
  return { peerId, multiaddrs };
}

function encodeFields(fields: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encode(fields, rfc8949EncodeOptions));
}

/** The value of deterministic CBOR: what does not encode to the same bytes again is refused. */
function decodeStrict(bytes: Uint8Array): unknown {
  let value: unknown;
  let again: Uint8Array;
  try {
    value = decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
    });
    again = encodeFields(value);
  } catch {
    throw invalid("it is not deterministic CBOR");
  }
  if (!equalBytes(again, bytes)) throw invalid("it is not deterministic CBOR");
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function isBytes(value: unknown, size?: number): value is Uint8Array {
  return value instanceof Uint8Array && (size === undefined || value.length === size);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= lengthMax;
}

/** Not in a name: controls, line breaks, and marks that turn the direction of the text around it. */
const NAME_FORBIDDEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

function isName(value: unknown): value is string {
  return isText(value, LIMITS.phonebook.nameLength) && value.trim() === value && !NAME_FORBIDDEN.test(value);
}

function invalid(reason: string): TwinError {
  return new TwinError("TWIN_RECORD_INVALID", `This twin record is not valid: ${reason}.`);
}
