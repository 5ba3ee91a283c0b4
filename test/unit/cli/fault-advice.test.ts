import { expect, it } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import { faultAdvice } from "../../../host/cli/fault-advice.ts";

const trap = (details: Readonly<Record<string, string | number>>) =>
  faultAdvice(new TwinError("TWIN_GUEST_TRAP", "The guest trapped.", details));

it("sends who met a trap to what the capability logged", () => {
  expect(trap({ trap: "unreachable", memorySizeBytes: 1_200_000 })).toMatch(/it logged/u);
  expect(trap({ trap: "divide by zero", memorySizeBytes: 60_000_000 })).toMatch(/it logged/u);
});

it("thinks of memory where much of it was taken, and of fuel where none is left", () => {
  expect(trap({ trap: "unreachable", memorySizeBytes: 60_000_000 })).toMatch(/limits\.memorySizeBytes/u);
  expect(faultAdvice(new TwinError("TWIN_GUEST_FUEL", "No fuel."))).toMatch(/limits\.callFuel/u);
});

it("adds nothing to errors that say enough", () => {
  expect(faultAdvice(new TwinError("TWIN_CALL_PARAMS", "The parameters do not fit."))).toBeUndefined();
});
