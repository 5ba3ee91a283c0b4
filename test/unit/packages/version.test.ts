import { describe, expect, it } from "vitest";
import { compareVersions, VERSION_PATTERN } from "../../../host/packages/version.ts";

describe("compareVersions", () => {
  it("orders as semver.org, section 11, does", () => {
    const ascending = [
      "0.0.1",
      "0.9.0",
      "0.10.0",
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
      "1.0.1",
      "2.0.0",
      "10.0.0",
    ];
    for (const [index, left] of ascending.entries()) {
      for (const [other, right] of ascending.entries()) {
        expect(Math.sign(compareVersions(left, right)), `${left} ${right}`).toBe(Math.sign(index - other));
      }
    }
  });

  it.each(["1", "1.0", "v1.0.0", "1.0.0+b", "1.0.0-", "1.0.0-01", "01.0.0", "1.0.0\n", "9999999999.0.0"])(
    "refuses %j",
    (version) => {
      expect(VERSION_PATTERN.test(version)).toBe(false);
    },
  );
});
