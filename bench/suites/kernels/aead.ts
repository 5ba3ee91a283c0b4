// Cases of ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305. Each contender does the same in the
// best way that it offers: where the message lies, or else into a given buffer.

import { createCipheriv, createDecipheriv } from "node:crypto";
import { ChaCha20Poly1305, newInstance } from "@chainsafe/as-chacha20poly1305";
import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { Cipher, MessageLease } from "../../../host/kernels/cipher.ts";
import type { Kernels } from "../../../host/kernels/kernels.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { requireAgreement } from "../../agreement.ts";
import { createArena } from "../../arena.ts";
import type { Case, RepeatedContender } from "../../measure.ts";
import { type Peers, versionOf } from "../../peers.ts";
import { type Libsodium, loadLibsodium, type SodiumNative } from "./sodium.ts";

const TAG_SIZE = 16;
const BATCH_COUNT = 64;
const BATCH_SIZES = new Set([64, 1_024]);
/** The longest message that a lease holds. */
const LEASE_SIZE = 65_536;
/** From here on a run is long enough to be timed alone. */
const TIMED_ALONE_SIZE = 16_384;
const NODE_CIPHER = "chacha20-poly1305";

/** One message; all contenders of a case get the same. */
interface Message {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly nonce: Uint8Array<ArrayBuffer>;
  readonly plaintext: Uint8Array<ArrayBuffer>;
  /** Ciphertext, then the tag; made by noble. */
  readonly sealed: Uint8Array<ArrayBuffer>;
  /** Room for a sealed message. */
  readonly out: Uint8Array<ArrayBuffer>;
}

/** A contender that answers its first result, so that it can be judged. */
type Way = RepeatedContender & { readonly first: () => Uint8Array };

interface Parts {
  readonly libsodium: Libsodium;
  readonly asChaCha: ChaCha20Poly1305;
  readonly native: SodiumNative | undefined;
}

/** All cases of the two ciphers at `sizes`. */
export async function aeadCases(kernels: Kernels, peers: Peers, sizes: readonly number[]): Promise<Case[]> {
  const parts: Parts = {
    libsodium: await loadLibsodium(),
    asChaCha: new ChaCha20Poly1305(newInstance()),
    native: peers.load("sodium-native") as SodiumNative | undefined,
  };
  const cases: Case[] = [];
  for (const size of sizes) {
    const [message, extended] = [createMessage(size, 12), createMessage(size, 24)];
    const cipher = kernels.chacha20poly1305;
    const name = "chacha20poly1305";
    cases.push(
      caseOf(`${name}-seal`, message, [await sealInPlace(message), ...sealPeers(parts, message)]),
      caseOf(`${name}-open`, message, [await openInPlace(message), ...openPeers(parts, message)]),
      caseOf(`${name}-seal-into`, message, [sealInto(cipher, message), ...sealPeers(parts, message)]),
      caseOf(`x${name}-seal`, extended, [await sealInPlace(extended), ...extendedSealPeers(parts, extended)]),
    );
    if (BATCH_SIZES.has(size)) {
      cases.push(caseOf(`${name}-seal-batch`, message, [sealBatch(cipher, message), ...sealPeers(parts, message)]));
    }
  }
  return cases;
}

function caseOf(name: string, message: Message, [ours, ...others]: readonly [Way, ...Way[]]): Case {
  const expected = name.endsWith("-open") ? message.plaintext : message.sealed;
  const results = [ours, ...others].map((way) => ({ name: way.name, result: way.first() }));
  requireAgreement(name, expected, results);
  return { suite: "kernels", name, sizeBytes: message.plaintext.length, ours, others };
}

function createMessage(size: number, nonceSize: 12 | 24): Message {
  const arena = createArena(3 * size + 4_096);
  const [key, nonce, plaintext] = [arena.takeFilled(32, 1), arena.takeFilled(nonceSize, 2), arena.takeFilled(size, 3)];
  const sealed = arena.take(size + TAG_SIZE);
  sealed.set((nonceSize === 12 ? chacha20poly1305 : xchacha20poly1305)(key, nonce).encrypt(plaintext));
  return { key, nonce, plaintext, sealed, out: arena.take(size + TAG_SIZE) };
}

const OURS = { name: "wasm", kind: "wasm", version: "ours" } as const;
const IN_PLACE = { ...OURS, name: "wasm, in place" } as const;

/** A cipher of its own with its message in place: an instance of the kernels leases one place only. */
async function leaseFor({ key, nonce }: Message): Promise<{ readonly lease: MessageLease; readonly cipher: Cipher }> {
  const kernels = await openKernels();
  const cipher = nonce.length === 12 ? kernels.chacha20poly1305 : kernels.xchacha20poly1305;
  const lease = cipher.lease();
  lease.key.set(key);
  lease.nonce.set(nonce);
  return { lease, cipher };
}

/** In the kernels' own memory. What is sealed again and again is its own ciphertext, which costs the same. */
async function sealInPlace(message: Message): Promise<Way> {
  const { lease, cipher } = await leaseFor(message);
  const size = message.plaintext.length;
  if (size > LEASE_SIZE) return sealInto(cipher, message);
  const first = (): Uint8Array => {
    lease.text.set(message.plaintext);
    lease.seal(size);
    return lease.text.slice(0, size + TAG_SIZE);
  };
  return { ...IN_PLACE, first, run: () => lease.seal(size) };
}

/** Opening uses the sealed message up: a long one is put back untimed, copying a short one in costs nothing. */
async function openInPlace(message: Message): Promise<Way> {
  const { lease, cipher } = await leaseFor(message);
  const { sealed, plaintext } = message;
  const size = plaintext.length;
  if (size > LEASE_SIZE) return openInto(cipher, message);
  const put = (): void => lease.text.set(sealed);
  const open = (): void => {
    if (!lease.open(size)) throw new Error("The message does not open.");
  };
  const run = (): void => {
    put();
    open();
  };
  const first = (): Uint8Array => {
    run();
    return lease.text.slice(0, size);
  };
  return size < TIMED_ALONE_SIZE ? { ...IN_PLACE, first, run } : { ...IN_PLACE, first, run: open, restore: put };
}

function sealInto(cipher: Cipher, { key, nonce, plaintext, out }: Message): Way {
  const terms = { key, nonce };
  return way(OURS, () => {
    cipher.sealInto(terms, plaintext, out);
    return out;
  });
}

function openInto(cipher: Cipher, { key, nonce, plaintext, sealed, out }: Message): Way {
  const [terms, room] = [{ key, nonce }, out.subarray(0, plaintext.length)];
  return way(OURS, () => {
    cipher.openInto(terms, sealed, room);
    return room;
  });
}

/** Many equal messages; each has the nonce of the one that the others seal. */
function sealBatch(cipher: Cipher, { key, nonce, plaintext }: Message): Way {
  const slotSize = plaintext.length + TAG_SIZE;
  const arena = createArena(BATCH_COUNT * (slotSize + nonce.length) + 4_096);
  const batch = {
    nonces: arena.take(BATCH_COUNT * nonce.length),
    sizes: new Uint32Array(BATCH_COUNT).fill(plaintext.length),
    slots: arena.take(BATCH_COUNT * slotSize),
  };
  for (let index = 0; index < BATCH_COUNT; index++) batch.nonces.set(nonce, index * nonce.length);
  const run = (): void => cipher.sealBatch(key, batch);
  const first = (): Uint8Array => {
    for (let index = 0; index < BATCH_COUNT; index++) batch.slots.set(plaintext, index * slotSize);
    run();
    return batch.slots.slice(-slotSize);
  };
  return { ...OURS, name: "wasm, 64 in one call", count: BATCH_COUNT, first, run };
}

function sealPeers({ libsodium, asChaCha, native }: Parts, { key, nonce, plaintext, out }: Message): Way[] {
  return [
    way(NOBLE, () => chacha20poly1305(key, nonce).encrypt(plaintext, out)),
    way(LIBSODIUM, () => libsodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, null, null, nonce, key)),
    way(AS_CHACHA, () => asChaCha.seal(key, nonce, plaintext, undefined, out)),
    way(NODE_CRYPTO, () => {
      const cipher = createCipheriv(NODE_CIPHER, key, nonce, { authTagLength: TAG_SIZE });
      const ciphertext = cipher.update(plaintext);
      cipher.final();
      return [ciphertext, cipher.getAuthTag()];
    }),
    ...nativeWay(native, (sodium) => {
      sodium.crypto_aead_chacha20poly1305_ietf_encrypt(out, plaintext, null, null, nonce, key);
      return out;
    }),
  ];
}

function openPeers({ libsodium, asChaCha, native }: Parts, { key, nonce, plaintext, sealed, out }: Message): Way[] {
  const [room, ciphertext, tag] = [
    out.subarray(0, plaintext.length),
    sealed.subarray(0, plaintext.length),
    sealed.subarray(plaintext.length),
  ];
  return [
    way(NOBLE, () => chacha20poly1305(key, nonce).decrypt(sealed, room)),
    way(LIBSODIUM, () => libsodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key)),
    way(AS_CHACHA, () => asChaCha.open(key, nonce, sealed, undefined, room) ?? new Uint8Array(0)),
    way(NODE_CRYPTO, () => {
      const decipher = createDecipheriv(NODE_CIPHER, key, nonce, { authTagLength: TAG_SIZE });
      decipher.setAuthTag(tag);
      const opened = decipher.update(ciphertext);
      decipher.final();
      return opened;
    }),
    ...nativeWay(native, (sodium) => {
      sodium.crypto_aead_chacha20poly1305_ietf_decrypt(room, null, sealed, null, nonce, key);
      return room;
    }),
  ];
}

function extendedSealPeers({ libsodium, native }: Parts, { key, nonce, plaintext, out }: Message): Way[] {
  return [
    way(NOBLE, () => xchacha20poly1305(key, nonce).encrypt(plaintext, out)),
    way(LIBSODIUM, () => libsodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, null, null, nonce, key)),
    ...nativeWay(native, (sodium) => {
      sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(out, plaintext, null, null, nonce, key);
      return out;
    }),
  ];
}

const NOBLE = { name: "@noble/ciphers", kind: "js", version: versionOf("@noble/ciphers") } as const;
const LIBSODIUM = { name: "libsodium-wrappers", kind: "wasm", version: versionOf("libsodium-wrappers") } as const;
const AS_CHACHA = {
  name: "@chainsafe/as-chacha20poly1305",
  kind: "wasm",
  version: versionOf("@chainsafe/as-chacha20poly1305"),
} as const;
const NODE_CRYPTO = { name: "node:crypto", kind: "native", version: process.versions.openssl } as const;
const NATIVE = { name: "sodium-native", kind: "native", version: versionOf("sodium-native") } as const;

/** `act` answers the bytes that it made, in one part or in two. */
function way(facts: Pick<Way, "name" | "kind" | "version">, act: () => Uint8Array | Uint8Array[]): Way {
  const first = (): Uint8Array => {
    const made = act();
    return Array.isArray(made) ? Buffer.concat(made) : made;
  };
  return { ...facts, first, run: act };
}

function nativeWay(native: SodiumNative | undefined, act: (sodium: SodiumNative) => Uint8Array): Way[] {
  return native === undefined ? [] : [way(NATIVE, () => act(native))];
}
