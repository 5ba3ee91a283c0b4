// A capability package: one .wasm file that carries its manifest and its publisher's signature
// (docs/formats/package.md). The bytes are a stranger's until the signature holds.

import { concatBytes, equalBytes, hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Identity } from "../identity/identity.ts";
import { SIGNATURE_SIZE, verifySignature } from "../identity/signature.ts";
import { publicKeyOf, twinIdOf } from "../identity/twin-id.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { decodeManifest, encodeManifest } from "./manifest-file.ts";
import type { CapabilityPackage, Manifest } from "./manifest.ts";
import { decodeReviews, encodeReviews, REVIEW_SECTION, type Reviewer, REVIEWS_SIZE_MAX, signReview } from "./review.ts";
import { customSection, readSections, type WasmSection } from "./wasm-sections.ts";

/** Custom section of the manifest: canonical JSON. */
export const MANIFEST_SECTION = "twin.manifest";
/** Custom section of the signature: the last of what is hashed; only reviews follow it. */
const SIGNATURE_SECTION = "twin.signature";
const OWN_SECTIONS: ReadonlySet<string> = new Set([MANIFEST_SECTION, SIGNATURE_SECTION, REVIEW_SECTION]);
const SIGNATURE_DOMAIN = "package/1";
const SIGNATURE_VERSION = 1;
const PUBLIC_KEY_SIZE = 32;

/** Whoever signs packages: the publisher's key *is* the namespace of its capabilities. */
export type Publisher = Pick<Identity, "id" | "sign">;

type Hashing = Pick<Kernels, "hash">;

/** Bytes of the largest file that can be a package. */
export const PACKAGE_SIZE_MAX: number = LIMITS.sandbox.moduleSizeBytes + REVIEWS_SIZE_MAX;

/**
 * Reads and verifies a package. The result holds copies, nothing of `bytes`. Throws `TWIN_PACKAGE_INVALID`
 * when it is none (any garbage, sizes above the limits, a section missing, doubled or misplaced, a
 * malformed manifest) and `TWIN_PACKAGE_SIGNATURE` when the signature does not hold. It does not
 * say that the module may run: that is the sandbox's admission.
 */
export function readPackage(bytes: Uint8Array, kernels: Hashing): CapabilityPackage {
  if (bytes.length > PACKAGE_SIZE_MAX) throw tooLarge(bytes.length);
  const sections = readSections(bytes);
  const manifest = onlySection(sections, MANIFEST_SECTION);
  const signature = onlySection(sections, SIGNATURE_SECTION);
  if (manifest.start > signature.start) throw invalid("its signature does not cover its manifest");
  const reviewed = new Uint8Array(bytes.subarray(0, signature.end));
  if (reviewed.length > LIMITS.sandbox.moduleSizeBytes) throw tooLarge(reviewed.length);
  const publisher = checkSignature(reviewed, signature, kernels);
  const hash = hexEncode(kernels.hash(reviewed));
  const behind = sections.slice(sections.indexOf(signature) + 1);
  const reviews = decodeReviews(bytes.subarray(signature.end), behind, hash);
  return { manifest: decodeManifest(manifest.content), publisher, hash, bytes: reviewed, reviews };
}

/**
 * The package of a module and its manifest, signed by `publisher`. Deterministic: same arguments,
 * same bytes. An earlier manifest and signature in `wasm` are replaced, and reviews fall away. Throws
 * `TWIN_PACKAGE_INVALID` when the module or the manifest is malformed or the result is too large.
 */
export function writePackage(parts: {
  readonly wasm: Uint8Array;
  readonly manifest: Manifest;
  readonly publisher: Publisher;
  readonly kernels: Hashing;
}): Uint8Array<ArrayBuffer> {
  const { wasm, publisher, kernels } = parts;
  const kept = readSections(wasm).filter(({ name }) => name === undefined || !OWN_SECTIONS.has(name));
  const signed = concatBytes(
    wasm.subarray(0, 8),
    ...kept.map(({ start, end }) => wasm.subarray(start, end)),
    customSection(MANIFEST_SECTION, encodeManifest(parts.manifest)),
  );
  const signature = publisher.sign(SIGNATURE_DOMAIN, kernels.hash(signed));
  const bytes = concatBytes(signed, signatureSection(publisher.id, signature));
  readPackage(bytes, kernels);
  return bytes;
}

/**
 * The same module and manifest, signed by `publisher` in place of whoever signed before. Throws
 * `TWIN_PACKAGE_INVALID` when `bytes` is no module with a manifest.
 */
export function signPackage(
  bytes: Uint8Array,
  { publisher, kernels }: { readonly publisher: Publisher; readonly kernels: Hashing },
): Uint8Array<ArrayBuffer> {
  const manifest = decodeManifest(onlySection(readSections(bytes), MANIFEST_SECTION).content);
  return writePackage({ wasm: bytes, manifest, publisher, kernels });
}

/** The file of a package with its reviews. */
export function packageFile({ bytes, reviews }: CapabilityPackage): Uint8Array<ArrayBuffer> {
  return concatBytes(bytes, encodeReviews(reviews));
}

/**
 * The same package with a review by `reviewer`, in the place of an earlier one of theirs: its hash stays.
 * Throws as {@link readPackage}, also when it has no room for one more review.
 */
export function reviewPackage(
  bytes: Uint8Array,
  { reviewer, kernels }: { readonly reviewer: Reviewer; readonly kernels: Hashing },
): Uint8Array<ArrayBuffer> {
  const pack = readPackage(bytes, kernels);
  const reviewed = packageFile({ ...pack, reviews: [...pack.reviews, signReview(pack.hash, reviewer)] });
  readPackage(reviewed, kernels);
  return reviewed;
}

function onlySection(sections: readonly WasmSection[], name: string): WasmSection {
  const [section, ...more] = sections.filter((section) => section.name === name);
  if (section === undefined) throw invalid(`it has no section ${name}; build it with: twin capability build FOLDER`);
  if (more.length > 0) throw invalid(`it has ${more.length + 1} sections ${name} where one is allowed`);
  return section;
}

function checkSignature(bytes: Uint8Array, section: WasmSection, kernels: Hashing): string {
  const { content, start } = section;
  if (content.length !== 1 + PUBLIC_KEY_SIZE + SIGNATURE_SIZE || content[0] !== SIGNATURE_VERSION) {
    throw invalid(`its signature has not the form of version ${SIGNATURE_VERSION}`);
  }
  const publisher = twinIdOf(content.subarray(1, 1 + PUBLIC_KEY_SIZE));
  const signature = content.subarray(1 + PUBLIC_KEY_SIZE);
  // One encoding only: else the same signed bytes could stand under several hashes.
  if (!equalBytes(bytes.subarray(start), signatureSection(publisher, signature))) {
    throw invalid("its signature section is not encoded in the shortest form");
  }
  if (!verifySignature(publisher, SIGNATURE_DOMAIN, kernels.hash(bytes.subarray(0, start)), signature)) {
    throw new TwinError(
      "TWIN_PACKAGE_SIGNATURE",
      "The publisher's signature does not hold: the package was changed after it was signed, or signed with another key. Get it again from its publisher.",
      { publisher },
    );
  }
  return publisher;
}

function signatureSection(publisher: string, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const content = concatBytes(Uint8Array.of(SIGNATURE_VERSION), publicKeyOf(publisher), signature);
  return customSection(SIGNATURE_SECTION, content);
}

function tooLarge(sizeBytes: number): TwinError {
  return invalid(`it has ${sizeBytes} bytes; at most ${LIMITS.sandbox.moduleSizeBytes} are allowed`);
}

function invalid(why: string): TwinError {
  return new TwinError("TWIN_PACKAGE_INVALID", `This is not a capability package: ${why}.`);
}
