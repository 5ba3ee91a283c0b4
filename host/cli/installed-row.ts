// A line of a list of what is installed.

import type { ExperienceInfo, InstalledCapability } from "../index.ts";
import { formatSize } from "./output.ts";

/** Name, version, short hash, size and description: of capabilities and experiences alike. */
export function installedRow(item: InstalledCapability | ExperienceInfo): string[] {
  return [item.name, item.version, item.hash.slice(0, 16), formatSize(item.sizeBytes), item.description];
}
