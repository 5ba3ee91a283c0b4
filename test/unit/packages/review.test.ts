import { describe, expect, it } from "vitest";
import { concatBytes } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { inspectPackage } from "../../../host/packages/inspect-package.ts";
import { packageFile, readPackage, reviewPackage, signPackage } from "../../../host/packages/package-file.ts";
import { encodeReviews, signReview } from "../../../host/packages/review.ts";
import { customSection, readSections } from "../../../host/packages/wasm-sections.ts";
import { probePackage } from "../../support/probe-package.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";
import { testIdentity } from "../../support/test-identity.ts";

const [ada, ben] = [testIdentity(61), testIdentity(62)];
const bare = probePackage();
const { hash } = readPackage(bare, kernels);
const review = (bytes: Uint8Array, reviewer = ada): Uint8Array<ArrayBuffer> =>
  reviewPackage(bytes, { reviewer, kernels });

function codeOf(bytes: Uint8Array): string {
  try {
    readPackage(bytes, kernels);
    return "read";
  } catch (error) {
    return error instanceof TwinError ? error.code : String(error);
  }
}

describe("a review", () => {
  it("is added without another hash coming of it", () => {
    const both = review(review(bare), ben);
    const pack = readPackage(both, kernels);
    expect(pack.hash).toBe(hash);
    expect(pack.bytes).toEqual(bare);
    expect(new Set(pack.reviews.map(({ reviewer }) => reviewer))).toEqual(new Set([ada.id, ben.id]));
    expect(packageFile(pack)).toEqual(both);
    expect(WebAssembly.validate(both)).toBe(true);
  });

  it("stands in one place, whoever came first, and once for each reviewer", () => {
    expect(review(review(bare), ben)).toEqual(review(review(bare, ben)));
    expect(review(review(bare))).toEqual(review(bare));
  });

  it("does not survive any flipped bit", () => {
    const bytes = review(bare);
    for (let index = bare.length; index < bytes.length; index++) {
      const flipped = bytes.with(index, bytes[index]! ^ (1 << (index % 8)));
      expect(codeOf(flipped)).toMatch(/^TWIN_PACKAGE_(?:INVALID|SIGNATURE)$/u);
    }
  });

  it("of another package, or in another's name, is refused", () => {
    const other = readPackage(probePackage({ version: "1.0.1" }), kernels);
    expect(codeOf(concatBytes(bare, encodeReviews([signReview(other.hash, ada)])))).toBe("TWIN_PACKAGE_SIGNATURE");
    const stolen = { ...signReview(hash, ada), reviewer: ben.id };
    expect(codeOf(concatBytes(bare, encodeReviews([stolen])))).toBe("TWIN_PACKAGE_SIGNATURE");
    // A publisher's signature is of another domain: it says nothing as a review.
    const [content] = readSections(bare)
      .map((section) => section.content)
      .slice(-1);
    expect(codeOf(concatBytes(bare, customSection("twin.review", content!)))).toBe("TWIN_PACKAGE_SIGNATURE");
  });

  it("is refused in another order, twice, longer encoded, or with something behind it", () => {
    const both = review(review(bare), ben);
    const size = (both.length - bare.length) / 2;
    const [first, second] = [both.slice(bare.length, -size), both.slice(-size)];
    expect(codeOf(concatBytes(bare, second, first))).toBe("TWIN_PACKAGE_INVALID");
    expect(codeOf(concatBytes(bare, first, first))).toBe("TWIN_PACKAGE_INVALID");
    expect(codeOf(concatBytes(both, customSection("x", new Uint8Array(1))))).toBe("TWIN_PACKAGE_INVALID");
    const longer = concatBytes(bare, Uint8Array.of(0, size - 2 + 0x80, 0), first.subarray(2));
    expect(
      readSections(longer)
        .map(({ name }) => name)
        .at(-1),
    ).toBe("twin.review");
    expect(codeOf(longer)).toBe("TWIN_PACKAGE_INVALID");
  });

  it("falls away when another publisher signs", () => {
    const bytes = signPackage(review(bare), { publisher: ben, kernels });
    expect(readPackage(bytes, kernels)).toMatchObject({ publisher: ben.id, reviews: [] });
  });

  it("is one of a bounded number", () => {
    const reviews = Array.from({ length: LIMITS.packages.reviewCount + 1 }, (_, index) =>
      signReview(hash, testIdentity(100 + index)),
    );
    const full = concatBytes(bare, encodeReviews(reviews.slice(1)));
    expect(codeOf(full)).toBe("read");
    expect(codeOf(concatBytes(bare, encodeReviews(reviews)))).toBe("TWIN_PACKAGE_INVALID");
    expect(() => review(full)).toThrow(/17 reviews where 16 are allowed/u);
  });

  it("is told by an inspection", () => {
    expect(inspectPackage(review(bare), kernels)).toMatchObject({ hash, reviewers: [ada.id], problems: [] });
    expect(inspectPackage(bare, kernels).reviewers).toEqual([]);
  });
});
