import { createPrivateKey, createPublicKey, diffieHellman, sign, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { utf8Encode } from "../../../host/base/bytes.ts";
import { deriveIdentity, KEY_CONTEXTS } from "../../../host/identity/key-tree.ts";
import { signedBytes, verifySignature } from "../../../host/identity/signature.ts";
import { isTwinId, publicKeyOf, twinIdOf } from "../../../host/identity/twin-id.ts";
import { referenceKeyDerivation as kernels } from "../../support/test-identity.ts";

const entropy = Uint8Array.from({ length: 32 }, (_, index) => index);

describe("key tree", () => {
  test("derives the same twin from the same entropy, for ever", () => {
    const { id, agreementKey, keys } = deriveIdentity(entropy, kernels);
    expect({
      id,
      agreementKey: agreementKey.toHex(),
      vault: keys.vault.toHex(),
      state: keys.state.toHex(),
      locator: keys.locator.toHex(),
    }).toMatchInlineSnapshot(`
      {
        "agreementKey": "659053ade5f600febf49e3de4b8254cf7d86dab782d0c571265064ad7f3a2c1e",
        "id": "did:key:z6Mkp5XSWJjbPz7dgvCtBoZFPhSdZJE9h1M2chhRb6KgSCb7",
        "locator": "c49c19edc5b1e7322e9098e6eb1c4d3d5f8d959b104b0d2e6f11ef1f54a99a06",
        "state": "6546d23a63be6608184461d214ebf553d6ccb1f6feed37441e9a2cd9b10b56d9",
        "vault": "dd89863ba745d758e8deabc504ecb69da245386ce8715956372e08526ccbcc5d",
      }
    `);
  });

  test("has one context per purpose and one key per context", () => {
    const keys = Object.values(KEY_CONTEXTS).map((context) => kernels.deriveKey(context, entropy).toHex());
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("refuses entropy of another size", () => {
    expect(() => deriveIdentity(entropy.subarray(1), kernels)).toThrow(RangeError);
  });

  test("has an agreement key that agrees as X25519 of another implementation", () => {
    const { agreementKey } = deriveIdentity(entropy, kernels);
    const secret = kernels.deriveKey(KEY_CONTEXTS.agreement, entropy);
    const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), secret]);
    const nodeKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
    const spki = createPublicKey(nodeKey).export({ format: "der", type: "spki" });
    expect(new Uint8Array(spki.subarray(-32))).toEqual(agreementKey);
    expect(diffieHellman({ privateKey: nodeKey, publicKey: createPublicKey(nodeKey) })).toHaveLength(32);
  });
});

describe("signature", () => {
  const twin = deriveIdentity(entropy, kernels);
  const message = utf8Encode("hello");
  const signature = twin.sign("test/1", message);

  test("is plain Ed25519 over the documented bytes", () => {
    const seed = kernels.deriveKey(KEY_CONTEXTS.identity, entropy);
    const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
    const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
    const bytes = Buffer.concat([Buffer.from("twin-signature-v1\0test/1\0", "ascii"), message]);
    expect(new Uint8Array(sign(null, bytes, key))).toEqual(signature);
    expect(verify(null, bytes, createPublicKey(key), signature)).toBe(true);
  });

  test("verifies only for its twin, domain, message and bytes", () => {
    const other = deriveIdentity(new Uint8Array(32), kernels);
    expect(verifySignature(twin.id, "test/1", message, signature)).toBe(true);
    expect(verifySignature(other.id, "test/1", message, signature)).toBe(false);
    expect(verifySignature(twin.id, "test/2", message, signature)).toBe(false);
    expect(verifySignature(twin.id, "test/1", utf8Encode("hellp"), signature)).toBe(false);
    for (let index = 0; index < signature.length; index++) {
      const flipped = signature.slice();
      flipped[index]! ^= 1;
      expect(verifySignature(twin.id, "test/1", message, flipped)).toBe(false);
    }
  });

  test("is false, not an error, for malformed input", () => {
    expect(verifySignature("did:key:zebra", "test/1", message, signature)).toBe(false);
    expect(verifySignature(twin.id, "test/1", message, signature.subarray(1))).toBe(false);
    expect(verifySignature(twin.id, "test/1", message, new Uint8Array(64).fill(255))).toBe(false);
  });

  test("never verifies under a key of small order, nor with a scalar that was enlarged by the group order", () => {
    const identityPoint = new Uint8Array(32);
    identityPoint[0] = 1;
    const forged = new Uint8Array(64);
    forged[0] = 1;
    const smallOrder = twinIdOf(identityPoint);
    expect(isTwinId(smallOrder)).toBe(true);
    expect(verifySignature(smallOrder, "test/1", message, forged)).toBe(false);
    expect(verifySignature(twin.id, "test/1", message, addGroupOrder(signature))).toBe(false);
  });

  test("keeps domain and message apart", () => {
    expect(() => signedBytes("a\0b", message)).toThrow(RangeError);
    expect(() => signedBytes("", message)).toThrow(RangeError);
    expect(() => signedBytes("Ä", message)).toThrow(RangeError);
    expect(signedBytes("a", utf8Encode("b/c"))).not.toEqual(signedBytes("a/b", utf8Encode("c")));
  });

  test("round-trips the public key through the id", () => {
    expect(publicKeyOf(twin.id)).toHaveLength(32);
  });
});

function addGroupOrder(signature: Uint8Array): Uint8Array {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let scalar = BigInt(`0x${signature.slice(32).toReversed().toHex()}`) + order;
  const enlarged = signature.slice();
  for (let index = 32; index < 64; index++, scalar >>= 8n) enlarged[index] = Number(scalar & 255n);
  return enlarged;
}
