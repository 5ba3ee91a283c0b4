import { pureJsCrypto } from "@chainsafe/libp2p-noise";
import { describe, expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { uniformTable } from "../../../host/kernels/hardware-profile.ts";
import { createLanes } from "../../../host/kernels/lanes.ts";
import { createNoiseCrypto } from "../../../host/peers/noise-crypto.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";
import { testKernels } from "../../support/test-vault.ts";

const kernels = await testKernels();

describe.each(["wasm", "native"] as const)("Noise's crypto by the %s lane", (lane) => {
  const ours = createNoiseCrypto(createLanes(kernels, uniformTable(lane)));

  it("hashes and derives as libp2p's own", () => {
    for (const size of [0, 1, 32, 64, 200]) {
      const [data, key] = [seededBytes(size, size), seededBytes(7, 32)];
      expect(hexEncode(ours.hashSHA256(data))).toBe(hexEncode(pureJsCrypto.hashSHA256(data)));
      expect(ours.getHKDF(key, data).map(hexEncode)).toEqual(pureJsCrypto.getHKDF(key, data).map(hexEncode));
    }
  });

  it("seals and opens what libp2p's own opens and seals", () => {
    const [key, nonce, data] = [seededBytes(1, 32), seededBytes(2, 12), seededBytes(3, 32)];
    for (const size of [0, 1, 1_000, 65_519]) {
      const text = seededBytes(4, size);
      const sealed = ours.chaCha20Poly1305Encrypt(text, nonce, data, key);
      expect(hexEncode(pureJsCrypto.chaCha20Poly1305Decrypt(sealed, nonce, data, key).subarray())).toBe(
        hexEncode(text),
      );
      const theirs = pureJsCrypto.chaCha20Poly1305Encrypt(text, nonce, data, key);
      expect(hexEncode(ours.chaCha20Poly1305Decrypt(theirs, nonce, data, key).subarray())).toBe(hexEncode(text));
    }
  });

  it("makes the keys of RFC 7748, section 6.1, and shares keys with libp2p's own", () => {
    const bob = ours.generateX25519KeyPairFromSeed(
      Uint8Array.fromHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
    );
    const alicePublic = Uint8Array.fromHex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    expect(hexEncode(bob.publicKey)).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    expect(hexEncode(ours.generateX25519SharedKey(bob.privateKey, alicePublic))).toBe(
      "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    );
    const [left, right] = [ours.generateX25519KeyPair(), pureJsCrypto.generateX25519KeyPair()];
    const shared = ours.generateX25519SharedKey(left.privateKey, right.publicKey);
    expect(hexEncode(shared)).toBe(hexEncode(pureJsCrypto.generateX25519SharedKey(right.privateKey, left.publicKey)));
    expect([left.privateKey.length, left.publicKey.length, shared.length]).toEqual([32, 32, 32]);
  });

  it("refuses a public key of low order", () => {
    const { privateKey } = ours.generateX25519KeyPair();
    expect(() => ours.generateX25519SharedKey(privateKey, new Uint8Array(32))).toThrow(/failed during derivation/);
  });
});
