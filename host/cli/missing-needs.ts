// What an experience needs and nothing installed offers: it may come later, or be mistyped.

import type { ExperienceInfo, InstalledCapability } from "../index.ts";

/** A sentence for each capability that the experience needs, or lacks methods of. */
export function missingNeeds(
  { needs }: Pick<ExperienceInfo, "needs">,
  installed: readonly Pick<InstalledCapability, "name" | "version" | "methods">[],
): string[] {
  return needs.flatMap(({ capability, methods }) => {
    const [name, major] = capability.split("@");
    const there = installed.filter(
      (each) => each.name.split("@")[0] === name && (major === undefined || each.version.startsWith(`${major}.`)),
    );
    if (there.length === 0) return [`It needs the capability ${capability}, which is not installed.`];
    const missing = methods.filter((method) => !there.some((each) => Object.hasOwn(each.methods, method)));
    if (missing.length === 0) return [];
    const those = [...new Set(there.flatMap((each) => Object.keys(each.methods)))].toSorted().join(", ");
    return [`It needs ${missing.join(", ")} of ${capability}, which has: ${those}.`];
  });
}
