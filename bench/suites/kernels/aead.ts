// Cases of ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305. Each contender does the same in the
// best way that it offers: into a given buffer where it can.

import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { Kernels } from "../../../host/kernels/kernels.ts";
import { requireAgreement } from "../../agreement.ts";
import { createArena } from "../../arena.ts";
import type { Case, Contender } from "../../measure.ts";
import { type Peers, versionOf } from "../../peers.ts";
import { type Libsodium, loadLibsodium, type SodiumNative } from "./sodium.ts";

const TAG_SIZE = 16;

/** One message; all contenders of a case get the same. */
interface Message {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly plaintext: Uint8Array<ArrayBuffer>;
  /** Ciphertext, then the tag. */
  readonly sealed: Uint8Array<ArrayBuffer>;
  /** Room for the result, for those who can write into a given buffer. */
  readonly out: Uint8Array<ArrayBuffer>;
}

/** One way to seal or open; answers the bytes that it made. */
type Way = Omit<Contender, "run" | "sample"> & { readonly make: (message: Message) => Uint8Array };

interface Parts {
  readonly kernels: Kernels;
  readonly libsodium: Libsodium;
  readonly native: SodiumNative | undefined;
}

/** All cases of the two ciphers at `sizes`. */
export async function aeadCases(kernels: Kernels, peers: Peers, sizes: readonly number[]): Promise<Case[]> {
  const parts = {
    kernels,
    libsodium: await loadLibsodium(),
    native: peers.load("sodium-native") as SodiumNative | undefined,
  };
  return sizes.flatMap((sizeBytes) => [caseOf("xchacha20poly1305-seal", sizeBytes, xchachaSeals(parts))]);
}

function caseOf(name: string, sizeBytes: number, ways: readonly Way[]): Case {
  const message = createMessage(name, sizeBytes);
  const expected = name.endsWith("-open") ? message.plaintext : message.sealed;
  requireAgreement(
    name,
    expected,
    ways.map((way) => ({ name: way.name, result: way.make(message) })),
  );
  const [ours, ...others] = ways.map(({ make, ...facts }) => ({ ...facts, run: () => make(message) }));
  return { suite: "kernels", name, sizeBytes, ours: ours!, others };
}

/** A message whose sealed form noble made. */
function createMessage(name: string, sizeBytes: number): Message {
  const arena = createArena(3 * sizeBytes + 4_096);
  const extended = name.startsWith("x");
  const key = arena.takeFilled(32, 1);
  const nonce = arena.takeFilled(extended ? 24 : 12, 2);
  const plaintext = arena.takeFilled(sizeBytes, 3);
  const sealed = arena.take(sizeBytes + TAG_SIZE);
  sealed.set((extended ? xchacha20poly1305 : chacha20poly1305)(key, nonce).encrypt(plaintext));
  const out = arena.take(name.endsWith("-open") ? sizeBytes : sizeBytes + TAG_SIZE);
  return { key, nonce, plaintext, sealed, out };
}

function xchachaSeals({ kernels, libsodium, native }: Parts): Way[] {
  return [
    { ...OURS, make: ({ key, nonce, plaintext }) => kernels.seal(key, nonce, plaintext) },
    { ...NOBLE, make: ({ key, nonce, plaintext, out }) => xchacha20poly1305(key, nonce).encrypt(plaintext, out) },
    {
      ...LIBSODIUM,
      make: ({ key, nonce, plaintext }) =>
        libsodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, null, null, nonce, key),
    },
    ...nativeWay(native, (sodium, { key, nonce, plaintext, out }) => {
      sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(out, plaintext, null, null, nonce, key);
    }),
  ];
}

const OURS = { name: "wasm", kind: "wasm", version: "ours" } as const;
const NOBLE = { name: "@noble/ciphers", kind: "js", version: versionOf("@noble/ciphers") } as const;
const LIBSODIUM = { name: "libsodium-wrappers", kind: "wasm", version: versionOf("libsodium-wrappers") } as const;

function nativeWay(
  native: SodiumNative | undefined,
  act: (sodium: SodiumNative, message: Message) => void,
): readonly Way[] {
  if (native === undefined) return [];
  const make = (message: Message): Uint8Array => {
    act(native, message);
    return message.out;
  };
  return [{ name: "sodium-native", kind: "native", version: versionOf("sodium-native"), make }];
}
