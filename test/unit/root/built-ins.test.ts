import { join } from "node:path";
import { expect, test } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import { installBuiltIns } from "../../../host/built-ins.ts";
import type { InstalledCapability } from "../../../host/packages/manifest.ts";
import { readPackage } from "../../../host/packages/package-file.ts";
import { createSettings } from "../../../host/settings.ts";
import { createFakeEngine } from "../../support/fake-engine.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";

const ROOT = join(import.meta.dirname, "../../..");

test("a built-in that lacks the owner's reviews does not keep the host from starting, and is tried again", async () => {
  const engine = createFakeEngine();
  const installed: string[] = [];
  let needsReviews = true;
  const start = () =>
    installBuiltIns({
      packages: join(ROOT, "capabilities", "build"),
      experiences: "",
      engine: {
        ...engine,
        install: async (bytes) => {
          const { name } = readPackage(bytes, kernels).manifest;
          if (needsReviews && name === "chat") throw new TwinError("TWIN_PACKAGE_REVIEW", "Nobody has looked at it.");
          installed.push(name);
          return {} as InstalledCapability;
        },
      },
      shelf: { install: () => Promise.reject(new TwinError("TWIN_EXPERIENCE_UNKNOWN", "No experiences here.")) },
      settings: createSettings(engine),
    });
  // The experiences come after the capabilities.
  await expect(start()).rejects.toMatchObject({ code: "TWIN_EXPERIENCE_UNKNOWN" });
  expect(installed).toEqual(["echo", "contacts", "files"]);
  needsReviews = false;
  await expect(start()).rejects.toMatchObject({ code: "TWIN_EXPERIENCE_UNKNOWN" });
  expect(installed).toEqual(["echo", "contacts", "files", "chat"]);
});
