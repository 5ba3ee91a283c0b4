import { readFileSync } from "node:fs";

import { expect, it } from "vitest";

import { INSTRUCTION_FUEL, METER_VERSION } from "../../../host/sandbox/metering/cost-table.ts";
import { INSTRUCTIONS } from "../../../host/sandbox/wasm/instruction-set.ts";

const page = readFileSync(new URL("../../../docs/formats/metering.md", import.meta.url), "utf8");

it("is documented, every instruction with its fuel", () => {
  const table = page.slice(page.indexOf("## Fuel of the instructions"));
  const documented = [...table.matchAll(/^\| (\d+) \| (.+) \|$/gmu)].flatMap(([, fuel, names]) =>
    [...names!.matchAll(/`([^`]+)`/gu)].map(([, name]) => `${name} ${fuel}`),
  );
  const used = INSTRUCTIONS.flatMap((entry, opcode) => (entry ? [`${entry.name} ${INSTRUCTION_FUEL[opcode]}`] : []));
  expect(documented.toSorted()).toEqual(used.toSorted());
  expect(page).toContain(`# Metering, version ${METER_VERSION}\n`);
});
