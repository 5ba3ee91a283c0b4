import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { hexEncode, utf8Encode } from "../../../host/base/bytes.ts";
import { openKernelModule } from "../../../host/kernels/open-kernel-module.ts";
import { createShaHashing } from "../../../host/kernels/sha-hashing.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const module = await openKernelModule();
const kernels = createShaHashing(module);
const UNTOUCHED = module.bytes.slice();
const DATA = seededBytes(90, 200_100);

// FIPS 180-4's examples, as NIST publishes them.
it.each([
  ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
])("hashes %j as the standard says", (text, expected) => {
  expect(hexEncode(kernels.sha256(utf8Encode(text)))).toBe(expected);
});

it("equals OpenSSL for every size up to 1,100, and around the pieces of the window", () => {
  const sizes = [...Array(1_101).keys(), 65_535, 65_536, 65_537, 131_072, 200_000];
  for (const size of sizes) {
    const data = DATA.subarray(size % 7, (size % 7) + size);
    const expected = createHash("sha256").update(data).digest();
    if (Buffer.compare(kernels.sha256(data), expected) !== 0) expect.fail(`the hash of ${size} bytes differs`);
  }
});

it("leaves nothing of what it hashed in the module's memory", () => {
  for (const size of [0, 40, 64, 1_000, 150_000]) {
    kernels.sha256(DATA.subarray(0, size));
    expect(Buffer.compare(module.bytes, UNTOUCHED)).toBe(0);
  }
});
