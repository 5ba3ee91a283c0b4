// What can be told of any file that may be a package, whole or broken, ours or not.

import { hexEncode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { decodeManifest } from "./manifest-file.ts";
import type { Manifest } from "./manifest.ts";
import { MANIFEST_SECTION, PACKAGE_SIZE_MAX, readPackage } from "./package-file.ts";
import { readFunctionExports, readImports, readSections, type WasmSection } from "./wasm-sections.ts";

/** What was found. JSON. */
export interface PackageReport {
  readonly sizeBytes: number;
  /** Hex BLAKE3 of the package without its reviews, of the whole file when it is none; absent when it is larger than any package. */
  readonly hash?: string | undefined;
  /** did:key of the publisher; present only when the signature holds. */
  readonly publisher?: string | undefined;
  /** did:keys of those whose reviews hold, in the order of their keys. */
  readonly reviewers: readonly string[];
  /** Present only when it is well-formed; trust it only together with `publisher`. */
  readonly manifest?: Manifest | undefined;
  /** What it asks of the host, `module.name`, in order. */
  readonly imports: readonly string[];
  /** Functions that it exports, in order. */
  readonly exports: readonly string[];
  /** Size of each section, custom ones by name. */
  readonly sections: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** Why it cannot be installed as it is, in words. Empty for a whole package; admission by the sandbox comes after. */
  readonly problems: readonly string[];
}

/** Core specification 2.0, section 5.5.2: the names of section ids. */
const SECTION_NAMES =
  "custom,type,import,function,table,memory,global,export,start,element,code,data,data count,tag".split(",");

/** Looks into any bytes. Never throws for what they hold. */
export function inspectPackage(bytes: Uint8Array, kernels: Pick<Kernels, "hash">): PackageReport {
  const problems: string[] = [];
  const attempt = <Result>(look: () => Result): Result | undefined => {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof TwinError)) throw error;
      if (!problems.includes(error.message)) problems.push(error.message);
      return undefined;
    }
  };
  const whole = attempt(() => readPackage(bytes, kernels));
  const isTooLarge = bytes.length > PACKAGE_SIZE_MAX;
  const sections = isTooLarge ? [] : (attempt(() => readSections(bytes)) ?? []);
  const written = sections.find(({ name }) => name === MANIFEST_SECTION);
  return {
    sizeBytes: bytes.length,
    hash: isTooLarge ? undefined : (whole?.hash ?? hexEncode(kernels.hash(bytes))),
    publisher: whole?.publisher,
    reviewers: whole?.reviews.map(({ reviewer }) => reviewer) ?? [],
    manifest: whole?.manifest ?? (written && attempt(() => decodeManifest(written.content))),
    imports: (attempt(() => readImports(sections)) ?? []).map(({ module, name }) => `${module}.${name}`),
    exports: attempt(() => readFunctionExports(sections)) ?? [],
    sections: sections.map((section) => ({ name: nameOf(section), sizeBytes: section.end - section.start })),
    problems,
  };
}

function nameOf({ id, name }: WasmSection): string {
  return name ?? SECTION_NAMES[id]!;
}
