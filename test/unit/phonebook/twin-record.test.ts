import { encode, rfc8949EncodeOptions } from "cborg";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { decodeTwinRecord, signTwinRecord } from "../../../host/phonebook/twin-record.ts";
import { testIdentity } from "../../support/test-identity.ts";

const ada = testIdentity(1);
const content = {
  sequence: 1,
  issuedAtMs: 1_000,
  expiresAtMs: 2_000,
  hosts: [{ peerId: "12D3KooWAda", multiaddrs: ["/ip4/192.0.2.1/tcp/4841"] }],
  name: "Ada 👩‍💻",
};
const fields = { version: 1, twin: ada.id, agreementKey: ada.agreementKey, ...content };

/** Signs whatever is given, as a twin with a hostile host can. */
function seal(value: unknown, bytes = new Uint8Array(encode(value, rfc8949EncodeOptions))): Uint8Array {
  return encode([bytes, ada.sign("twin-record/1", bytes)], rfc8949EncodeOptions);
}

describe("twin record", () => {
  test("has the bytes that the format's page shows", () => {
    expect(signTwinRecord(ada, content)).toEqual(new Uint8Array(seal(fields)));
    expect(signTwinRecord(ada, content).toHex()).toMatchInlineSnapshot(
      `"8258f3a8646e616d656f41646120f09f91a9e2808df09f92bb647477696e78386469643a6b65793a7a364d6b7631527939326e57746b41674474693945556659436a4361726467644b7255684678666967776144694b344665686f73747381a2667065657249646b313244334b6f6f574164616a6d756c7469616464727381772f6970342f3139322e302e322e312f7463702f343834316776657273696f6e016873657175656e6365016a69737375656441744d731903e86b6578706972657341744d731907d06c61677265656d656e744b657958204f5742bd5d409274337c51d44759b5d2fd81fb3dae82fc12231a7284cce45433584068b386c0f04bf960c58d24104deb84410eaa67c069bfec7b9bcb89ced1c3fb57c3d5251d4fc046d103f91062c1153b384431339f40bb1c55c19f99167c2b5f09"`,
    );
  });

  test("round-trips", () => {
    expect(decodeTwinRecord(signTwinRecord(ada, content))).toEqual({
      twin: ada.id,
      agreementKey: ada.agreementKey,
      ...content,
    });
  });

  test.each([
    ["another version", { ...fields, version: 2 }],
    ["a field too many", { ...fields, admin: true }],
    ["another twin's id", { ...fields, twin: testIdentity(2).id }],
    ["no twin", { ...fields, twin: "did:web:example.org" }],
    ["sequence zero", { ...fields, sequence: 0 }],
    ["a fractional sequence", { ...fields, sequence: 1.5 }],
    ["a negative sequence", { ...fields, sequence: -1 }],
    ["a time of expiry before its issue", { ...fields, expiresAtMs: 999 }],
    ["a short agreement key", { ...fields, agreementKey: new Uint8Array(31) }],
    ["hosts that are a map", { ...fields, hosts: {} }],
    ["too many hosts", { ...fields, hosts: Array(LIMITS.phonebook.hostCount + 1).fill(content.hosts[0]) }],
    ["a host with a field too many", { ...fields, hosts: [{ ...content.hosts[0], relays: [] }] }],
    ["a host without PeerId", { ...fields, hosts: [{ peerId: "", multiaddrs: [] }] }],
    ["an address that is none", { ...fields, hosts: [{ peerId: "p", multiaddrs: ["http://x"] }] }],
    ["too many addresses", { ...fields, hosts: [{ peerId: "p", multiaddrs: Array(17).fill("/ip4/192.0.2.1/tcp/1") }] }],
    ["a name with a line break", { ...fields, name: "Ada\nOwner" }],
    ["a name that turns text around", { ...fields, name: "Ada\u202egpj" }],
    ["a blank name", { ...fields, name: " " }],
    ["a long name", { ...fields, name: "x".repeat(65) }],
    ["content that is no map", [fields]],
    ["content that is null", null],
  ])("refuses %s although it is signed", (_, value) => {
    expect(refusal(seal(value))).toBeInstanceOf(TwinError);
  });

  test("refuses what is not deterministic CBOR although it is signed", () => {
    const good = new Uint8Array(encode(fields, rfc8949EncodeOptions));
    const longInteger = Uint8Array.fromHex(good.toHex().replace("6776657273696f6e01", "6776657273696f6e1801"));
    expect(longInteger.length).toBe(good.length + 1);
    expect(refusal(seal(undefined, longInteger)).message).toContain("deterministic");
    const unsorted = new Uint8Array(encode(fields, { mapSorter: () => 0 }));
    expect(refusal(seal(undefined, unsorted)).message).toContain("deterministic");
    const trailing = Uint8Array.of(...signTwinRecord(ada, content), 0);
    expect(refusal(trailing).message).toContain("deterministic");
  });

  test("refuses a signature of another domain", () => {
    const bytes = encode(fields, rfc8949EncodeOptions);
    expect(refusal(encode([bytes, ada.sign("peer-proof/1", bytes)])).message).toContain("signature");
  });

  test("refuses every single flipped bit and every cut", () => {
    const signed = signTwinRecord(ada, { ...content, hosts: [], name: "A" });
    for (let index = 0; index < signed.length; index++) {
      const flipped = signed.slice();
      flipped[index]! ^= 1 << (index % 8);
      expect(refusal(flipped), `byte ${index}`).toBeInstanceOf(TwinError);
      expect(refusal(signed.subarray(0, index))).toBeInstanceOf(TwinError);
    }
  });

  test("refuses any other bytes with its own error, large and deeply nested ones too", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => refusal(bytes) instanceof TwinError),
      { numRuns: 500 },
    );
    expect(refusal(new Uint8Array(LIMITS.phonebook.recordSizeBytes + 1)).message).toContain("bytes");
    expect(refusal(new Uint8Array(8_000).fill(0x81))).toBeInstanceOf(TwinError);
  });

  test("does not sign what others would refuse", () => {
    expect(() => signTwinRecord(ada, { ...content, name: "x".repeat(65) })).toThrow(TwinError);
    expect(() => signTwinRecord(ada, { ...content, sequence: 0 })).toThrow(TwinError);
  });
});

function refusal(signed: Uint8Array): TwinError {
  try {
    decodeTwinRecord(signed);
  } catch (error) {
    if (error instanceof TwinError && error.code === "TWIN_RECORD_INVALID") return error;
    throw error;
  }
  throw new Error("The record was accepted.");
}
