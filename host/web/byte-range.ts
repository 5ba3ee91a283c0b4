// The `Range` header, as far as we serve it: one range of bytes (RFC 9110, section 14).

/** A part of a whole: [offset, offset + sizeBytes). */
export interface ByteRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

const ONE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * The range that is asked of a whole of `totalSizeBytes`; "whole" when the header is absent, or is
 * none of ours (several ranges, other units), which a server may ignore; "none" when it lies outside.
 */
export function parseByteRange(header: string | undefined, totalSizeBytes: number): ByteRange | "whole" | "none" {
  const [, first, last] = ONE_RANGE.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return "whole";
  if (first === "") {
    const sizeBytes = Math.min(Number(last), totalSizeBytes);
    return sizeBytes === 0 ? "none" : { offset: totalSizeBytes - sizeBytes, sizeBytes };
  }
  const offset = Number(first);
  if (last !== "" && Number(last) < offset) return "whole";
  if (offset >= totalSizeBytes) return "none";
  const end = last === "" ? totalSizeBytes : Math.min(Number(last) + 1, totalSizeBytes);
  return { offset, sizeBytes: end - offset };
}
