// What every store accepts as a shard's name.

const NAME_PATTERN = /^[a-z0-9.-]{1,128}$/;

/** Whether `text` is a legal name. */
export function isShardName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

/** The name itself. Throws `RangeError` for one that is not legal: no store may be led out of its place. */
export function checkShardName(name: string): string {
  if (!isShardName(name)) throw new RangeError("A shard's name is 1 to 128 of a-z, 0-9, point and hyphen.");
  return name;
}
