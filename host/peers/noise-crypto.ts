// What libp2p's Noise is made of (Noise_XX_25519_ChaChaPoly_SHA256), through our lanes; X25519 is
// OpenSSL's. Lists of buffers are joined first: messages have at most 64 KiB.

import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync } from "node:crypto";
import type { ICryptoInterface, KeyPair } from "@chainsafe/libp2p-noise";
import type { Lanes } from "../kernels/lanes.ts";

/** DER before the 32 bytes of a key (RFC 8410, sections 4 and 7). */
const PRIVATE_KEY_HEAD = Uint8Array.fromHex("302e020100300506032b656e04220420");
const PUBLIC_KEY_HEAD = Uint8Array.fromHex("302a300506032b656e032100");
const HASH_SIZE = 32;

/** Noise's seven functions over `lanes`. */
export function createNoiseCrypto(lanes: Lanes): ICryptoInterface {
  return {
    hashSHA256: (data) => lanes.sha256(data.subarray()),
    getHKDF(chainingKey, material) {
      const made = new Uint8Array(hkdfSync("sha256", material, chainingKey, "", 3 * HASH_SIZE));
      return [
        made.subarray(0, HASH_SIZE),
        made.subarray(HASH_SIZE, 2 * HASH_SIZE),
        made.subarray(2 * HASH_SIZE, 3 * HASH_SIZE),
      ];
    },
    generateX25519KeyPair,
    generateX25519KeyPairFromSeed(seed) {
      const publicKey = createPublicKey(privateKeyOf(seed)).export({ type: "spki", format: "der" });
      return { publicKey: publicKey.subarray(PUBLIC_KEY_HEAD.length), privateKey: seed };
    },
    generateX25519SharedKey: (privateKey, publicKey) =>
      diffieHellman({ privateKey: privateKeyOf(privateKey.subarray()), publicKey: publicKeyOf(publicKey.subarray()) }),
    chaCha20Poly1305Encrypt: (plaintext, nonce, additionalData, key) =>
      lanes.seal(key, nonce, plaintext.subarray(), additionalData),
    chaCha20Poly1305Decrypt: (ciphertext, nonce, additionalData, key) =>
      lanes.open(key, nonce, ciphertext.subarray(), additionalData),
  };
}

function generateX25519KeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("x25519", {
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "der" },
  });
  return {
    publicKey: publicKey.subarray(PUBLIC_KEY_HEAD.length),
    privateKey: privateKey.subarray(PRIVATE_KEY_HEAD.length),
  };
}

function privateKeyOf(bytes: Uint8Array): ReturnType<typeof createPrivateKey> {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_KEY_HEAD, bytes]), type: "pkcs8", format: "der" });
}

function publicKeyOf(bytes: Uint8Array): ReturnType<typeof createPublicKey> {
  return createPublicKey({ key: Buffer.concat([PUBLIC_KEY_HEAD, bytes]), type: "spki", format: "der" });
}
