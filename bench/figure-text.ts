// Figures as people read them.

/** `1,234 MB/s`: four significant places at most. */
export function formatFigure(value: number, unit: string): string {
  const places = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  const digits = { maximumFractionDigits: places, minimumFractionDigits: places };
  return `${value.toLocaleString("en-US", digits)} ${unit}`;
}

/** `64 KiB`, or nothing for a case without a size. */
export function formatBytes(sizeBytes: number | undefined): string {
  if (sizeBytes === undefined) return "";
  if (sizeBytes >= 1_048_576) return `${Number((sizeBytes / 1_048_576).toFixed(1))} MiB`;
  return sizeBytes >= 1_024 ? `${Number((sizeBytes / 1_024).toFixed(1))} KiB` : `${sizeBytes} B`;
}

/** `1.62`, or `-` where there is nobody to compare with. */
export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? "-" : ratio >= 100 ? ratio.toFixed(0) : ratio.toFixed(2);
}

/** `±3%` */
export function formatSpread(spread: number): string {
  return `±${(spread * 100).toFixed(0)}%`;
}
